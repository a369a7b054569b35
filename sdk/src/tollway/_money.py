"""Money: exact, integer nano-dollars (1 USD = 10^9)."""

from __future__ import annotations

import re

import msgspec

_NANOS = 1_000_000_000
_USD = re.compile(r"(-?)([0-9]{1,18})(?:\.([0-9]{1,9}))?")


class Money(msgspec.Struct, frozen=True, order=True):
    """An amount of US dollars, in integer nano-dollars.  Adds, subtracts and compares with other `Money` only.

    Raises:
        TypeError: `nanousd` is not an int; a float is never exact.

    Example: `Money.from_usd("0.50") + Money(46_200)` prints as `$0.500046200`.
    """

    nanousd: int

    def __post_init__(self) -> None:
        # msgspec checks types when it decodes, not when Python calls; a float let in here would spread by addition.
        if type(self.nanousd) is not int:
            raise TypeError(f"nanousd must be an int, not {type(self.nanousd).__name__}")

    def __str__(self) -> str:
        sign = "-" if self.nanousd < 0 else ""
        dollars, nanos = divmod(abs(self.nanousd), _NANOS)
        return f"{sign}${dollars}.{nanos:09d}"

    def __add__(self, other: Money) -> Money:
        return Money(self.nanousd + other.nanousd) if isinstance(other, Money) else NotImplemented

    def __sub__(self, other: Money) -> Money:
        return Money(self.nanousd - other.nanousd) if isinstance(other, Money) else NotImplemented

    @classmethod
    def from_usd(cls, usd: str) -> Money:
        """Exact, from dollars as a decimal string.

        Raises:
            ValueError: not a plain decimal number, or finer than a nano-dollar.  Floats are not accepted: they are
                not exact.

        Example: `Money.from_usd("0.50").nanousd` is 500,000,000.
        """
        match = _USD.fullmatch(usd) if isinstance(usd, str) else None
        if match is None:
            raise ValueError(
                f"{usd!r} is not an exact amount of US dollars; write it as a string like '0.50'"
            )
        sign, dollars, fraction = match.groups()
        nanousd = int(dollars) * _NANOS + int((fraction or "").ljust(9, "0"))
        return cls(-nanousd if sign else nanousd)
