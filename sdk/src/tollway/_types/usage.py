"""Sums of what was used, and the same taken apart."""

from __future__ import annotations

import msgspec

from tollway._money import Money


class UsageLine(msgspec.Struct, frozen=True):
    """A class of tokens, such as `input_cached`: how many there were, and what they cost."""

    token_class: str
    tokens: int
    cost_nanousd: int
    cost_usd: str = ""

    @property
    def cost(self) -> Money:
        """Exact: what the tokens of this class were charged."""
        return Money(self.cost_nanousd)


class UsageDetail(msgspec.Struct, frozen=True):
    """Sums taken apart: the costs of the lines and `unsplit_cost` add up to the row's cost, and so do the requests.

    `unsplit` is what was summed before the gateway told these apart.
    """

    lines: tuple[UsageLine, ...]
    outcomes: dict[str, int]
    """How many requests ended in each way: `completed`, `client_gone`, `worker_failed` and so on."""
    unsplit_requests: int = 0
    unsplit_cost_nanousd: int = 0
    unsplit_cost_usd: str = ""

    @property
    def unsplit_cost(self) -> Money:
        """Exact: what was charged before the gateway told classes apart."""
        return Money(self.unsplit_cost_nanousd)


class UsageRow(msgspec.Struct, frozen=True):
    """Sums over the requests of one key, project, model or day (UTC); of those, only the one grouped by is named.

    `group` is empty, and `project_id` None, for what was in no project.
    """

    group: str
    requests: int
    input_tokens: int
    output_tokens: int
    cost_nanousd: int
    input_image_tokens: int = 0
    input_cached_tokens: int = 0
    output_reasoning_tokens: int = 0
    cost_usd: str = ""
    key_id: str | None = None
    key_name: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    model: str | None = None
    day: str | None = None
    detail: UsageDetail | None = None
    """None where it was not asked for."""

    @property
    def cost(self) -> Money:
        """Exact: what the account was charged for these requests."""
        return Money(self.cost_nanousd)
