from typing import Literal

import msgspec

from gateway.catalog.types import TOKEN_CLASSES
from gateway.metering.types import OUTCOMES
from gateway.rollups.month import Month

Period = Literal["hour", "day", "month"]
By = Literal["period", "account_id", "key_id", "project_id", "model"]


class Behind(msgspec.Struct, frozen=True):
    """An account whose sums end at `done`, while its events go on to `head`."""

    account_id: str
    done: int
    head: int


Group = tuple[int, str, str, str]
"""Of an account's requests: the number of a period since 1970; key, project (empty: in none) and model."""
Counted = dict[str, int]
"""The fields of a `Detail` while they are added up."""


class Tallied(msgspec.Struct, frozen=True):
    """Some events of an account: its months by number, as statements say them, and the sums of each group."""

    months: dict[int, Month]
    sums: dict[Group, Counted]


class Portion(msgspec.Struct, frozen=True):
    """The events of an account numbered (done, until], by month and by hour."""

    account_id: str
    done: int
    until: int
    tallied: Tallied


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """Of one group of requests.  `unbilled_requests` failed on our side, or were empty; `duration_us` is in all.

    `worker_cost_nanousd` is what the workers of some requests cost, as far as it is known, and `cost_known_nanousd` the
    part of `cost_nanousd` that is of the same requests.
    """

    requests: int = 0
    unbilled_requests: int = 0
    input_tokens: int = 0
    input_image_tokens: int = 0
    input_cached_tokens: int = 0
    output_tokens: int = 0
    output_reasoning_tokens: int = 0
    cost_nanousd: int = 0
    duration_us: int = 0
    worker_cost_nanousd: int = 0
    cost_known_nanousd: int = 0

    @property
    def margin_nanousd(self) -> int:
        """Of the requests whose worker's cost is known."""
        return self.cost_known_nanousd - self.worker_cost_nanousd


class Detail(Sums, frozen=True, kw_only=True):
    """Sums with how the requests ended and what each class of their tokens cost.

    What was summed before there was revision 0023 is in neither: `unsplit_requests` and `unsplit_nanousd` say how much that
    is.  Split parts and this rest add up to `requests` and to `cost_nanousd`.
    """

    completed_requests: int = 0
    client_gone_requests: int = 0
    credit_ended_requests: int = 0
    empty_requests: int = 0
    worker_failed_requests: int = 0
    worker_refused_requests: int = 0
    deadline_requests: int = 0
    gateway_failed_requests: int = 0
    input_cached_image_tokens: int = 0
    """Of the cached tokens those of pictures."""
    input_text_nanousd: int = 0
    input_image_nanousd: int = 0
    input_cached_nanousd: int = 0
    output_text_nanousd: int = 0
    output_reasoning_nanousd: int = 0

    @property
    def outcomes(self) -> dict[str, int]:
        """How many requests ended in each way."""
        return {outcome: getattr(self, f"{outcome}_requests") for outcome in OUTCOMES}

    @property
    def unsplit_requests(self) -> int:
        return self.requests - sum(self.outcomes.values())

    @property
    def class_tokens(self) -> dict[str, int]:
        """Every token in exactly one class, as in catalog/rate.py."""
        cached_text = self.input_cached_tokens - self.input_cached_image_tokens
        return {
            "input_text": self.input_tokens - self.input_image_tokens - cached_text,
            "input_image": self.input_image_tokens - self.input_cached_image_tokens,
            "input_cached": self.input_cached_tokens,
            "output_text": self.output_tokens - self.output_reasoning_tokens,
            "output_reasoning": self.output_reasoning_tokens,
        }

    @property
    def class_nanousd(self) -> dict[str, int]:
        """What the tokens of each class cost."""
        return {each: getattr(self, f"{each}_nanousd") for each in TOKEN_CLASSES}

    @property
    def unsplit_nanousd(self) -> int:
        return self.cost_nanousd - sum(self.class_nanousd.values())


class LineSum(msgspec.Struct, frozen=True):
    """An account's tokens of one class of a model in a month, in all tiers and under all books, and what they cost."""

    account_id: str
    model: str
    token_class: str
    tokens: int
    cost_nanousd: int


class Rerated(msgspec.Struct, frozen=True):
    """What a month cost and would have cost.  `unpriced_nanousd`, of models that the other book has not, is in neither."""

    cost_nanousd: int = 0
    other_nanousd: int = 0
    unpriced_nanousd: int = 0
    account_id: str = ""
    name: str = ""

    @property
    def difference_nanousd(self) -> int:
        return self.other_nanousd - self.cost_nanousd

    def __add__(self, more: "Rerated") -> "Rerated":
        return Rerated(
            self.cost_nanousd + more.cost_nanousd,
            self.other_nanousd + more.other_nanousd,
            self.unpriced_nanousd + more.unpriced_nanousd,
        )


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """A month under another book: some of its accounts, the total of all (`of` so many), and what has no price there.

    `behind`: how many requests are in no sum yet.
    """

    month: int
    accounts: tuple[Rerated, ...]
    of: int
    total: Rerated
    unpriced: dict[str, int]
    behind: int
