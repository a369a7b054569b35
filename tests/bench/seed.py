"""Months of made-up traffic in a ledger: `python -m tests.bench.seed --data-dir DIR --events 10000000`.

One huge account, some middling ones and a long tail; every event is rated, billed and chained as a request's is, so that
`audit` finds nothing; only nobody was served.  Stopped half-way, the same command goes on where it was.  With `--postgres`
the ledger is in a real PostgreSQL in DIR, which runs while the command does; with `--database-url` it is anywhere.
"""

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from sqlalchemy import func, select

from gateway.catalog.read_toml import shipped
from gateway.credit.give import give, open_account
from gateway.credit.tables import balances
from gateway.jobs.roll_up import roll_step
from gateway.keys.create import create_key
from gateway.kit.clock import now_us
from gateway.kit.db import Database, WriteConn, opened
from gateway.kit.money import NANOS_PER_USD
from gateway.settings import Settings
from gateway.start import prepare
from tests.bench.bulk import Bulk
from tests.bench.traffic import PIECE, Owner, Plan, Traffic, keys_of
from tests.fixtures.postgres import PostgresServer

SAY_EVERY_S = 10
GRANTS = tuple(usd * NANOS_PER_USD for usd in (5, 20, 1000, 10**6))


class Seeded(msgspec.Struct, frozen=True):
    """What `seed.json` in the data directory remembers, so that a second run goes on."""

    plan: Plan
    owners: tuple[Owner, ...]


def open_accounts(
    conn: WriteConn, count: int, keys: Callable[[int], int] = keys_of, grants: Sequence[int] = GRANTS
) -> tuple[Owner, ...]:
    """The busiest first; each with credit that burns down grant by grant and is enough."""
    owners = []
    for place in range(count):
        account = open_account(
            conn, f"seed-{place:05}", grant_nanousd=grants[0], kind="sign_up", reason="seed"
        )
        for nanousd in grants[1:]:
            give(conn, account.id, nanousd, kind="top_up", reason="seed")
        made = [
            create_key(conn, kind="account", account_id=account.id, name=f"key {number}", key_secret=b"seed")[
                0
            ]
            for number in range(keys(place))
        ]
        owners.append(Owner(account.id, [key.id for key in made]))
    return tuple(owners)


def begin(database: Database, data_dir: Path, wanted: Plan) -> Seeded:
    """As remembered, or anew."""
    memory = data_dir / "seed.json"
    if not memory.exists():
        owners = database.write_now(lambda conn: open_accounts(conn, wanted.accounts))
        memory.write_bytes(msgspec.json.encode(Seeded(wanted, owners)))
    seeded = msgspec.json.decode(memory.read_bytes(), type=Seeded)
    if msgspec.structs.replace(seeded.plan, end_us=wanted.end_us) != wanted:
        raise SystemExit(f"{memory} is about {seeded.plan}; give the same, or another directory")
    return seeded


def written(database: Database) -> int:
    return int(
        database.read_now(lambda conn: conn.execute(select(func.sum(balances.c.chain_seq))).scalar()) or 0
    )


def fill(database: Database, plan: Plan, owners: Sequence[Owner]) -> None:
    """Writes what is missing, a piece in a transaction."""
    book = shipped()
    traffic = Traffic(plan, owners, book)
    bulk = database.write_now(lambda conn: Bulk(conn, book))
    done = first = written(database)
    began = said = time.monotonic()
    while done < plan.events:
        events = traffic.piece(done // PIECE)
        done += database.write_now(lambda conn, events=events: bulk.write(conn, events))  # type: ignore[misc]
        if time.monotonic() > said + SAY_EVERY_S or done == plan.events:
            said = time.monotonic()
            rate = (done - first) / (said - began)
            print(f"{done:>12,} of {plan.events:,} events, {rate:,.0f}/s, {(plan.events - done) / rate:,.0f} s to go",
                  file=sys.stderr, flush=True)  # fmt: skip


def roll_all(database: Database) -> None:
    """Brings the sums up to date, as a running gateway would have."""

    async def roll() -> None:
        while not await roll_step(database):
            pass

    began = time.monotonic()
    asyncio.run(roll())
    print(f"sums: {time.monotonic() - began:,.0f} s", file=sys.stderr)


@contextlib.contextmanager
def ledger_of(args: argparse.Namespace) -> Iterator[tuple[Settings, Database]]:
    """SQLite in the data directory, PostgreSQL in it, or a database elsewhere; at the newest schema."""
    with contextlib.ExitStack() as stack:
        url = args.database_url
        if args.postgres:
            server = PostgresServer(args.data_dir / "postgres")
            stack.callback(server.stop)
            url = server.url
        settings = Settings(data_dir=args.data_dir, database_url=url)
        prepare(settings)
        yield settings, stack.enter_context(opened(settings.database))


def arguments(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--database-url", default="")
    parser.add_argument(
        "--postgres", action="store_true", help="a PostgreSQL from a wheel, in the data directory"
    )
    return parser


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--accounts", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    plan = Plan(events=args.events, days=args.days, accounts=args.accounts, seed=args.seed, end_us=now_us())
    with ledger_of(args) as (_, database):
        seeded = begin(database, args.data_dir, plan)
        fill(database, seeded.plan, seeded.owners)
        roll_all(database)
    print(f"the huge account is {seeded.owners[0].account_id}")


if __name__ == "__main__":
    main()
