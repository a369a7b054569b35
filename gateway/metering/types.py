from typing import Literal, get_args

import msgspec

from gateway.catalog.types import TOKEN_CLASSES, CostLine, Starts, TokenCounts

Outcome = Literal[
    "completed",  # the whole answer
    "client_gone",  # the client left: what was delivered is billed, and nothing if that was nothing
    "credit_ended",  # credit ran out mid-stream: what was delivered is billed, never more than was held
    "empty",  # no output token: free
    "worker_failed",  # the worker broke: free
    "worker_refused",  # the worker answered 4xx: free
    "deadline",  # our time limit passed: free
    "gateway_failed",  # we broke: free
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
BILLED: frozenset[Outcome] = frozenset({"completed", "client_gone", "credit_ended"})

Source = Literal["worker", "counted", "estimated"]
"""Where a number came from: the worker's usage, our own exact count, or a guess that is less than was used."""


class UsageEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One request's immutable record.  Times in microseconds since the epoch or of duration; money in nanousd."""

    request_id: str
    account_id: str
    key_id: str
    model: str
    worker: str
    price_version: int
    outcome: Outcome
    streamed: bool
    input_source: Source
    image_source: Source
    output_source: Source
    reasoning_source: Source
    input_tokens: int
    input_image_tokens: int
    input_cached_tokens: int
    output_tokens: int
    output_reasoning_tokens: int
    cost_nanousd: int
    held_nanousd: int
    created_us: int
    duration_us: int
    first_byte_us: int | None
    input_text_start: int | None = None
    input_image_start: int | None = None
    input_cached_start: int | None = None
    output_text_start: int | None = None
    output_reasoning_start: int | None = None
    """Where in the month's volume each class of this request began (catalog/rate.py); None: it claimed no range."""
    project_id: str | None = None
    """The project that its key was in when it began."""
    worker_cost_nanousd: int | None = None
    """What it cost whoever runs the worker: for operators only, and not in the chain (chain.py).  None: not known."""

    @property
    def estimated(self) -> bool:
        return "estimated" in (self.input_source, self.output_source)

    @property
    def counts(self) -> TokenCounts:
        return TokenCounts(
            input_tokens=self.input_tokens,
            input_image_tokens=self.input_image_tokens,
            input_cached_tokens=self.input_cached_tokens,
            output_tokens=self.output_tokens,
            output_reasoning_tokens=self.output_reasoning_tokens,
        )

    @property
    def starts(self) -> Starts | None:
        """None for what is not billed, and for events from before there were volume discounts: those paid list price."""
        if self.input_text_start is None:
            return None
        return Starts(**{name: getattr(self, f"{name}_start") for name in TOKEN_CLASSES})


class Link(msgspec.Struct, frozen=True):
    """An event's place in its account's chain (chain.py)."""

    account_seq: int
    chain_hash: str


class TierCounter(msgspec.Struct, frozen=True, kw_only=True):
    """How many tokens of a class an account used of a model in a calendar month (UTC), such as 2026-11."""

    account_id: str
    month: str
    model: str
    token_class: str
    tokens: int


class Receipt(msgspec.Struct, frozen=True):
    """An event with the lines of its bill, computed again from its counts and its price book."""

    event: UsageEvent
    link: Link
    lines: tuple[CostLine, ...]


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which events: an account's, or everybody's; that began in [since, until); to one model; with one key; in one project.  None: any."""

    account_id: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    model: str | None = None
    key_id: str | None = None
    project_id: str | None = None


class UsageRow(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over the events of one group: the id of an account, key or project (empty: in none), a model, or a day as its number since the epoch."""

    group: str
    requests: int
    input_tokens: int
    input_image_tokens: int
    input_cached_tokens: int
    output_tokens: int
    output_reasoning_tokens: int
    cost_nanousd: int


class DriftSample(msgspec.Struct, frozen=True, kw_only=True):
    """One request counted twice: by its worker and by us.  `explained` is what a known rule of its kind adds."""

    request_id: str
    model: str
    worker: str
    kind: str
    worker_input_tokens: int
    counted_input_tokens: int
    worker_output_tokens: int
    counted_output_tokens: int
    explained_output_tokens: int
    created_us: int


class DriftRow(msgspec.Struct, frozen=True, kw_only=True):
    """By how much a worker's counts and ours ever differed, over all samples of one model and worker."""

    model: str
    worker: str
    kind: str
    samples: int
    input_differs: int
    input_drift_tokens: int
    input_drift_max: int
    output_differs: int
    output_drift_tokens: int
    output_drift_max: int
