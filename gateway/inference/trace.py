"""What one request leaves in the log: ids, sizes, times and money.  Never a prompt, an answer or a secret."""

import time

import msgspec

from gateway.metering.types import UsageEvent
from gateway.workers.types import Cost


class Trace(msgspec.Struct, kw_only=True):
    """Filled in as the request goes along; written once, at its end, as one wide event."""

    request_id: str
    started: float = msgspec.field(default_factory=time.perf_counter)
    account_id: str | None = None
    key_id: str | None = None
    model: str | None = None
    worker: str = ""
    worker_cost: Cost = Cost()
    """Of the worker that answers; what tokens cost there is known only then."""
    streamed: bool = False
    status: int = 0
    error: str | None = None
    replay_of: str | None = None
    first_byte_us: int | None = None
    upstream_s: float = 0.0
    held: bool = False
    """Credit was held for it: it was not refused."""
    event: UsageEvent | None = None

    def first_byte(self) -> None:
        if self.first_byte_us is None:
            self.first_byte_us = self._elapsed_us()

    def settled(self, event: UsageEvent) -> None:
        self.event = event

    def fields(self) -> dict[str, object]:
        """`overhead_us` is the total less the time spent waiting for the worker: the gateway's own."""
        total_us = self._elapsed_us()
        fields: dict[str, object] = {
            "request_id": self.request_id,
            "status": self.status,
            "account_id": self.account_id,
            "key_id": self.key_id,
            "model": self.model,
            "worker": self.worker,
            "streamed": self.streamed,
            "total_us": total_us,
            "first_byte_us": self.first_byte_us,
            "overhead_us": total_us - int(self.upstream_s * 1_000_000),
            "error": self.error,
            "replay_of": self.replay_of,
        }
        if self.event is not None:
            for name in ("outcome", "input_source", "output_source", "input_tokens", "input_image_tokens", "input_cached_tokens",
                         "output_tokens", "output_reasoning_tokens", "cost_nanousd", "held_nanousd"):  # fmt: skip
                fields[name] = getattr(self.event, name)
        return fields

    def _elapsed_us(self) -> int:
        return int((time.perf_counter() - self.started) * 1_000_000)
