"""The arithmetic of a window, and nothing else: what fits, and how much of what is left a process draws in advance.

Of what is left of a limit a process takes at most a sixteenth beyond what it uses, and only if that carries eight
requests like its largest: so a window with plenty costs a statement now and then, and the end of one is exact.
"""

from gateway.limits.types import KINDS, NOTHING, Amounts, Lack, Limits, Subject, add

SHARES = 16
REQUESTS_MIN = 8


class Window:
    """One subject's window while one process decides about it, with nobody else deciding."""

    def __init__(self, subject: Subject, limits: Limits, *, others: Amounts, used: Amounts) -> None:
        """`others`: drawn by other processes; `used`: by requests of this one, running ones as slots."""
        self.subject = subject
        self.limits = limits
        self.others = others
        self.used = used

    def lack(self, asked: Amounts) -> Lack | None:
        """The first limit that is in the way; None: it fits."""
        for kind, limit, other, used, more in zip(
            KINDS, self.limits.each, self.others, self.used, asked, strict=True
        ):
            if limit is not None and more > max(0, limit - other - used):
                return Lack(self.subject, kind, limit, more, max(0, limit - other - used))
        return None

    def take(self, asked: Amounts) -> None:
        self.used = add(self.used, asked)

    def draw(self, largest: Amounts, *, spare: bool = True) -> Amounts:
        """What the process holds from now on: what is used, and, with `spare`, some of what is left."""
        if not spare:
            return self.used
        return add(self.used, self._spare(largest))

    def _spare(self, largest: Amounts) -> Amounts:
        shares = [
            0 if limit is None else max(0, limit - other - used) // SHARES
            for limit, other, used in zip(self.limits.each, self.others, self.used, strict=True)
        ]
        if not is_plenty(shares, self.limits, largest):
            return NOTHING
        return (shares[0], shares[1], shares[2], shares[3])


def is_plenty(shares: list[int], limits: Limits, largest: Amounts) -> bool:
    """Whether every limit's share carries enough requests.  If one does not, each request asks anyway: then all is exact."""
    return all(
        limit is None or share >= REQUESTS_MIN * max(1, most)
        for share, limit, most in zip(shares, limits.each, largest, strict=True)
    )


def too_large(subject: Subject, limits: Limits, asked: Amounts) -> Lack | None:
    """The first limit that a request exceeds by itself: it will never fit."""
    return Window(subject, limits, others=NOTHING, used=NOTHING).lack(asked)
