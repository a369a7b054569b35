"""What tests of the fake do again and again."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import stripe

from tests.fixtures.stripe import FakeStripe


@contextmanager
def opened(fake: FakeStripe, key: str, retries: int = 0, timeout: float = 5) -> Iterator[stripe.StripeClient]:
    http = stripe.HTTPXClient(timeout=timeout, allow_sync_methods=True)
    yield stripe.StripeClient(
        key,
        max_network_retries=retries,
        http_client=http,
        base_addresses=fake.base_addresses,  # type: ignore[arg-type]
    )
    http.close()
    asyncio.run(http.close_async())


def top_up(v1: Any, customer: str | None, cents: int = 2000, **more: Any) -> Any:
    """A Checkout session as a gateway opens one."""
    named = {} if customer is None else {"customer": customer}
    return v1.checkout.sessions.create(
        {
            "mode": "payment",
            "client_reference_id": "topup_1",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": "usd",
                        "unit_amount": cents,
                        "product_data": {"name": "API credit"},
                    },
                }
            ],
            "payment_intent_data": {"setup_future_usage": "off_session", "metadata": {"topup": "1"}},
            "metadata": {"topup": "1"},
            "success_url": "https://tollway.test/?cs={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://tollway.test/",
            **named,
            **more,
        }
    )


def off_session(v1: Any, customer: str, method: str, cents: int = 2000, key: str | None = None) -> Any:
    """An automatic top-up."""
    return v1.payment_intents.create(
        {
            "amount": cents,
            "currency": "usd",
            "customer": customer,
            "payment_method": method,
            "off_session": True,
            "confirm": True,
            "metadata": {"topup": "auto"},
        },
        {"idempotency_key": key} if key else {},
    )


def kinds(fake: FakeStripe) -> list[str]:
    """What happened, in order, and is not delivered."""
    return [event["type"] for event in fake.pending()]


def bill(v1: Any, customer: str, *cents: int, **more: Any) -> Any:
    """A draft with a line per amount."""
    invoice = v1.invoices.create(
        {"customer": customer, "auto_advance": False, "collection_method": "charge_automatically", **more}
    )
    for number, amount in enumerate(cents):
        v1.invoice_items.create(
            {
                "customer": customer,
                "invoice": invoice.id,
                "currency": "usd",
                "amount": amount,
                "description": f"line {number}",
                "period": {"start": 1_790_000_000, "end": 1_792_000_000},
                "metadata": {"line": str(number)},
            }
        )
    return invoice
