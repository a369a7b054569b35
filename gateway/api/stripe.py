"""Where Stripe posts its news.  No key opens this: each message is signed (billing/inbox.py)."""

from typing import Any

import msgspec
from litestar import Request, post

from gateway.api.wiring import TheStripe
from gateway.billing.border import WEBHOOK_PATH
from gateway.billing.inbox import accept


class Received(msgspec.Struct, frozen=True):
    """`new`: it was not here before, and is of a kind that matters here."""

    new: bool


@post(WEBHOOK_PATH, status_code=200, refusals=(400, 501, 503))
async def take_news(request: Request[Any, Any, Any], stripe: TheStripe) -> Received:
    """Take an event of Stripe's, signed in `Stripe-Signature`; answered with 200 once it is durable.

    Anything else, and Stripe sends it again for three days.
    """
    return Received(
        await accept(stripe.require(), await request.body(), request.headers.get("stripe-signature"))
    )
