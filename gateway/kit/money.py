"""Money is integer nano-dollars: 1 USD = 10^9 nanousd.  No float comes near it, and it rounds here only.

Prices are nano-dollars *per million tokens*: $0.20 per million is 200_000_000.  A BIGINT holds $9.2 billion.
"""

import re
from collections.abc import Iterable

NANOS_PER_USD = 1_000_000_000
TOKENS_PER_PRICE_UNIT = 1_000_000
NANOS_PER_CENT = 10_000_000
PERCENT = 100
NANOUSD_MAX = 2**63 - 1
"""What a BIGINT column holds; amounts beyond it are refused where they enter."""

_USD = re.compile(r"(?P<sign>-?)(?P<dollars>[0-9]{1,10})(?:\.(?P<fraction>[0-9]{1,9}))?")


def cost_nanousd(tokens: int, price_nanousd_per_mtok: int) -> int:
    """What so many tokens of one class cost: `ceil(tokens * price / 10^6)`.

    Rounded up, once per token class, so that no token is ever free; by less than a nano-dollar.

    Raises:
        ValueError: a negative count or price; a worker that reports one is broken, and must not earn credit.
    """
    if tokens < 0 or price_nanousd_per_mtok < 0:
        raise ValueError(f"tokens ({tokens}) and price ({price_nanousd_per_mtok}) must not be negative")
    return -(-tokens * price_nanousd_per_mtok // TOKENS_PER_PRICE_UNIT)


def cost_of_slices(slices: Iterable[tuple[int, int, int]]) -> int:
    """What slices of one class cost together: `(tokens, list price, discount in percent)` each; rounded up once.

    Raises:
        ValueError: a negative count or price, or a discount that is none.
    """
    total = 0
    for tokens, price, discount_percent in slices:
        if tokens < 0 or price < 0 or not 0 <= discount_percent <= PERCENT:
            raise ValueError(
                f"tokens ({tokens}), price ({price}) and discount ({discount_percent} %) must not be negative"
            )
        total += tokens * price * (PERCENT - discount_percent)
    return -(-total // (TOKENS_PER_PRICE_UNIT * PERCENT))


def tokens_affordable(nanousd: int, price_nanousd_per_mtok: int) -> int:
    """The most tokens whose cost is at most `nanousd`: the inverse of `cost_nanousd`.

    Raises:
        ValueError: a price of zero or less affords no finite number.
    """
    if price_nanousd_per_mtok <= 0:
        raise ValueError("only a positive price limits how many tokens are affordable")
    return max(nanousd, 0) * TOKENS_PER_PRICE_UNIT // price_nanousd_per_mtok


def cents(nanousd: int) -> int:
    """Whole cents, rounded half up: once per line of an invoice, and nowhere else.

    Raises:
        ValueError: a negative amount; credits are lines of their own kind, and are never rounded.
    """
    if nanousd < 0:
        raise ValueError(f"only a charge is rounded to cents, not {nanousd}")
    return (2 * nanousd + NANOS_PER_CENT) // (2 * NANOS_PER_CENT)


def format_usd(nanousd: int) -> str:
    """Exact decimal dollars with nine digits: 46_200 is `0.000046200`."""
    sign = "-" if nanousd < 0 else ""
    dollars, nanos = divmod(abs(nanousd), NANOS_PER_USD)
    return f"{sign}{dollars}.{nanos:09d}"


def parse_usd(text: str) -> int:
    """Nano-dollars of a decimal dollar amount such as `5`, `0.01` or `-2.50`.

    Raises:
        ValueError: not a plain decimal number, or finer than a nano-dollar: never silently rounded.
    """
    match = _USD.fullmatch(text.strip().removeprefix("$"))
    if match is None:
        raise ValueError(
            f"{text!r} is not an amount in US dollars; write it like 5, 0.01 or 12.50 (at most nine decimals)"
        )
    fraction = (match["fraction"] or "").ljust(9, "0")
    nanousd = int(match["dollars"]) * NANOS_PER_USD + int(fraction)
    if nanousd > NANOUSD_MAX:
        raise ValueError(f"{text!r} is more than the ledger can hold ({format_usd(NANOUSD_MAX)} USD)")
    return -nanousd if match["sign"] else nanousd
