"""Pure arithmetic: from tokens and prices to money.  Touches no balance, knows no database."""

from gateway.catalog.types import TOKEN_CLASSES, CostLine, Prices, TokenCounts
from gateway.kit.money import cost_nanousd

ROUNDING_SLACK_NANOUSD = len(TOKEN_CLASSES)
"""Each class rounds up by less than one nano-dollar, so splitting a bound into classes may add this much."""


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


def rate(counts: TokenCounts, prices: Prices) -> tuple[CostLine, ...]:
    """The lines of a bill, one for each class that has tokens."""
    lines = []
    for token_class, tokens in classes(counts).items():
        if tokens:
            price = getattr(prices, token_class)
            lines.append(CostLine(token_class, tokens, price, cost_nanousd(tokens, price)))
    return tuple(lines)


def total_nanousd(lines: tuple[CostLine, ...]) -> int:
    return sum(line.cost_nanousd for line in lines)


def prompt_cost_max(text_tokens: int, image_tokens: int, prices: Prices) -> int:
    """No prompt within these bounds costs more, however it splits into classes.

    The answer's own slack is in it, so a hold is this and `cost_nanousd(tokens, prices.output_max)`.
    """
    return (
        cost_nanousd(text_tokens, prices.input_max)
        + cost_nanousd(image_tokens, prices.image_max)
        + ROUNDING_SLACK_NANOUSD
    )
