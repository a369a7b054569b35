"""What Stripe answers, as far as we read it: amounts in whole cents, instants in seconds.  Unknown fields are ignored."""

from typing import Annotated, Any

import msgspec

NAME_CHARS_MAX = 255
"""Stripe's own limit for ids."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARS_MAX)]


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    livemode: bool


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A Checkout session.  `amount_subtotal` is before tax: what was ordered."""

    id: str
    livemode: bool
    status: str | None = None
    """`open`, `complete`, `expired`."""
    payment_status: str
    """`paid`, `unpaid` (a delayed method may still pay), `no_payment_required`."""
    mode: str
    currency: str | None = None
    amount_subtotal: int | None = None
    amount_total: int | None = None
    customer: str | None = None
    client_reference_id: str | None = None
    payment_intent: str | None = None
    url: str | None = None


class PaymentIntent(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    livemode: bool
    status: str
    amount: int
    amount_received: int = 0
    currency: str
    customer: str | None = None
    payment_method: str | None = None
    created: int = 0
    metadata: dict[str, str] = {}


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    livemode: bool
    amount: int
    amount_refunded: int = 0
    currency: str
    customer: str | None = None
    payment_intent: str | None = None


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    status: str | None = None
    """`succeeded`, `pending`, `requires_action`, `failed`, `canceled`."""
    amount: int
    currency: str
    created: int = 0
    payment_intent: str | None = None

    @property
    def place(self) -> tuple[int, str]:
        """Of it in the order in which refunds are counted."""
        return self.created, self.id


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    livemode: bool
    status: str
    """`needs_response`, `under_review`, `warning_…`, `won`, `lost`, `prevented`."""
    amount: int
    currency: str
    payment_intent: str | None = None


class RemoteInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice as Stripe has it."""

    id: str
    livemode: bool
    status: str | None = None
    """`draft`, `open`, `paid`, `uncollectible`, `void`."""
    currency: str
    customer: str | None = None
    subtotal: int
    total: int
    amount_due: int
    amount_paid: int
    amount_remaining: int = 0
    attempted: bool = False
    """Whether Stripe tried to collect it."""
    created: int
    number: str | None = None
    hosted_invoice_url: str | None = None
    invoice_pdf: str | None = None
    metadata: dict[str, str] = {}
    parent: dict[str, Any] | None = None

    @property
    def subscription_metadata(self) -> dict[str, str]:
        """Of the subscription that it is of, as it was then; empty: of none."""
        about = (self.parent or {}).get("subscription_details") or {}
        return about.get("metadata") or {}


class InvoicePayment(msgspec.Struct, frozen=True, kw_only=True):
    """What paid a part of an invoice."""

    id: str
    invoice: str
    status: str
    payment: dict[str, Any] = {}

    @property
    def intent_id(self) -> str | None:
        name = self.payment.get("payment_intent")
        return name if isinstance(name, str) else None


class RemoteLine(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice item: one of our lines on an invoice of theirs."""

    id: str
    amount: int
    description: str | None = None
    metadata: dict[str, str] = {}


class BalanceTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A movement of the account's money at Stripe."""

    id: str
    type: str
    """`charge`, `payment`, `refund`, `payment_refund`, `adjustment` (disputes), …"""
    amount: int
    fee: int
    currency: str
    created: int
    source: str | None = None


class Product(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    active: bool = True
    tax_code: str | None = None
    metadata: dict[str, str] = {}


class Price(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    active: bool = True
    lookup_key: str | None = None
    product: str
    metadata: dict[str, str] = {}


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    event_name: str
    status: str


class MeterEvent(msgspec.Struct, frozen=True, kw_only=True):
    identifier: str


class MeterSummary(msgspec.Struct, frozen=True, kw_only=True):
    """`aggregated_value` is a float at Stripe; tokens are read from it as what they are, whole numbers."""

    id: str
    start_time: int
    end_time: int
    aggregated_value: int


class WebhookEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    url: str
    status: str
    enabled_events: list[str]
    secret: str | None = None
    """Only in the answer to its creation."""


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """What the portal offers."""

    id: str
    metadata: dict[str, str] = {}


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A page of Stripe's that somebody is sent to."""

    id: str
    url: str


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook's hint that something happened; what, is read from Stripe itself (handle.py)."""

    id: str
    type: str
    livemode: bool
    created: int
    object_id: str


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is posted."""

    id: Name
    type: Annotated[str, msgspec.Meta(max_length=100)]
    livemode: bool
    created: Annotated[int, msgspec.Meta(ge=0, lt=2**40)]
    data: dict[str, Any]

    @property
    def event(self) -> Event:
        """Raises ValueError: it is about nothing."""
        about = self.data.get("object")
        name = about.get("id") if isinstance(about, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= NAME_CHARS_MAX:
            raise ValueError("an event without `data.object.id`")
        return Event(id=self.id, type=self.type, livemode=self.livemode, created=self.created, object_id=name)


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    status: str
    items: dict[str, Any] = {}

    @property
    def item_ids(self) -> list[tuple[str, str]]:
        """(item, its price)."""
        return [(item["id"], item["price"]["id"]) for item in self.items.get("data", [])]

    @property
    def price_ids(self) -> list[str]:
        return [price for _, price in self.item_ids]
