"""The one way into the ledger: an event and the settlement of its hold, in one transaction."""

import msgspec

from gateway.credit import settle
from gateway.credit import store as credit
from gateway.credit.types import Balance, Hold
from gateway.errors import TollwayError
from gateway.kit.db import WriteConn
from gateway.metering import store
from gateway.metering.types import UsageEvent


class HoldLost(TollwayError):
    """The hold expired under a running request, so nothing may be billed: clocks or settings are wrong."""

    code = "hold_lost"


class Settled(msgspec.Struct, frozen=True):
    """What was really charged, and what is left."""

    event: UsageEvent
    balance: Balance


def record(conn: WriteConn, event: UsageEvent, hold: Hold) -> Settled:
    """Settles the hold at the event's cost and appends the event.  Again: changes nothing, returns the first.

    Raises:
        HoldLost: the hold expired before; nothing is charged and no event is written.
    """
    balance = settle.post(conn, hold, event.cost_nanousd)
    if balance is not None:
        store.insert_event(conn, event)
        return Settled(event, balance)
    first = store.find_event(conn, hold.request_id)
    balance = credit.read_balance(conn, hold.account_id)
    if first is None or balance is None:
        raise HoldLost(
            f"the credit held for {hold.request_id} was given back before it ended; nothing was charged"
        )
    return Settled(first, balance)
