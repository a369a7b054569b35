"""What is worked out from a month's tokens: the tier that was reached.  Pure, and integers throughout."""

from collections.abc import Sequence

import msgspec

from gateway.catalog.types import Tier
from gateway.kit.money import PERCENT


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a model's class of tokens is in its discount tiers; `next_*`: None in the last."""

    model: str
    token_class: str
    tokens: int
    discount_percent: int
    from_tokens: int
    next_tokens: int | None
    next_discount_percent: int | None
    list_nanousd_per_mtok: int = 0

    @property
    def price_nanousd_per_mtok(self) -> int:
        """What a million tokens costs now."""
        return self.list_nanousd_per_mtok * (PERCENT - self.discount_percent) // PERCENT

    @property
    def next_price_nanousd_per_mtok(self) -> int | None:
        if self.next_discount_percent is None:
            return None
        return self.list_nanousd_per_mtok * (PERCENT - self.next_discount_percent) // PERCENT

    @property
    def percent(self) -> int:
        """Of the way through this tier."""
        if self.next_tokens is None:
            return 100
        return (self.tokens - self.from_tokens) * 100 // (self.next_tokens - self.from_tokens)


def progress(
    model: str, token_class: str, tokens: int, tiers: Sequence[Tier], list_nanousd_per_mtok: int = 0
) -> Progress:
    """Where so many tokens of the month are.  `tiers` as the price book has them: the last has no end."""
    begin = 0
    for place, tier in enumerate(tiers):
        if tier.up_to_tokens is None or tokens < tier.up_to_tokens:
            following = tiers[place + 1] if place + 1 < len(tiers) else None
            return Progress(
                model=model,
                token_class=token_class,
                tokens=tokens,
                discount_percent=tier.discount_percent,
                from_tokens=begin,
                next_tokens=tier.up_to_tokens,
                next_discount_percent=following.discount_percent if following else None,
                list_nanousd_per_mtok=list_nanousd_per_mtok,
            )
        begin = tier.up_to_tokens
    raise AssertionError("the last tier has no end")
