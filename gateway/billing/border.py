"""What everything at the border is done with."""

from typing import TYPE_CHECKING, Any

import msgspec

from gateway.billing.types import Sink
from gateway.errors import NotSetUp
from gateway.kit.db import Database

if TYPE_CHECKING:  # stripe's library takes a second to import and 40 MB: only those pay who have a key
    from gateway.billing.stripe_api import StripeApi

WEBHOOK_PATH = "/stripe/webhook"


class Border(msgspec.Struct, frozen=True, kw_only=True):
    database: Database
    api: "StripeApi"
    webhook_secrets: tuple[str, ...]
    """One, or two while it is being changed."""
    public_url: str
    sink: Sink
    tax: bool
    """Whether Stripe Tax adds tax to top-ups and invoices."""

    def page(self, path: str) -> str:
        """The address of a page of ours, for Stripe to send people back to.  Raises NotSetUp."""
        if not self.public_url:
            raise NotSetUp(
                "the setting `public_url` is missing: Stripe could not send people back here",
                param="public_url",
            )
        return self.public_url.rstrip("/") + path


class Stripe:
    """The border where there is one; None: no `stripe_api_key` is set, and everything else works as it does."""

    def __init__(self, border: Border | None) -> None:
        self.border = border

    @property
    def is_on(self) -> bool:
        return self.border is not None

    def require(self) -> Border:
        """Raises NotSetUp."""
        if self.border is None:
            raise NotSetUp(
                "this gateway takes no payments: its setting `stripe_api_key` is missing",
                param="stripe_api_key",
            )
        return self.border


def once(key: str) -> Any:
    """Options of a write: whoever repeats it with this key within 24 hours is given the first answer again."""
    return {"idempotency_key": key}


def is_live(api_key: str) -> bool:
    """Whether real money moves."""
    return api_key.partition("_")[2].startswith("live_")
