"""How the border stands: what waits, what is stuck, and what reconciling last found.  For operators, whichever way they look."""

import msgspec

from gateway.billing import store
from gateway.billing.border import Border, Stripe
from gateway.billing.reconcile import Report, reconcile
from gateway.billing.types import Mode
from gateway.kit.clock import DAY_US, now_us
from gateway.kit.db import ReadConn
from gateway.kit.log import logger

_decoder = msgspec.json.Decoder(Report)


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    waiting: int
    """Intents that are open."""
    frozen: int
    """Intents that a person must look at."""
    unhandled: int
    """News that nothing was made of yet."""
    differences: int | None
    """Of the last report; None: there is none yet."""


async def report(border: Border) -> Report:
    """Reconciles, and keeps what was found.  Raises PaymentsUnavailable."""
    found = await reconcile(border)
    body = msgspec.json.encode(found).decode()
    await border.database.write(lambda conn: store.save_report(conn, found.at_us // DAY_US, body))
    for each in found.differences:
        logger().error(
            "stripe_differs", about=each.about, name=each.name, account=each.account_id, words=each.words
        )
    return found


async def report_daily(border: Border) -> None:
    """The day's first."""
    last = await border.database.read(store.last_report)
    if last is None or last[0] < now_us() // DAY_US:
        await report(border)


def last_report(conn: ReadConn) -> Report | None:
    kept = store.last_report(conn)
    return None if kept is None else _decoder.decode(kept[1])


def count(conn: ReadConn) -> Counts:
    waiting, frozen, unhandled = store.count_open(conn)
    last = last_report(conn)
    differences = None if last is None else len(last.differences)
    return Counts(waiting=waiting, frozen=frozen, unhandled=unhandled, differences=differences)


def mode_of(stripe: Stripe) -> Mode:
    return "off" if stripe.border is None else "live" if stripe.border.api.livemode else "test"
