from typing import Literal

import msgspec

from gateway.kit.money import cost_nanousd

Kind = Literal["openai", "vllm", "sglang", "llamacpp", "ollama", "mistral"]
"""`openai`: anything compatible that did not say more about itself."""


Policy = Literal["local-only", "local-then-mistral", "cheapest", "mistral-only"]
"""Which workers may serve, and which of them come first; `order_by.py` says how."""


DRAINED_KINDS: frozenset[Kind] = frozenset({"mistral"})
"""Kinds that go on generating, and bill it, when their client leaves: they are read to the end (DESIGN section 4)."""


class Cost(msgspec.Struct, frozen=True):
    """What tokens cost whoever runs the gateway, in nano-dollars per million: power and rent, or an upstream's price.

    None: nobody said, which is not 0.
    """

    input_nanousd_per_mtok: int | None = None
    output_nanousd_per_mtok: int | None = None

    def nanousd(self, input_tokens: int, output_tokens: int) -> int | None:
        """Of so many tokens, each kind rounded up once; None: nobody said what some of them cost."""
        total = 0
        for tokens, price in (
            (input_tokens, self.input_nanousd_per_mtok),
            (output_tokens, self.output_nanousd_per_mtok),
        ):
            if tokens and price is None:
                return None
            total += cost_nanousd(tokens, price or 0)
        return total


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A server that generates.  `models` maps a catalogue model's id to the worker's own name for it."""

    name: str
    url: str
    kind: Kind = "openai"
    models: dict[str, str] = {}
    api_key: str = ""
    weight: int = 1
    """Its capacity beside other workers': one of weight 2 gets twice the tokens."""
    concurrency_max: int | None = None
    """Requests at once; None: as many as come."""
    cost: Cost = Cost()
    costs: dict[str, Cost] = {}
    """Of single models, where they differ."""
    contexts: dict[str, int] = {}
    """The context, in tokens, that it gives a model, where it says so and where it is less than the catalogue's."""
    blind: bool = False
    """It said that it takes no images, whatever the catalogue thinks of the model."""

    def cost_of(self, model_id: str) -> Cost:
        return self.costs.get(model_id, self.cost)

    @property
    def says_cost(self) -> bool:
        return self.cost != Cost() or bool(self.costs)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside the configuration: a worker that was added or joined (`url`), or the state of any.

    None in `weight` and `concurrency_max`: as configured.  `expires_us`: gone then, unless heard of again.
    """

    name: str
    url: str | None = None
    models: dict[str, str] = {}
    cordoned: bool = False
    weight: int | None = None
    concurrency_max: int | None = None
    expires_us: int | None = None
    created_us: int


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What one request asks of a worker.  `spot`: where its conversation lies on the ring (`affinity.py`)."""

    model_id: str
    account_id: str
    input_tokens: int
    """At most."""
    output_tokens: int
    """As many as are paid for at first."""
    vision: bool = False
    policy: Policy | None = None
    spot: int | None = None
    kinds: frozenset[Kind] | None = None
    """Those that understand the request; None: all do."""


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds: from the request to the first byte of the answer; between two chunks of it; in all."""

    first_byte_s: float
    chunk_gap_s: float
    request_s: float

    def after(self, seconds: float) -> "Timeouts":
        """What is left when so much time has passed."""
        left = max(0.0, self.request_s - seconds)
        return Timeouts(
            first_byte_s=min(self.first_byte_s, left), chunk_gap_s=self.chunk_gap_s, request_s=left
        )
