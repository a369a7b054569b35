"""The operators' page of payments: what waits at the border to Stripe, whether the books agree, and everybody's invoices and money."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from gateway.accounts import store as accounts
from gateway.acts.payments import lift_suspension, retry_intent
from gateway.api.wiring import TheGateway, TheStripe
from gateway.billing import store as billing
from gateway.billing.report import count, last_report, mode_of, report
from gateway.dashboard.door import TheForm, TheViewer, operator_only
from gateway.dashboard.paid import INVOICE_WORDS
from gateway.dashboard.render import page
from gateway.invoices import store as invoices
from gateway.kit.clock import DAY_US, month_number, month_us, now_us, rfc3339
from gateway.kit.db import ReadConn
from gateway.payments import store as payments

SHOWN_MAX = 50
MONTHS = 12
PAGE = "/dashboard/operator/payments"


@get("/operator/payments")
async def show_payments(
    gateway: TheGateway, stripe: TheStripe, viewer: TheViewer, after: FromQuery[str] = ""
) -> Response[str]:
    """`after`: the last invoice of the piece before."""
    operator_only(viewer)
    found = await gateway.database.read(lambda conn: _read_payments(conn, after or None, now_us()))
    return page("operator_payments.html.j2", viewer, here="Payments", **found, mode=mode_of(stripe))


@post("/operator/payments/reconcile")
async def reconcile_now(stripe: TheStripe, viewer: TheViewer, form: TheForm) -> Redirect:
    """Asks Stripe for everything, and compares."""
    operator_only(viewer)
    assert not form
    await report(stripe.require())
    return Redirect(PAGE, status_code=303)


@post("/operator/payments/outbox/{intent_id:str}/retry")
async def retry(gateway: TheGateway, viewer: TheViewer, intent_id: FromPath[str], form: TheForm) -> Redirect:
    """What is frozen, or waits, is tried at once."""
    operator_only(viewer)
    assert not form
    await gateway.database.write(lambda conn: retry_intent(conn, viewer.email, intent_id))
    return Redirect(PAGE, status_code=303)


@post("/operator/payments/suspensions/{account_id:str}/{because_of:str}")
async def lift(
    gateway: TheGateway,
    viewer: TheViewer,
    account_id: FromPath[str],
    because_of: FromPath[str],
    form: TheForm,
) -> Redirect:
    """The account is served again, unless there is another reason."""
    operator_only(viewer)
    assert not form
    await gateway.database.write(lambda conn: lift_suspension(conn, viewer.email, account_id, because_of))
    return Redirect(PAGE, status_code=303)


def _read_payments(conn: ReadConn, after: str | None, now: int) -> dict[str, Any]:
    drawn = invoices.list_newest(conn, limit=SHOWN_MAX + 1, after=after)
    shown, more = drawn[:SHOWN_MAX], len(drawn) > SHOWN_MAX
    intents = billing.list_intents(conn, SHOWN_MAX, open_only=True)
    suspended = accounts.list_all_suspensions(conn)
    last = last_report(conn)
    named = {each.account_id for each in intents} | {each.account_id for each in suspended}
    named |= {each.account_id for each in (last.differences if last else ()) if each.account_id}
    named |= {each.invoice.account_id for each in shown}
    return {
        "counts": count(conn),
        "report": last,
        "intents": intents,
        "news": billing.list_news(conn, SHOWN_MAX, open_only=True),
        "suspensions": suspended,
        "drawn": shown,
        "sent_of": billing.find_sent(conn, [each.invoice.id for each in shown]),
        "next_url": f"{PAGE}?after={shown[-1].invoice.id}" if more else None,
        "invoice_words": INVOICE_WORDS,
        "months": _months(conn, now),
        "rounding_nanousd": invoices.sum_rounding(conn),
        "names": accounts.names_of(conn, named),
    }


def _months(conn: ReadConn, now: int) -> list[tuple[str, int, int]]:
    """The last ones in which money moved, the newest first: month, cents that came, cents that went back for good."""
    since = month_us(month_number(now) - MONTHS + 1)
    sums: dict[str, list[int]] = {}
    for day, came, went in payments.sum_by_day(conn, since):
        month = sums.setdefault(rfc3339(day * DAY_US)[:7], [0, 0])
        month[0] += came
        month[1] += went
    return [(month, came, went) for month, (came, went) in sorted(sums.items(), reverse=True)]


ROUTES = (show_payments, reconcile_now, retry, lift)
