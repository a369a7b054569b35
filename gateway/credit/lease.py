"""Leases in the memory of one process: credit that the database set aside, given out as holds without asking it.

A lease's `held` is what the database has; `pinned` is what running requests hold of it; the rest is free.  Only the
event loop touches these, and only the writer (metering/writer.py) changes what the database has.

Failure mode: closed.  What is not known to be held in the database is not given out.
"""

from gateway.credit.draw import cost_of
from gateway.credit.types import Hold, LeaseId, Order
from gateway.kit.clock import DAY_US


class Lease:
    def __init__(self, lease_id: LeaseId) -> None:
        self.lease_id = lease_id
        self.held_nanousd = 0
        self.pinned_nanousd = 0
        self.usable_until_us = 0
        """Until then nothing of the account expires or is renewed; after it the database must look."""
        self.frozen = False
        """A transaction is deciding what becomes of its free credit."""
        self.generous = False
        """It holds more than is pinned, on purpose; otherwise each request asks, and what is left over goes back."""
        self.hold_max_nanousd = 0
        """The largest hold it gave: what a useful size is measured by."""
        self.touched = False
        """Whether it was used since the last look."""

    @property
    def free_nanousd(self) -> int:
        return self.held_nanousd - self.pinned_nanousd

    def expect(self, hold_nanousd: int) -> None:
        """Requests of this size come."""
        self.hold_max_nanousd = max(self.hold_max_nanousd, hold_nanousd)

    def settle(self, held_nanousd: int, usable_until_us: int, *, generous: bool) -> None:
        """What the database has now, and may be given out of until when."""
        self.held_nanousd, self.usable_until_us = held_nanousd, usable_until_us
        self.generous, self.frozen = generous, False


class Leases:
    """All of one process's."""

    def __init__(self, process_id: str) -> None:
        self.process_id = process_id
        self.all: dict[LeaseId, Lease] = {}

    def of(self, lease_id: LeaseId) -> Lease:
        lease = self.all.get(lease_id)
        if lease is None:
            lease = self.all[lease_id] = Lease(lease_id)
        return lease

    def take(self, order: Order, begun_us: int, now_us: int) -> Hold | None:
        """A hold of all that was asked, from memory; None: the database must be asked."""
        if order.capped:
            return None  # the counters of what has caps are asked at every request
        lease = self.all.get(LeaseId(order.account_id))
        if lease is None or lease.frozen or now_us >= lease.usable_until_us:
            return None
        amount = cost_of(order, order.output_tokens_max)
        if amount > lease.free_nanousd:
            return None
        return self._pin(lease, order, order.output_tokens_max, amount, begun_us)

    def pin(self, order: Order, tokens: int, begun_us: int) -> Hold:
        """The hold of so many tokens of answer, of credit that the lease has."""
        lease = self.of(lease_id_of(order, begun_us))
        return self._pin(lease, order, tokens, cost_of(order, tokens), begun_us)

    def _pin(self, lease: Lease, order: Order, tokens: int, amount: int, begun_us: int) -> Hold:
        lease.pinned_nanousd += amount
        lease.expect(amount)
        lease.touched = True
        return Hold(
            request_id=order.request_id,
            account_id=order.account_id,
            key_id=order.key_id,
            project_id=order.project_id,
            amount_nanousd=amount,
            output_tokens_max=tokens,
            created_us=begun_us,
            process_id=self.process_id,
            lease_id=lease.lease_id,
        )

    def forget_empty(self) -> None:
        self.all = {
            lease_id: lease
            for lease_id, lease in self.all.items()
            if lease.held_nanousd or lease.pinned_nanousd
        }

    def unpin(self, hold: Hold | None) -> None:
        """A request ended.  What it spent has left `held`; the rest is free again."""
        if hold is not None and hold.process_id == self.process_id:
            self.of(hold.lease_id).pinned_nanousd -= hold.amount_nanousd


def lease_id_of(order: Order, begun_us: int) -> LeaseId:
    capped = dict(order.capped)
    if not capped:
        return LeaseId(order.account_id)
    key_id = order.key_id if order.key_id in capped else ""
    project_id = order.project_id if order.project_id in capped else ""
    return LeaseId(order.account_id, key_id, project_id or "", begun_us // DAY_US * DAY_US)
