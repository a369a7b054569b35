"""Cards are charged by rule, suspensions lifted, what is stuck at the border tried again.

A top-up that somebody orders writes its own line (billing/top_up.py): its transaction is one of several steps.
"""

import msgspec

from gateway.accounts import store as accounts
from gateway.accounts import suspend
from gateway.billing import store as billing
from gateway.billing.top_up import check_rule
from gateway.billing.types import Intent
from gateway.errors import Conflict, NotFound
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.payments import store
from gateway.payments.types import AutoTopUp
from gateway.people.log import record


def set_auto_top_up(
    conn: WriteConn, by: str, account_id: str, *, below_nanousd: int, cents: int, daily_cents_max: int
) -> AutoTopUp:
    """A new rule, or another one, which also begins anew where the old one waited for somebody.

    Raises:
        BadRequest: amounts that make no sense.
        Conflict: there is no saved card.
    """
    now = now_us()
    rule = AutoTopUp(account_id=account_id, below_nanousd=below_nanousd, cents=cents, daily_cents_max=daily_cents_max,
                     by=by, since_us=now)  # fmt: skip
    check_rule(rule)
    customer = billing.find_customer(conn, account_id)
    if customer is None or customer.payment_method_id is None:
        raise Conflict(
            "there is no saved card to charge: a top-up by hand, paid at Stripe, saves one",
            code="no_saved_card",
        )
    before = store.find_auto_top_up(conn, account_id)
    store.save_auto_top_up(conn, rule)
    record(
        conn,
        by,
        "auto_top_up.set",
        now,
        target=account_id,
        account_id=account_id,
        before=_said(before),
        after=_said(rule),
    )
    return rule


def remove_auto_top_up(conn: WriteConn, by: str, account_id: str) -> None:
    """Nothing is charged by itself any more; without a rule, nothing changes."""
    before = store.find_auto_top_up(conn, account_id)
    if before is not None:
        store.remove_auto_top_up(conn, account_id)
        record(
            conn,
            by,
            "auto_top_up.remove",
            now_us(),
            target=account_id,
            account_id=account_id,
            before=_said(before),
        )


def _said(rule: AutoTopUp | None) -> dict[str, object] | None:
    if rule is None:
        return None
    fields = msgspec.structs.asdict(rule)
    return {name: fields[name] for name in ("below_nanousd", "cents", "daily_cents_max", "paused_why")}


def lift_suspension(conn: WriteConn, by: str, account_id: str, because_of: str) -> None:
    """Of one reason; others may remain.  Raises NotFound: it is not in force."""
    found = [each for each in accounts.list_suspensions(conn, account_id) if each.because_of == because_of]
    if not found:
        raise NotFound(f"{account_id} is not suspended because of {because_of!r}")
    now = now_us()
    suspend.lift(conn, account_id, because_of, now)
    record(
        conn,
        by,
        "account.lift",
        now,
        target=because_of,
        account_id=account_id,
        before={"reason": found[0].reason},
    )


def retry_intent(conn: WriteConn, by: str, intent_id: str) -> Intent:
    """What was frozen, or waits for its time, is tried at once.  It looks at Stripe first whether it worked before.

    Raises:
        NotFound: there is no such intent.
        Conflict: it is done.
    """
    intent = billing.find_intent(conn, intent_id)
    if intent is None:
        raise NotFound(f"there is no intent {intent_id!r} in the outbox")
    if intent.done_us is not None:
        raise Conflict(f"{intent_id} is done: {intent.result}")
    now = now_us()
    billing.note_intent(conn, intent_id, intent.result or "", due_us=now)
    record(conn, by, "outbox.retry", now, target=intent_id, account_id=intent.account_id,
           before={"frozen_us": intent.frozen_us, "result": intent.result})  # fmt: skip
    return msgspec.structs.replace(intent, due_us=now, frozen_us=None)


def note_sync(conn: WriteConn, by: str, step: str) -> None:
    """What `stripe sync` made or changed at Stripe."""
    record(conn, by, "stripe.sync", now_us(), target="Stripe", after={"step": step})
