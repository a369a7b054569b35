from typing import Literal

import msgspec

Sink = Literal["invoice_items", "meters", "none"]
"""How usage reaches Stripe: as lines that we rated, as tokens that it rates, or not at all."""
Mode = Literal["off", "test", "live"]
IntentKind = Literal["invoice", "auto_top_up", "meter_event"]


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """An account at Stripe."""

    account_id: str
    customer_id: str
    payment_method_id: str | None = None
    """A card that its owner saved while paying: what automatic top-ups are charged to."""
    created_us: int


class News(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that was accepted: something happened to `object_id`.  What, is asked of Stripe."""

    event_id: str
    type: str
    object_id: str
    created_s: int
    received_us: int
    due_us: int
    tries: int = 0
    handled_us: int | None = None
    outcome: str | None = None
    """What was made of it; while it is unhandled, why not yet."""


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that Stripe is to be told, written down in the transaction of its cause.

    `id` is the same whenever it is tried, and the idempotency key of what is sent.
    """

    id: str
    kind: IntentKind
    account_id: str
    body: str
    """JSON; what it holds depends on `kind`."""
    created_us: int
    due_us: int
    begun_us: int | None = None
    """Of the first try: from then on Stripe may have acted."""
    tries: int = 0
    done_us: int | None = None
    frozen_us: int | None = None
    """Nobody knows whether Stripe acted, and asking again did not help: a person must look."""
    result: str | None = None
    """What Stripe made of it (an id), or the last error."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice of ours at Stripe."""

    invoice_id: str
    remote_id: str
    number: str | None = None
    url: str | None = None
    pdf: str | None = None
