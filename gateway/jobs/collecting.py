"""What runs beside the requests where Stripe is set up, for as long as the application does.

Whatever is cut off is a row in the inbox or the outbox, and the next who looks goes on with it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from gateway.billing import inbox, outbox
from gateway.billing.border import Border, Stripe
from gateway.billing.invoicing import draw_due, send_invoice
from gateway.billing.meters import export, send_usage
from gateway.billing.outbox import Sender
from gateway.billing.report import report_daily
from gateway.billing.top_up import charge_card, top_up_low
from gateway.billing.types import IntentKind
from gateway.errors import PaymentsUnavailable, StorageUnavailable, StripeRefused
from gateway.kit.log import logger

NEWS_EVERY_S = 1.0
LOW_EVERY_S = 5.0
USAGE_EVERY_S = 60.0
INVOICES_EVERY_S = 600.0
REPORT_EVERY_S = 3600.0
"""How often it is asked whether today's report is there."""

SENDERS: dict[IntentKind, Sender] = {
    "invoice": send_invoice,
    "auto_top_up": charge_card,
    "meter_event": send_usage,
}


@contextlib.asynccontextmanager
async def collecting(stripe: Stripe) -> AsyncIterator[None]:
    if stripe.border is None:
        yield
        return
    border = stripe.border
    works: tuple[tuple[float, Callable[[Border], Awaitable[object]]], ...] = (
        (NEWS_EVERY_S, inbox.step),
        (NEWS_EVERY_S, send_step),
        (LOW_EVERY_S, top_up_low),
        (USAGE_EVERY_S, export),
        (INVOICES_EVERY_S, draw_due),
        (REPORT_EVERY_S, report_daily),
    )
    tasks = [asyncio.create_task(_every(pause_s, work, border)) for pause_s, work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await border.api.close()


async def send_step(border: Border) -> int:
    return await outbox.step(border, SENDERS)


async def _every(pause_s: float, work: Callable[[Border], Awaitable[object]], border: Border) -> None:
    """Again and again, without a pause while there is more; what fails is said, and tried again with the next."""
    while True:
        more: object = False
        try:
            more = await work(border)
        except (StorageUnavailable, PaymentsUnavailable, StripeRefused) as error:
            logger().warning("stripe_job_failed", job=work.__name__, reason=error.message)
        except Exception as error:  # noqa: BLE001 - a bug of ours: said, and no end of the others' news
            logger().exception("stripe_job_failed", job=work.__name__, exc_info=error)
        await asyncio.sleep(0.0 if more else pause_s)
