"""Pure arithmetic: from tokens and prices to money.  Touches no balance, knows no database."""

from functools import lru_cache

from gateway.catalog.types import TOKEN_CLASSES, CostLine, Prices, Starts, Tier, TokenCounts
from gateway.kit.money import PERCENT, TOKENS_PER_PRICE_UNIT, cost_nanousd, cost_of_slices


def classes(counts: TokenCounts) -> dict[str, int]:
    """Every token in exactly one class.

    Workers report cached tokens without saying whether they were text or image; text comes first in a prompt
    and is taken to be cached first.
    """
    text = counts.input_tokens - counts.input_image_tokens
    cached_text = min(counts.input_cached_tokens, text)
    cached_image = counts.input_cached_tokens - cached_text
    return {
        "input_text": text - cached_text,
        "input_image": counts.input_image_tokens - cached_image,
        "input_cached": counts.input_cached_tokens,
        "output_text": counts.output_tokens - counts.output_reasoning_tokens,
        "output_reasoning": counts.output_reasoning_tokens,
    }


def graduated(tokens: int, price_nanousd_per_mtok: int, tiers: tuple[Tier, ...]) -> int:
    """F: what the first so many tokens of a class cost in a month, its discounts graduated; rounded up once."""
    return cost_of_slices(
        [(part, price_nanousd_per_mtok, discount) for part, discount in _slices(0, tokens, tiers)]
    )


def rate(
    counts: TokenCounts, prices: Prices, tiers: tuple[Tier, ...], starts: Starts
) -> tuple[CostLine, ...]:
    """The lines of a bill: one for each class and discount tier that has tokens.

    A request claims the range [start, start + tokens) of its account's month and pays F(end) - F(start): the
    month's total is F of all its tokens, in whatever order they came.
    """
    lines = []
    for token_class, tokens in classes(counts).items():
        if not tokens:
            continue
        price, begin = getattr(prices, token_class), getattr(starts, token_class)
        for part, discount in _slices(begin, begin + tokens, tiers):
            each = _per_token(price, discount)
            cost = (
                part * each
                if each is not None
                else graduated(begin + part, price, tiers) - graduated(begin, price, tiers)
            )
            lines.append(
                CostLine(
                    token_class=token_class,
                    tokens=part,
                    price_nanousd_per_mtok=price,
                    discount_percent=discount,
                    cost_nanousd=cost,
                )
            )
            begin += part
    return tuple(lines)


@lru_cache(maxsize=256)
def _per_token(price_nanousd_per_mtok: int, discount_percent: int) -> int | None:
    """What each token of a tier costs where that is whole nano-dollars: F then grows by so much with each, and rounds nothing."""
    each, rest = divmod(
        price_nanousd_per_mtok * (PERCENT - discount_percent), TOKENS_PER_PRICE_UNIT * PERCENT
    )
    return None if rest else each


def _slices(begin: int, end: int, tiers: tuple[Tier, ...]) -> list[tuple[int, int]]:
    """The range [begin, end) cut at the tiers: (tokens, discount in percent) of each part that is not empty."""
    found = []
    for tier in tiers:
        limit = tier.up_to_tokens
        until = end if limit is None or limit > end else limit
        if until > begin:
            found.append((until - begin, tier.discount_percent))
            begin = until
    return found


def total_nanousd(lines: tuple[CostLine, ...]) -> int:
    return sum(line.cost_nanousd for line in lines)


@lru_cache(maxsize=256)
def rounding_slack(prices: Prices) -> int:
    """What splitting a bound into classes may add: a nano-dollar for each class whose tokens cost no whole number."""
    return sum(getattr(prices, name) % TOKENS_PER_PRICE_UNIT != 0 for name in TOKEN_CLASSES)


def prompt_cost_max(text_tokens: int, image_tokens: int, prices: Prices) -> int:
    """No prompt within these bounds costs more, however it splits into classes.

    The answer's own slack is in it, so a hold is this and `cost_nanousd(tokens, prices.output_max)`.
    """
    return (
        cost_nanousd(text_tokens, prices.input_max)
        + cost_nanousd(image_tokens, prices.image_max)
        + rounding_slack(prices)
    )
