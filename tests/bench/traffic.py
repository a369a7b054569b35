"""What somebody asked for over months, made up: the same each time for the same plan, and any piece of it alone."""

import math
import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

import msgspec

from gateway.catalog.types import Model, PriceBook
from gateway.kit.clock import HOUR_US
from gateway.metering.types import Outcome, UsageEvent

PIECE = 10_000
"""Events that are made, and written, together."""
MODELS = {"magistral-small-2509": 8, "mistral-small-2603": 5, "ministral-8b-2512": 3, "codestral-2508": 3,
          "mistral-embed-2312": 2}  # fmt: skip
OUTCOMES: dict[Outcome, int] = {
    "completed": 920,
    "client_gone": 40,
    "worker_failed": 25,
    "credit_ended": 10,
    "empty": 5,
}
MIDDLING = 20
"""Accounts after the first, which has half of all; the rest is a long tail that has 15 %."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`end_us`: when the traffic ends; with it a piece is the same whenever it is made."""

    events: int
    days: int
    accounts: int
    seed: int
    end_us: int


class Owner(msgspec.Struct, frozen=True):
    """An account and its keys, the busiest first."""

    account_id: str
    key_ids: Sequence[str]


def keys_of(place: int) -> int:
    """How many keys the account at this place has: the huge one 40, the long tail two."""
    return 40 if place == 0 else 8 if place <= MIDDLING else 2


class Traffic:
    def __init__(self, plan: Plan, owners: Sequence[Owner], book: PriceBook) -> None:
        self._plan, self._owners, self._book = plan, owners, book
        found = {model.id: model for model in book.models}
        self._models = [found[name] for name in MODELS]
        middling = min(MIDDLING, len(owners) - 1)
        tail = len(owners) - 1 - middling
        self._weights = list(accumulate(
            [0.5, *(0.35 / middling for _ in range(middling)), *(0.15 / tail for _ in range(tail))]
        ))  # fmt: skip
        self._first_hour = plan.end_us // HOUR_US - plan.days * 24
        self._busy = list(accumulate(_busy(self._first_hour + hour) for hour in range(plan.days * 24)))

    def piece(self, number: int) -> Iterator[UsageEvent]:
        """The events [number * PIECE, …) in the order in which they began, unrated; `held` is ample."""
        dice = random.Random(f"{self._plan.seed}:{number}")
        count = min(PIECE, self._plan.events - number * PIECE)
        share = self._busy[-1] / self._plan.events
        places = sorted(dice.random() * count + number * PIECE for _ in range(count))
        owners = dice.choices(self._owners, cum_weights=self._weights, k=count)
        models = dice.choices(self._models, list(MODELS.values()), k=count)
        outcomes = dice.choices(list(OUTCOMES), list(OUTCOMES.values()), k=count)
        for place, owner, model, outcome in zip(places, owners, models, outcomes, strict=True):
            yield self._event(dice, self._at(place * share), owner, model, outcome)

    def _at(self, mass: float) -> int:
        """The instant by which so much of all traffic has come."""
        hour = min(bisect_right(self._busy, mass), len(self._busy) - 1)
        before = self._busy[hour - 1] if hour else 0.0
        part = min((mass - before) / (self._busy[hour] - before), 0.999999)
        return (self._first_hour + hour) * HOUR_US + int(part * HOUR_US)

    def _event(
        self, dice: random.Random, at: int, owner: Owner, model: Model, outcome: Outcome
    ) -> UsageEvent:
        key_id = owner.key_ids[min(int(dice.expovariate(0.4)), len(owner.key_ids) - 1)]
        inputs = int(dice.lognormvariate(6.5, 1.1)) + 1
        images = min(inputs, 3080) if model.vision and dice.random() < 0.1 else 0
        nothing = model.embeddings or outcome == "empty"
        outputs = 0 if nothing else min(int(dice.lognormvariate(5.3, 0.9)) + 1, 4000)
        took = 200_000 + outputs * 15_000
        return UsageEvent(
            request_id=f"req_{at // 1000:012x}7{dice.getrandbits(76):019x}", account_id=owner.account_id, key_id=key_id,
            model=model.id, worker="seed", price_version=self._book.version,
            outcome="completed" if model.embeddings else outcome, streamed=dice.random() < 0.7, input_source="worker",
            image_source="worker", output_source="worker", reasoning_source="worker", input_tokens=inputs,
            input_image_tokens=images, input_cached_tokens=int((inputs - images) * dice.random() * 0.5),
            output_tokens=outputs, output_reasoning_tokens=int(outputs * dice.random()) if model.reasoning else 0,
            cost_nanousd=0, held_nanousd=(inputs * model.prices.input_max + 4000 * model.prices.output_max) // 10**6 + 10**6,
            created_us=at, duration_us=took, first_byte_us=took // 10,
            worker_cost_nanousd=_worker_cost(model, inputs, outputs, outcome),
        )  # fmt: skip


def _worker_cost(model: Model, inputs: int, outputs: int, outcome: Outcome) -> int | None:
    """Two fifths of list price; not known of what failed, and of one of the models."""
    if outcome == "worker_failed" or model.id == "codestral-2508":
        return None
    return 2 * (inputs * model.prices.input_max + outputs * model.prices.output_max) // (5 * 10**6)


def _busy(hour: int) -> float:
    """Of an hour since 1970, beside the busiest: noon is, and weekends are half of that."""
    weekday = (hour // 24 + 3) % 7
    return (0.55 - 0.45 * math.cos(hour % 24 / 24 * 2 * math.pi)) * (0.5 if weekday > 4 else 1)
