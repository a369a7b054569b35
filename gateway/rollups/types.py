from typing import Literal

import msgspec

from gateway.rollups.month import Month

Period = Literal["hour", "day", "month"]
By = Literal["period", "account_id", "key_id", "project_id", "model"]


class Behind(msgspec.Struct, frozen=True):
    """An account whose sums end at `done`, while its events go on to `head`."""

    account_id: str
    done: int
    head: int


class Portion(msgspec.Struct, frozen=True):
    """The events of an account numbered (done, until], and what they add to its months."""

    account_id: str
    done: int
    until: int
    months: dict[int, Month]


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
