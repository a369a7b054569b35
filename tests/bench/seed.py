"""Months of made-up traffic through the real ledger: `python -m tests.bench.seed --data-dir DIR --events 10000000`.

Every event is held, rated, billed and chained as a request's is, so that `audit` finds nothing; only nobody was served.  Some
10,000 events a second on SQLite.
"""

import argparse
import asyncio
import math
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from gateway.accounts.types import Account
from gateway.catalog.read_toml import shipped
from gateway.catalog.types import Model
from gateway.credit.give import open_account
from gateway.credit.types import NO_CAPS, Order
from gateway.jobs.roll_up import roll_step
from gateway.keys.create import create_key
from gateway.kit.clock import DAY_US, now_us
from gateway.kit.db import Database, WriteConn
from gateway.kit.ids import new_id
from gateway.kit.money import NANOS_PER_USD
from gateway.metering.batch import Charge
from gateway.metering.types import Outcome, UsageEvent
from gateway.metering.writer import Writer
from gateway.settings import Settings
from gateway.start import prepare

BATCH = 500
MODELS = ("magistral-small-2509", "codestral-2508", "mistral-embed-2312")
NAMES = ("backend", "batch jobs", "playground", "ci", "support bot")
OUTCOMES: tuple[Outcome, ...] = (
    *["completed"] * 92,
    *["client_gone"] * 4,
    *["worker_failed"] * 3,
    "credit_ended",
)  # type: ignore[assignment]


class Seeder:
    """`now` is the clock that the ledger sees: it goes from `days` ago until now, busier by day than by night."""

    def __init__(self, database: Database, *, accounts: int, seed: int = 7) -> None:
        self.database, self.book = database, shipped()
        self.dice = random.Random(seed)
        self.now = now_us()
        self.models = {model.id: model for model in self.book.models}
        self.keys = [self._account(number) for number in range(accounts)]

    def _account(self, number: int) -> list[tuple[str, str]]:
        """Its keys: (account, key).  The first accounts are the busy ones."""

        def make(conn: WriteConn) -> list[tuple[str, str]]:
            account: Account = open_account(
                conn,
                f"seed-{number}-{new_id('acc')[-6:]}",
                grant_nanousd=10**6 * NANOS_PER_USD,
                kind="top_up",
                reason="seed",
            )
            made = [
                create_key(conn, kind="account", account_id=account.id, name=name, key_secret=b"seed")[0]
                for name in NAMES
            ]
            return [(account.id, key.id) for key in made]

        return self.database.write_now(make)

    async def run(self, events: int, days: int) -> None:
        writer = Writer(self.database, lease_ttl_us=DAY_US, clock=lambda: self.now)
        end = now_us()
        for times in _batches(sorted(self._times(events, days, end))):
            self.now = times[-1]
            await asyncio.gather(*(self._serve(writer, at) for at in times))
            writer.tick()
        self.now = end
        await writer.close()

    def _times(self, events: int, days: int, end: int) -> Iterator[int]:
        for _ in range(events):
            while True:
                at = end - self.dice.randrange(days * DAY_US)
                if self.dice.random() < _busy(at):
                    yield at
                    break

    async def _serve(self, writer: Writer, at: int) -> None:
        owners = self.keys[min(int(self.dice.expovariate(0.7)), len(self.keys) - 1)]
        account_id, key_id = owners[min(int(self.dice.expovariate(0.9)), len(owners) - 1)]
        model = self.models[self.dice.choices(MODELS, (8, 3, 1))[0]]
        request_id = new_id("req")
        price = model.prices.output_max
        hold = await writer.hold(
            Order(request_id=request_id, account_id=account_id, key_id=key_id, prompt_nanousd=10**7,
                  output_tokens_max=4000, output_price_nanousd_per_mtok=price, caps=NO_CAPS, monthly_free_nanousd=0)
        )  # fmt: skip
        event = self._event(request_id, account_id, key_id, model, at, hold.amount_nanousd)
        await writer.charge(Charge(hold=hold, event=event, prices=model.prices, tiers=self.book.tiers))

    def _event(
        self, request_id: str, account_id: str, key_id: str, model: Model, at: int, held: int
    ) -> UsageEvent:
        dice = self.dice
        inputs = int(dice.lognormvariate(6.5, 1.1)) + 1
        images = min(inputs, 3080) if model.vision and dice.random() < 0.1 else 0
        outputs = 0 if model.embeddings else min(int(dice.lognormvariate(5.3, 0.9)) + 1, 4000)
        thought = int(outputs * dice.random()) if model.reasoning else 0
        outcome = dice.choice(OUTCOMES) if outputs else "completed"
        took = 200_000 + outputs * 15_000
        return UsageEvent(
            request_id=request_id, account_id=account_id, key_id=key_id, model=model.id, worker="seed",
            price_version=self.book.version, outcome=outcome, streamed=dice.random() < 0.7, input_source="worker",
            image_source="worker", output_source="worker", reasoning_source="worker", input_tokens=inputs,
            input_image_tokens=images, input_cached_tokens=int((inputs - images) * dice.random() * 0.5),
            output_tokens=outputs, output_reasoning_tokens=thought, cost_nanousd=0, held_nanousd=held, created_us=at,
            duration_us=took, first_byte_us=took // 10,
        )  # fmt: skip


def _busy(at: int) -> float:
    """Of a moment, beside the busiest: noon is, and weekends are half of that."""
    hour, weekday = at % DAY_US / DAY_US * 24, (at // DAY_US + 3) % 7
    return (0.55 - 0.45 * math.cos(hour / 24 * 2 * math.pi)) * (0.5 if weekday > 4 else 1)


def _batches(times: list[int]) -> Iterator[list[int]]:
    for begin in range(0, len(times), BATCH):
        yield times[begin : begin + BATCH]


async def roll_all(database: Database) -> None:
    while not await roll_step(database):
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--database-url", default="")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--accounts", type=int, default=12)
    args = parser.parse_args()
    settings = Settings(data_dir=args.data_dir, database_url=args.database_url)
    prepare(settings)
    database = Database(settings.database)
    began = time.monotonic()
    seeder = Seeder(database, accounts=args.accounts)
    asyncio.run(seeder.run(args.events, args.days))
    asyncio.run(roll_all(database))
    database.close()
    took = time.monotonic() - began
    print(f"{args.events:,} events in {took:.0f} s, {args.events / took:,.0f}/s; accounts:", file=sys.stderr)
    for keys in seeder.keys:
        print(keys[0][0])


if __name__ == "__main__":
    main()
