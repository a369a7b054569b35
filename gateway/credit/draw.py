"""How much to set aside: what a request's hold costs, what a balance affords of it, how large a lease should be.

Pure: the database's numbers come in, decisions go out.
"""

from gateway.credit.types import Caps, Order
from gateway.errors import InsufficientCredit, KeyCapReached, TollwayError
from gateway.kit.clock import rfc3339
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
    """The counters that a key's caps watch at an instant, and each one's limit."""
    day, month, total = periods_of(at_us)
    limits = {day: caps.day_nanousd, month: caps.month_nanousd, total: caps.total_nanousd}
    return {period: limit for period, limit in limits.items() if limit is not None}


def periods_of(at_us: int) -> tuple[str, str, str]:
    """The names of the day, the month and the whole, in UTC."""
    instant = rfc3339(at_us)
    return f"day:{instant[:10]}", f"month:{instant[:7]}", "total"


def refusal(order: Order, available_nanousd: int, capped_by: str | None) -> TollwayError:
    """Says what is needed and what there is; `capped_by` names the period of the key's cap that is in the way."""
    needed, available = cost_of(order, 1), max(available_nanousd, 0)
    amounts = {"needed_nanousd": needed, "available_nanousd": available}
    if capped_by is not None:
        window = capped_by.partition(":")[0]
        return KeyCapReached(
            f"this request may cost ${format_usd(needed)} for its prompt and one token, and the key may spend"
            f" ${format_usd(available)} more by its cap per {window} (UTC); raise the cap, wait for the next"
            f" {window}, or use another key"
            if window != "total"
            else f"this request may cost ${format_usd(needed)} for its prompt and one token, and the key may spend"
            f" ${format_usd(available)} more in all; raise its cap, or use another key",
            **amounts,
        )
    return InsufficientCredit(
        f"this request may cost ${format_usd(needed)} for its prompt and one token, and the account has"
        f" ${format_usd(available)} available; add credit, or wait for running requests to end",
        **amounts,
    )
