"""Order credit: by Checkout, where somebody pays at Stripe's; or automatically, from a card that was saved there."""

from functools import partial

import msgspec

from gateway.accounts.types import Account
from gateway.billing import store
from gateway.billing.border import Border, once
from gateway.billing.customers import customer_of
from gateway.billing.handle import fail_auto, settle_auto
from gateway.billing.invoicing import CURRENCY, TAX_CODE
from gateway.billing.stripe_objects import PaymentIntent, Session
from gateway.billing.types import Intent
from gateway.errors import BadRequest, PaymentRefused, StripeRefused, TollwayError
from gateway.kit.clock import DAY_US, now_us
from gateway.kit.db import WriteConn
from gateway.kit.ids import new_id
from gateway.kit.money import NANOS_PER_CENT
from gateway.payments import store as payments
from gateway.payments.types import AutoTopUp, TopUp
from gateway.people.log import record

CENTS_MIN, CENTS_MAX = 500, 1_000_000
"""$5 to $10,000: less is eaten by the card's fee, more is a bank transfer's business."""


class Ordered(msgspec.Struct, frozen=True):
    top_up: TopUp
    url: str
    """Of Stripe's page."""


async def order_top_up(border: Border, account: Account, cents: int, by: str) -> Ordered:
    """With the address of a page of Stripe's where it is paid.  Credit comes when Stripe says that it was, not when the browser does.

    Raises:
        BadRequest: too little or too much.
        NotSetUp: Stripe would not know where to send the browser back to.
        PaymentsUnavailable, StripeRefused: nothing was ordered.
    """
    check_cents(cents, "amount")
    back = border.page(f"/dashboard/accounts/{account.id}/billing")
    customer = await customer_of(border, account)
    top_up = TopUp(
        id=new_id("top"), account_id=account.id, kind="checkout", cents=cents, by=by, created_us=now_us()
    )
    await border.database.write(lambda conn: _ordered(conn, top_up))
    try:
        session = await border.api.asked(lambda: border.api.v1.checkout.sessions.create_async(
            {
                "mode": "payment",
                "customer": customer.customer_id,
                "client_reference_id": top_up.id,
                "line_items": [{"quantity": 1, "price_data": {
                    "currency": CURRENCY, "unit_amount": cents, "tax_behavior": "exclusive",
                    "product_data": {"name": "API credit", "tax_code": TAX_CODE},
                }}],
                "payment_intent_data": {"setup_future_usage": "off_session", "metadata": {"top_up_id": top_up.id}},
                "invoice_creation": {"enabled": True, "invoice_data": {"metadata": {"top_up_id": top_up.id}}},
                "automatic_tax": {"enabled": border.tax},
                "metadata": {"top_up_id": top_up.id},
                "success_url": f"{back}?topped_up={top_up.id}",
                "cancel_url": back,
                **({"customer_update": {"address": "auto"}} if border.tax else {}),
            },
            once(top_up.id),
        ), Session)  # fmt: skip
    except TollwayError as error:  # nobody has the page's address, so nobody can pay it
        await border.database.write(
            partial(
                payments.insert_top_up_end,
                top_up_id=top_up.id,
                end="failed",
                why=error.message,
                now_us=now_us(),
            )
        )
        raise
    return Ordered(top_up=top_up, url=session.url or back)


def check_cents(cents: int, param: str) -> None:
    """Raises BadRequest."""
    if not CENTS_MIN <= cents <= CENTS_MAX:
        raise BadRequest(f"a top-up is ${CENTS_MIN // 100} to ${CENTS_MAX // 100:,}", param=param)


def cents_of(nanousd: int, param: str) -> int:
    """Whole cents.  Raises BadRequest: cards are not charged in parts of them."""
    cents, rest = divmod(nanousd, NANOS_PER_CENT)
    if rest:
        raise BadRequest("an amount in whole cents: cards are not charged in parts of them", param=param)
    return cents


def check_rule(rule: AutoTopUp) -> None:
    """Raises BadRequest."""
    check_cents(rule.cents, "amount")
    if not 0 < rule.below_nanousd <= CENTS_MAX * NANOS_PER_CENT:
        raise BadRequest(
            f"the mark below which it tops up is more than $0, and at most ${CENTS_MAX // 100:,}",
            param="below",
        )
    if not rule.cents <= rule.daily_cents_max <= CENTS_MAX * 10:
        raise BadRequest(
            f"a day's maximum is at least one top-up's amount, and at most ${CENTS_MAX // 10:,}",
            param="daily_max",
        )


def _ordered(conn: WriteConn, top_up: TopUp) -> None:
    payments.insert_top_up(conn, top_up)
    record(
        conn,
        top_up.by,
        "top_up.order",
        top_up.created_us,
        target=top_up.id,
        account_id=top_up.account_id,
        after={"cents": top_up.cents},
    )


# -- automatic ------------------------------------------------------------------------------------------------


async def top_up_low(border: Border) -> int:
    """Orders credit for each account that fell below its rule; how many."""
    low = await border.database.read(payments.list_low)
    ordered = 0
    for rule in low:
        ordered += await border.database.write(partial(_order_auto, rule=rule, now=now_us()))
    return ordered


def _order_auto(conn: WriteConn, rule: AutoTopUp, now: int) -> bool:
    """In one transaction: the order, and the intent to charge the card.  One at a time, and so much a day."""
    if not payments.lock_low(conn, rule.account_id):
        return False  # another process ordered it meanwhile, or somebody changed the rule
    customer = store.find_customer(conn, rule.account_id)
    if customer is None or customer.payment_method_id is None:
        payments.pause_auto_top_up(
            conn, rule.account_id, "there is no saved card; a top-up by hand saves one"
        )
        return False
    today = payments.list_auto_since(conn, rule.account_id, now // DAY_US * DAY_US)
    spent = sum(top_up.cents for top_up, _, ended in today if not ended)
    waiting = any(
        not paid and not ended for _, paid, ended in payments.list_auto_since(conn, rule.account_id, 0)
    )
    if waiting or spent + rule.cents > rule.daily_cents_max:
        return False
    top_up = TopUp(
        id=new_id("top"),
        account_id=rule.account_id,
        kind="auto",
        cents=rule.cents,
        by=rule.by,
        created_us=now,
    )
    payments.insert_top_up(conn, top_up)
    body = msgspec.json.encode(
        {"top_up_id": top_up.id, "customer": customer.customer_id, "card": customer.payment_method_id}
    )
    store.insert_intent(conn, Intent(id=f"auto:{top_up.id}", kind="auto_top_up", account_id=rule.account_id, body=body.decode(),
                                     created_us=now, due_us=now))  # fmt: skip
    return True


async def charge_card(border: Border, intent: Intent) -> str:
    """Sends an `auto_top_up`.  Tried again, it looks first whether the card was charged."""
    body = msgspec.json.decode(intent.body, type=dict[str, str])
    top_up = await border.database.read(lambda conn: payments.find_top_up(conn, body["top_up_id"]))
    charged = None
    if intent.begun_us is not None:
        about = {"customer": body["customer"], "created": {"gte": intent.created_us // 10**6 - 3600}}
        known = await border.api.listed(border.api.v1.payment_intents.list_async, PaymentIntent, **about)
        charged = next((each for each in known if each.metadata.get("top_up_id") == top_up.id), None)
    if charged is None:
        rule = await border.database.read(lambda conn: payments.find_auto_top_up(conn, top_up.account_id))
        if rule is None or rule.paused_why is not None:
            return await _failed(border, top_up, "its rule was paused or removed before the card was charged")
    try:
        charged = charged or await _charge(border, intent, top_up, body)
    except (PaymentRefused, StripeRefused) as error:
        return await _failed(border, top_up, f"the saved card was not charged: {error.message}")
    found = charged
    return await border.database.write(lambda conn: settle_auto(conn, border, found))


async def _failed(border: Border, top_up: TopUp, why: str) -> str:
    await border.database.write(lambda conn: fail_auto(conn, top_up, why))
    return why


async def _charge(border: Border, intent: Intent, top_up: TopUp, body: dict[str, str]) -> PaymentIntent:
    return await border.api.asked(lambda: border.api.v1.payment_intents.create_async(
        {
            "amount": top_up.cents,
            "currency": CURRENCY,
            "customer": body["customer"],
            "payment_method": body["card"],
            "off_session": True,
            "confirm": True,
            "description": "API credit, automatic top-up",
            "metadata": {"top_up_id": top_up.id},
        },
        once(intent.id),
    ), PaymentIntent)  # fmt: skip
