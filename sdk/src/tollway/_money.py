"""Money: exact, integer nano-dollars (1 USD = 10^9)."""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec

_NANOS = 1_000_000_000
_DIGITS_MAX = 20
"""Before or after the point; `1e999999999` is not written out."""
_USD = re.compile(r"(-?)([0-9]{1,18})(?:\.([0-9]{1,9}))?")


class Money(msgspec.Struct, frozen=True, order=True):
    """An amount of US dollars, in integer nano-dollars.  Adds, subtracts and compares with other `Money` only.

    Raises:
        TypeError: `nanousd` is not an int; a float is never exact.

    Example: `tollway.Money.from_usd("0.50") + tollway.Money(46_200)` prints as `$0.500046200`.
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

    @property
    def usd(self) -> str:
        """Dollars as an exact decimal string with nine decimals, as the API writes them: `0.500046200`."""
        return str(self).replace("$", "", 1)

    @classmethod
    def from_usd(cls, usd: Usd) -> Money:
        """Exact, from dollars: a decimal string, an int, a `Decimal`, a `Money`, or a float as Python prints it.

        A float is read as what was typed: 0.1 is `0.1`, not the binary fraction beside it.

        Raises:
            ValueError: no plain amount, or finer than a nano-dollar (1e-9): `0.1 + 0.2` is such a float.

        Example: `tollway.Money.from_usd("0.50").nanousd` is 500,000,000.
        """
        if isinstance(usd, Money):
            return cls(usd.nanousd)
        text = usd if isinstance(usd, str) else _written_out(usd)
        match = _USD.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{usd!r} is not an exact amount of US dollars; write it like '0.50', at most nine decimals"
            )
        sign, dollars, fraction = match.groups()
        nanousd = int(dollars) * _NANOS + int((fraction or "").ljust(9, "0"))
        return cls(-nanousd if sign else nanousd)


Usd = Money | str | int | float | Decimal
"""US dollars, however they are written; see `Money.from_usd`."""


def _written_out(usd: object) -> str:
    """Without an exponent: `1e-05` is how Python prints small floats."""
    if isinstance(usd, bool) or not isinstance(usd, int | float | Decimal):
        return ""
    number = Decimal(repr(usd) if isinstance(usd, float) else usd)
    return f"{number:f}" if number.is_finite() and abs(number.adjusted()) < _DIGITS_MAX else str(number)
