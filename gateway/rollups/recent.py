"""Sums of what this process billed and no page shows yet, made as it was billed: those events need not be read and rated again.

An account's go on as long as nobody else bills it; then they begin anew, and what was before is read (roll.py).

Failure mode: open.  Whatever is missing here is in the ledger.
"""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from gateway.metering.batch import Booked, Settled
from gateway.metering.types import UsageEvent
from gateway.rollups.month import Month
from gateway.rollups.tally import add_event, add_to_month, group_of, hour_of, month_of, nothing, split_event
from gateway.rollups.types import Behind, Counted, Group, Portion, Tallied


class _Run:
    """The events of one account numbered (done, until]."""

    def __init__(self, done: int) -> None:
        self.done = self.until = done
        self.months: dict[int, Month] = defaultdict(Month)
        self.sums: dict[Group, Counted] = defaultdict(nothing)

    def add(self, event: UsageEvent, booked: Booked) -> None:
        self.until = booked.account_seq
        month = self.months[month_of(event.created_us)]
        add_to_month(month, event, booked.account_seq, booked.lines)
        for use in booked.uses:
            month.add_use(use.grant_id, use.amount_nanousd)
        counted = self.sums[group_of(event, hour_of)]
        add_event(counted, event)
        split_event(counted, event, booked.lines)


class Recent:
    """One event loop, one of these."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    def note(self, settled: Iterable[Settled]) -> None:
        """What was committed, in the order of the chains."""
        for each in settled:
            event, booked = each.event, each.booked
            if booked is None:
                self._runs.pop(event.account_id, None)
                continue
            run = self._runs.get(event.account_id)
            if run is None or run.until != booked.account_seq - 1:
                run = self._runs[event.account_id] = _Run(booked.account_seq - 1)
            run.add(event, booked)

    def take(self, account: Behind) -> Portion | None:
        """What comes next in its sums, if that is here; afterwards it is not."""
        run = self._runs.get(account.account_id)
        if run is None or run.done != account.done:
            return None
        del self._runs[account.account_id]
        return Portion(account.account_id, run.done, run.until, Tallied(dict(run.months), dict(run.sums)))

    def before(self, account: Behind) -> Behind:
        """How far it must be read: up to what is here, if that comes later; else whole, and what is here is of no use."""
        run = self._runs.get(account.account_id)
        if run is None or account.done < run.done < account.head:
            return account if run is None else msgspec.structs.replace(account, head=run.done)
        del self._runs[account.account_id]
        return account
