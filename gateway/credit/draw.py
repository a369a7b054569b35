"""How much to set aside: what a request's hold costs, what a balance affords of it, how large a lease should be.

Pure: the database's numbers come in, decisions go out.
"""

from gateway.credit.types import Caps, Order, Reached
from gateway.errors import InsufficientCredit, KeyCapReached, ProjectCapReached, TollwayError
from gateway.kit.clock import DAY_US, day_and_month, from_rfc3339, next_month_us, rfc3339
from gateway.kit.money import cost_nanousd, format_usd, tokens_affordable

LEASE_SHARE = 64
"""A lease takes at most this part of what is available, so that several processes never starve one another."""
LEASE_HOLDS_MIN = 8
"""A lease that could not carry this many requests like the largest is not worth having: then each asks."""


def cost_of(order: Order, tokens: int) -> int:
    """What is held for the prompt and so many tokens of answer."""
    return order.prompt_nanousd + cost_nanousd(tokens, order.output_price_nanousd_per_mtok)


def tokens_of(order: Order, pool_nanousd: int) -> int:
    """How many tokens of answer a pool affords after the prompt: all that was asked, fewer, or none."""
    if order.only_from_plenty:
        whole = cost_of(order, order.output_tokens_max)
        return order.output_tokens_max if surplus(pool_nanousd - whole, whole) else 0
    left = pool_nanousd - order.prompt_nanousd
    if left < 0:
        return 0
    if order.output_price_nanousd_per_mtok == 0:
        return order.output_tokens_max
    return min(order.output_tokens_max, tokens_affordable(left, order.output_price_nanousd_per_mtok))


def surplus(available_nanousd: int, hold_nanousd: int) -> int:
    """What to draw beyond what is needed now: generous from a large balance, nothing when it is nearly gone."""
    share = max(available_nanousd, 0) // LEASE_SHARE
    return share if share >= LEASE_HOLDS_MIN * hold_nanousd else 0


def periods(caps: Caps, at_us: int) -> dict[str, int]:
    """The counters that caps watch at an instant, and each one's limit."""
    day, month, total = periods_of(at_us)
    limits = {day: caps.day_nanousd, month: caps.month_nanousd, total: caps.total_nanousd}
    return {period: limit for period, limit in limits.items() if limit is not None}


def periods_of(at_us: int) -> tuple[str, str, str]:
    """The names of the day, the month and the whole, in UTC."""
    day, month = day_and_month(at_us)
    return f"day:{day}", f"month:{month}", "total"


def end_of(period: str) -> int | None:
    """When a counter begins anew; None: never."""
    window, _, when = period.partition(":")
    if window == "day":
        return from_rfc3339(f"{when}T00:00:00Z") + DAY_US
    return next_month_us(from_rfc3339(f"{when}-01T00:00:00Z")) if window == "month" else None


def refusal(order: Order, available_nanousd: int, reached: Reached | None) -> TollwayError:
    """Says what is needed and what there is, and if a cap is in the way which it is and when it begins anew."""
    needed, available = cost_of(order, 1), max(available_nanousd, 0)
    wanted = f"this request may cost ${format_usd(needed)} for its prompt and one token, and"
    if reached is None:
        return InsufficientCredit(
            f"{wanted} the account has ${format_usd(available)} available; add credit, or wait for running"
            " requests to end",
            needed_nanousd=needed,
            available_nanousd=available,
        )
    window, resets_us = reached.period.partition(":")[0], end_of(reached.period)
    of_key = reached.subject_id == order.key_id
    who, cap, other = (
        ("key", "cap", "another key") if of_key else ("project", "budget", "a key of another project")
    )
    message = (
        f"{wanted} the {who} may spend ${format_usd(available)} more in all; raise its {cap}, or use {other}"
        if resets_us is None
        else f"{wanted} the {who} may spend ${format_usd(available)} more by its {cap} per {window} (UTC);"
        f" raise the {cap}, wait for the next {window}, or use {other}"
    )
    return (KeyCapReached if of_key else ProjectCapReached)(
        message,
        needed_nanousd=needed,
        available_nanousd=available,
        **{f"{who}_id": reached.subject_id},
        window=window,
        cap_nanousd=reached.cap_nanousd,
        **({} if resets_us is None else {"resets_at": rfc3339(resets_us)}),
    )
