"""`client.credits`, `client.invoices` and `admin.payments`: what there is to spend, what is paid and billed; blocking.  `payments_async.py` is for asyncio."""

from __future__ import annotations

from tollway._core import own, payments
from tollway._errors import NotFound
from tollway._money import Usd
from tollway._shells.transport import Link
from tollway._types.account import Credits as Balance
from tollway._types.account import Page
from tollway._types.payments import (
    AutoTopUp,
    Invoice,
    OutboxEntry,
    PaymentsReport,
    PaymentsStatus,
    Suspension,
    TopUp,
)

TopUps = list[TopUp]


class _Resource:
    def __init__(self, link: Link) -> None:
        self._link = link


class Credits(_Resource):
    """What there is to spend, and how more of it comes.  Having a card charged needs a key with the scope `payments`."""

    def get(self) -> Balance:
        """The account's balance and its grants, in nano-dollars.

        Raises: AuthenticationFailed, APIConnectionError, or another of the error tree.

        Example: `print(client.credits.get().available)` prints `$4.999953800`.
        """
        return self._link.ask(own.credits_left())

    def top_up(self, amount_usd: Usd) -> TopUp:
        """Orders credit, $5 to $10,000 in whole cents: somebody pays it, by card, on the page of Stripe's at `.url`.

        Raises: BadRequest: no such amount; PermissionDenied: this key has not the scope `payments`; ServerError: this gateway takes no
        cards, or Stripe is away; ValueError: no amount; and what `get` raises.

        Example: `print(client.credits.top_up("25").url)`
        """
        return self._link.ask(payments.order(amount_usd))

    def top_ups(self, *, limit: int | None = None) -> TopUps:
        """What was ordered, by hand and automatically, the newest first: at most `limit` (100).

        Raises: what `get` raises.

        Example: `print([(each.amount, each.state) for each in client.credits.top_ups()])`
        """
        return self._link.ask(payments.top_ups(limit))

    def auto_top_up(self) -> AutoTopUp | None:
        """The rule of automatic top-ups, in US dollars; None: there is none.

        Raises: what `get` raises.

        Example: `print(client.credits.auto_top_up())`
        """
        try:
            return self._link.ask(payments.rule())
        except NotFound:
            return None

    def set_auto_top_up(self, *, below_usd: Usd, amount_usd: Usd, daily_max_usd: Usd) -> AutoTopUp:
        """Has the saved card charged `amount_usd` whenever less than `below_usd` is left, in a day (UTC) `daily_max_usd` at most.

        Raises: Conflict: no card is saved; the first top-up saves one; and what `top_up` raises.

        Example: `client.credits.set_auto_top_up(below_usd="5", amount_usd="25", daily_max_usd="100")`
        """
        return self._link.ask(payments.set_rule(below_usd, amount_usd, daily_max_usd))

    def remove_auto_top_up(self) -> None:
        """Has nothing charged by itself any more.

        Raises: PermissionDenied: this key has not the scope `payments`; and what `get` raises.

        Example: `client.credits.remove_auto_top_up()`
        """
        self._link.ask(payments.remove_rule())


class Invoices(_Resource):
    """What the account is billed, month by month."""

    def list(self, *, limit: int | None = None, after: str | None = None) -> Page[Invoice]:
        """The newest month first, without lines: at most `limit` (100) `after` that id.

        Raises: NotFound: no such invoice to go on after; AuthenticationFailed, APIConnectionError, or another of the error tree.

        Example: `print([(each.month, each.total, each.state) for each in client.invoices.list()])`
        """
        return self._link.ask(payments.invoices(limit, after))

    def get(self, invoice_id: str) -> Invoice:
        """One of them, line by line.

        Raises: NotFound: no such invoice; and what `list` raises.

        Example: `print([(line.description, line.amount) for line in client.invoices.get(invoice.id).lines])`
        """
        return self._link.ask(payments.invoice(invoice_id))


class Payments(_Resource):
    """The border to Stripe, and what everybody is billed."""

    def status(self) -> PaymentsStatus:
        """What waits in outbox and inbox, which accounts are suspended, and the last report.

        Raises: AuthenticationFailed, PermissionDenied: no operator's key; APIConnectionError, or another of the error tree.

        Example: `print(admin.payments.status().outbox_frozen)`
        """
        return self._link.ask(payments.status())

    def reconcile(self) -> PaymentsReport:
        """Compares the ledger with Stripe now, cent by cent, both ways.  It changes nothing.

        Raises: ServerError: this gateway takes no cards, or Stripe is away; and what `status` raises.

        Example: `print([each.words for each in admin.payments.reconcile().differences])`
        """
        return self._link.ask(payments.reconcile())

    def retry(self, intent_id: str) -> OutboxEntry:
        """Has something that is frozen, or waits, tried again at once.

        Raises: NotFound: no such entry; Conflict: it is done; and what `status` raises.

        Example: `[admin.payments.retry(each.id) for each in admin.payments.status().outbox if each.state == "frozen"]`
        """
        return self._link.ask(payments.retry(intent_id))

    def lift_suspension(self, account: str, because_of: str) -> list[Suspension]:
        """Lifts one; what remains, if anything does, keeps the account suspended.

        Raises: NotFound: no such account, or it is not suspended for this; and what `status` raises.

        Example: `[admin.payments.lift_suspension(each.account_id, each.because_of) for each in admin.payments.status().suspensions]`
        """
        return self._link.ask(payments.lift(account, because_of))

    def invoices(
        self, account: str | None = None, *, limit: int | None = None, after: str | None = None
    ) -> Page[Invoice]:
        """Everybody's, or of one account (by name or id), the newest month first: at most `limit` (100) `after` that id.

        Raises: NotFound: no such account, or invoice to go on after; and what `status` raises.

        Example: `print([(each.account_id, each.month, each.total) for each in admin.payments.invoices("acme")])`
        """
        return self._link.ask(payments.everybodys_invoices(account, limit, after))
