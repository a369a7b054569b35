"""The paying end of one request: opened with its hold, closed exactly once, whatever happens in between."""

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.catalog.types import Model, PriceBook
from gateway.credit.types import Hold, Order
from gateway.errors import StorageUnavailable
from gateway.inference.tally import NOTHING, Tally
from gateway.inference.trace import Trace
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.kit.money import format_usd
from gateway.metering.batch import Bill, Charge, Settled
from gateway.metering.types import Outcome, UsageEvent
from gateway.metering.writer import Writer

SETTLE_TIMEOUT_S = 10.0
"""Longer than the database's own patience; a settlement that cannot be written by then is left to expiry."""


class Settlement:
    def __init__(
        self,
        writer: Writer,
        order: Order,
        hold: Hold,
        model: Model,
        book: PriceBook,
        trace: Trace,
        *,
        generates: bool = True,
    ) -> None:
        """`generates`: an answer without a token is empty; vectors have none, and are complete."""
        self._writer = writer
        self._order = order
        self._hold = hold
        self._model = model
        self._book = book
        self._trace = trace
        self._generates = generates
        self.closed = False
        """Whether its event is on its way."""

    @property
    def output_tokens_held(self) -> int:
        """How many tokens of answer are paid for by what is held so far."""
        return self._hold.output_tokens_max

    async def extend(self, tokens: int) -> bool:
        """Holds up to so many more tokens of answer; False: there is no credit for even one.

        Raises:
            StorageUnavailable, ProcessLost: it cannot be known.
        """
        hold = await self._writer.extend(self._order, self._hold, tokens)
        self._hold = hold or self._hold
        return hold is not None

    async def close(
        self, outcome: Outcome, tally: Tally, keep: Callable[[WriteConn, Settled], None] | None = None
    ) -> Settled | None:
        """Writes the event and settles the hold; the first call decides, later ones do nothing.

        `keep` runs in the same transaction: what must stand or fall with the bill.

        Cancelled, it waits all the same, because a client that leaves cancels the task and would otherwise cancel its own
        bill; for `SETTLE_TIMEOUT_S` at most, because a stop must end.

        Raises:
            StorageUnavailable: it could not be made durable; the hold expires and nothing is charged.
        """
        if self.closed:
            return None
        self.closed = True
        charge = Charge(
            hold=self._hold,
            event=self._event(outcome, tally),
            prices=self._model.prices,
            tiers=self._book.tiers,
            keep=keep,
        )
        bill = self._writer.charging(charge)
        timer = asyncio.get_running_loop().call_later(SETTLE_TIMEOUT_S, _give_up, bill)
        try:
            return await bill
        finally:  # cancelled, too: what was charged belongs in the log
            timer.cancel()
            if bill.done() and bill.exception() is None:
                self._trace.settled(bill.result().event)

    def _event(self, outcome: Outcome, tally: Tally) -> UsageEvent:
        counts = tally.counts
        if outcome == "completed" and counts.output_tokens == 0 and self._generates:
            outcome = "empty"
        return UsageEvent(
            request_id=self._hold.request_id,
            account_id=self._hold.account_id,
            key_id=self._hold.key_id,
            model=self._model.id,
            worker=self._trace.worker,
            price_version=self._book.version,
            outcome=outcome,
            streamed=self._trace.streamed,
            input_source=tally.input_source,
            image_source=tally.image_source,
            output_source=tally.output_source,
            reasoning_source=tally.reasoning_source,
            input_tokens=counts.input_tokens,
            input_image_tokens=counts.input_image_tokens,
            input_cached_tokens=counts.input_cached_tokens,
            output_tokens=counts.output_tokens,
            output_reasoning_tokens=counts.output_reasoning_tokens,
            cost_nanousd=0,  # rated when it is committed: a discount depends on what came before
            held_nanousd=self._hold.amount_nanousd,
            created_us=self._hold.created_us,
            duration_us=max(0, now_us() - self._hold.created_us),
            first_byte_us=self._trace.first_byte_us,
            project_id=self._hold.project_id,
            worker_cost_nanousd=self._worker_cost(tally),
        )

    def _worker_cost(self, tally: Tally) -> int | None:
        """None without exact counts: what was guessed is less than was used, and would make the margin too large."""
        if tally is NOTHING or "estimated" in (tally.input_source, tally.output_source):
            return None
        return self._trace.worker_cost.nanousd(tally.counts.input_tokens, tally.counts.output_tokens)


def _give_up(bill: Bill) -> None:
    if not bill.done():
        bill.set_exception(
            StorageUnavailable(
                "the ledger did not answer in time; the receipt of this request says whether it was charged",
                work_started=True,
            )
        )


def usage_fields(settled: Settled, worker_fields: dict[str, Any]) -> dict[str, Any]:
    """The `usage` a client sees: the worker's own fields untouched, and ours beside them."""
    event = settled.event
    counted = {
        "prompt_tokens": event.input_tokens,
        "completion_tokens": event.output_tokens,
        "total_tokens": event.input_tokens + event.output_tokens,
    }
    return {
        **(worker_fields or counted),
        "billed_input_tokens": event.input_tokens,
        "billed_output_tokens": event.output_tokens,
        "image_tokens": event.input_image_tokens,
        "cost_nanousd": event.cost_nanousd,
        "cost_usd": format_usd(event.cost_nanousd),
        "outcome": event.outcome,
        "credits_remaining_usd": format_usd(settled.remaining_nanousd),
    }
