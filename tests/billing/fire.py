"""Ways to be interrupted while Stripe is told something, and to go on afterwards."""

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from gateway.billing import store
from gateway.billing.types import Intent
from gateway.kit.clock import SECOND_US, next_month_us, rfc3339
from gateway.payments import store as payments
from gateway.payments.types import AutoTopUp
from tests.billing.world import USD, Owner, World


class Killed(BaseException):
    """The process is gone."""


class Killer:
    """`with Killer(world, place, after=...)`: the process dies before (or after) the so many-th thing it does with Stripe or the ledger."""

    def __init__(self, world: World, place: int, *, after: bool) -> None:
        self.world, self.place, self.after = world, place, after
        self.reached = False
        self._number = count()

    def __enter__(self) -> "Killer":
        self._real = [(owner, name, getattr(owner, name)) for owner, name in self._places()]
        for owner, name, real in self._real:
            setattr(owner, name, self._deadly(real))
        return self

    def __exit__(self, kind: object, *_: object) -> bool:
        for owner, name, real in self._real:
            setattr(owner, name, real)
        return kind is Killed

    def _places(self) -> list[tuple[Any, str]]:
        return [(self.world.api, "asked"), (self.world.api, "listed"), (self.world.database, "write")]

    def _deadly(self, real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def wrapped(*given: Any, **named: Any) -> Any:
            dies = next(self._number) == self.place
            self.reached |= dies
            if dies and not self.after:
                raise Killed
            result = await real(*given, **named)
            if dies:
                raise Killed
            return result

        return wrapped


def saver(world: World, *, below: int = 10, usd: int = 20, daily: int = 20) -> Owner:
    """Has a card, and less than its rule likes."""
    owner = world.account()
    world.top_up(owner, 5)
    keep(world, owner, below=below, usd=usd, daily=daily)
    return owner


def savers(world: World, number: int) -> list[Owner]:
    """So many; nothing is ordered for any of them yet."""
    owners = [world.account() for _ in range(number)]
    for owner in owners:
        world.top_up(owner, 5)
    for owner in owners:
        keep(world, owner)
    return owners


def keep(world: World, owner: Owner, *, below: int = 10, usd: int = 20, daily: int = 20) -> None:
    """Saves the rule (again)."""
    rule = AutoTopUp(account_id=owner[0], below_nanousd=below * USD, cents=usd * 100, daily_cents_max=daily * 100,
                     by="test", since_us=0)  # fmt: skip
    world.database.write_now(lambda conn: payments.save_auto_top_up(conn, rule))


def paused(world: World, owner: Owner) -> str | None:
    """Why the account's rule waits."""
    found = world.database.read_now(lambda conn: payments.find_auto_top_up(conn, owner[0]))
    assert found is not None
    return found.paused_why


def paid(world: World, owner: Owner) -> list[int]:
    """Cents, of each payment that is booked: the smallest first."""
    found = world.database.read_now(lambda conn: payments.list_payments(conn, owner[0]))
    return sorted(each.cents for each in found)


def intents(world: World, kind: str | None = None) -> list[Intent]:
    found = world.database.read_now(lambda conn: store.list_intents(conn, 1_000))
    return [intent for intent in found if kind in {None, intent.kind}]


def frozen(world: World) -> list[str | None]:
    """Why each frozen intent is."""
    return [intent.result for intent in intents(world) if intent.frozen_us]


def month_ends(world: World) -> None:
    """The next month has begun, and statements are final."""
    world.at(rfc3339(next_month_us(world.books.now) + 5_400 * SECOND_US))
    world.roll_up()


def calm(world: World) -> None:
    """Time passes until nothing waits; then both books agree."""
    for _ in range(40):
        world.settle()
        if all(intent.done_us for intent in intents(world)):
            break
        world.later(seconds=1_900)
    assert all(intent.done_us for intent in intents(world)), intents(world)
    world.check()
