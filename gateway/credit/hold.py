"""Set credit aside before any work: all that was asked, or as much as the balance affords, or a refusal."""

from gateway.credit import store
from gateway.credit.free import renew
from gateway.credit.types import Hold, Order
from gateway.errors import InsufficientCredit, NotFound
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.kit.money import cost_nanousd, format_usd, tokens_affordable


def place_whole(conn: WriteConn, order: Order) -> Hold | None:
    """Holds all that was asked, in one conditional statement; None when the balance does not afford it,
    or when its month has turned: `place` sees to both.
    """
    amount = _cost(order, order.output_tokens_max)
    taken = store.take(conn, order.account_id, amount, now_us())
    return _record(conn, order, amount, order.output_tokens_max) if taken else None


def place(conn: WriteConn, order: Order) -> Hold:
    """Holds the prompt's worst case and up to `output_tokens_max` tokens of answer.

    If the balance affords the prompt but not the whole answer, the answer is clamped to what it affords.  An account
    whose month has turned gets its free tier first.

    Raises:
        InsufficientCredit: not even the prompt and one token; says what is needed and what there is.
        NotFound: the account has no balance.
    """
    balance = store.lock_balance(conn, order.account_id)
    if balance is None:
        raise NotFound(f"account {order.account_id} has no balance")
    now = now_us()
    balance = renew(conn, balance, order.monthly_free_nanousd, now)
    tokens = _affordable(order, balance.available_nanousd)
    if tokens < 1:
        raise _refusal(order, balance.available_nanousd)
    amount = _cost(order, tokens)
    taken = store.take(conn, order.account_id, amount, now)
    assert taken, "nobody spends from a locked balance"
    return _record(conn, order, amount, tokens)


def _record(conn: WriteConn, order: Order, amount: int, tokens: int) -> Hold:
    hold = Hold(
        request_id=order.request_id,
        account_id=order.account_id,
        key_id=order.key_id,
        amount_nanousd=amount,
        output_tokens_max=tokens,
        created_us=now_us(),
        expires_us=order.expires_us,
    )
    if store.insert_hold(conn, hold):
        return hold
    # A group that was run again after its commit arrived: the hold stands, so give this second one back.
    store.give_back(conn, order.account_id, amount)
    existing = store.find_hold(conn, order.request_id)
    assert existing is not None, "an insert refused as a duplicate has its first"
    return existing


def _cost(order: Order, tokens: int) -> int:
    return order.prompt_nanousd + cost_nanousd(tokens, order.output_price_nanousd_per_mtok)


def _affordable(order: Order, available: int) -> int:
    left = available - order.prompt_nanousd
    if left < 0:
        return 0
    if order.output_price_nanousd_per_mtok == 0:
        return order.output_tokens_max
    return min(order.output_tokens_max, tokens_affordable(left, order.output_price_nanousd_per_mtok))


def _refusal(order: Order, available: int) -> InsufficientCredit:
    needed = _cost(order, 1)
    return InsufficientCredit(
        f"this request may cost ${format_usd(needed)} for its prompt and one token, and the account has"
        f" ${format_usd(max(available, 0))} available; add credit, or wait for running requests to end",
        needed_nanousd=needed,
        available_nanousd=max(available, 0),
    )
