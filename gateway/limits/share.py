"""What one process holds of one subject's window, in memory.  Only the event loop touches it."""

from gateway.limits.types import NO_LIMITS, NOTHING, SLOT, Amounts, add


class Share:
    def __init__(self) -> None:
        self.limits = NO_LIMITS
        self.minute_us = 0
        self.held = NOTHING
        """What the database has as this process's."""
        self.used = NOTHING
        """Of it, by requests: per minute those that began in it, of slots those that run."""
        self.others = NOTHING
        """What other processes held at the last look."""
        self.largest = NOTHING
        """The largest request of late: what a useful share is measured by."""
        self.generous = False
        """It holds more than is used, on purpose."""
        self.frozen = False
        """A transaction is deciding about it."""
        self.touched = False
        """Whether it was used since the last look."""

    def turn(self, minute_us: int) -> None:
        """A new minute begins with nothing but the slots in use."""
        if minute_us > self.minute_us:
            self.minute_us = minute_us
            self.used = (0, 0, 0, self.used[SLOT])
            self.held = (0, 0, 0, self.held[SLOT])
            self.others = (0, 0, 0, self.others[SLOT])

    def covers(self, asked: Amounts) -> bool:
        return all(
            limit is None or used + more <= held
            for limit, used, more, held in zip(self.limits.each, self.used, asked, self.held, strict=True)
        )

    def take(self, asked: Amounts) -> None:
        self.used = add(self.used, asked)
        self.expect(asked)
        self.touched = True

    def expect(self, asked: Amounts) -> None:
        """Requests of this size come."""
        seen = self.largest
        self.largest = (
            max(seen[0], asked[0]), max(seen[1], asked[1]), max(seen[2], asked[2]), max(seen[3], asked[3])
        )  # fmt: skip

    def settle(self, asked: Amounts, spent: Amounts, minute_us: int) -> None:
        """A request ended: what it asked and did not spend is free again, in its own minute; what it spent beyond
        that counts now.  Its slot is free.
        """
        if minute_us == self.minute_us:
            change = [now - before for now, before in zip(spent, asked, strict=True)]
        else:
            change = [max(0, now - before) for now, before in zip(spent, asked, strict=True)]
        self.used = add(self.used, (change[0], change[1], change[2], -asked[SLOT]))

    @property
    def has_free(self) -> bool:
        return any(held > used for held, used in zip(self.held, self.used, strict=True))

    @property
    def owes(self) -> bool:
        """More was used than the database knows of."""
        return any(
            limit is not None and used > held
            for limit, held, used in zip(self.limits.each, self.held, self.used, strict=True)
        )
