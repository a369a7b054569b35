"""Money that a piece of a program may spend: `with client.budget(usd="0.50"):`.

Each request sets aside what it may cost at most, tells the gateway (`max_cost_usd`), and gives back what it did not
cost.  What a request cost that ended without saying (a stream left early) is looked up on its receipt before the next.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar, Token
from typing import Any

from tollway._errors import APIConnectionError, APIStatusError, BudgetExceeded, InvalidOutput
from tollway._money import Money, Usd

LOOK_UP_PAUSES_S = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""A stream that was left is billed once its worker has stopped; after these seconds it counts as spent in full."""

_entered: ContextVar[tuple[Budget, ...]] = ContextVar("tollway_budgets", default=())


class Budget:
    """What a `with` block may spend in all; made by `client.budget`.

    It holds for requests of its client made inside the block, in tasks that are started there too.  Threads do not
    inherit it: start them with `contextvars.copy_context().run`.  Several requests at once share it: give each a
    `max_cost_usd`, else the first sets aside all that is left.

    Example:
        with client.budget(usd="0.50") as budget:
            client.chat.complete(model=m, messages="Hello")
            print(budget.spent, budget.left)
    """

    def __init__(self, limit: Usd, link: object) -> None:
        self.limit = Money.from_usd(limit)
        self._link = link
        self._spent = 0
        self._held = 0
        self._doubted: dict[str, int] = {}
        self._lock = threading.Lock()
        self._tokens: list[Token[tuple[Budget, ...]]] = []

    def __enter__(self) -> Budget:
        self._tokens.append(_entered.set((*_entered.get(), self)))
        return self

    def __exit__(self, *_: object) -> None:
        _entered.reset(self._tokens.pop())

    @property
    def spent(self) -> Money:
        """What its requests cost; those that ended without saying count in full until their receipts are read."""
        return Money(self._spent + sum(self._doubted.values()))

    @property
    def left(self) -> Money:
        """What the next request may cost: neither spent nor set aside for requests that run."""
        return Money(self.limit.nanousd - self._held) - self.spent

    def _set_aside(self, nanousd: int) -> None:
        with self._lock:
            self._held += nanousd

    def _settle(self, held: int, cost: int) -> None:
        with self._lock:
            self._held -= held
            self._spent += cost

    def _doubt(self, held: int, request_id: str | None) -> None:
        """What it cost is not known; without a request id it never will be."""
        with self._lock:
            self._held -= held
            if request_id:
                self._doubted[request_id] = held
            else:
                self._spent += held

    def _learn(self, request_id: str, cost: int | None) -> None:
        """None: there is no bill yet."""
        with self._lock:
            if cost is not None and self._doubted.pop(request_id, None) is not None:
                self._spent += cost


def active(link: object) -> list[Budget]:
    """The budgets of this client that this place is in, outermost first."""
    entered = _entered.get()
    return [budget for budget in entered if budget._link is link] if entered else []


def unknown(budgets: Sequence[Budget]) -> Iterator[tuple[Budget, str]]:
    return ((budget, request_id) for budget in budgets for request_id in list(budget._doubted))


class Hold:
    """What one request set aside in each budget.  Used in `with`, it is resolved however the request ends."""

    def __init__(self, budgets: Sequence[Budget], max_cost: Usd | None) -> None:
        """Raises BudgetExceeded: nothing is left; ValueError: `max_cost_usd` is no amount."""
        self._budgets = budgets
        left = min(budget.left for budget in budgets)
        self.max_cost = left if max_cost is None else min(left, Money.from_usd(max_cost))
        if self.max_cost.nanousd <= 0:
            raise _nothing_left(left)
        self._open = True
        for budget in budgets:
            budget._set_aside(self.max_cost.nanousd)

    def bounded(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The request's fields, with what it may cost."""
        return {**fields, "max_cost_usd": self.max_cost}

    def settle(self, cost_nanousd: int | None, request_id: str | None) -> None:
        """Once; later calls change nothing."""
        if not self._open:
            return
        self._open = False
        for budget in self._budgets:
            if cost_nanousd is None:
                budget._doubt(self.max_cost.nanousd, request_id)
            else:
                budget._settle(self.max_cost.nanousd, cost_nanousd)

    def __enter__(self) -> Hold:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is not None:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """By an error that may or may not have cost something."""
        self.settle(_cost_of(error), getattr(error, "request_id", None))


def _cost_of(error: BaseException) -> int | None:
    """None: it is not known."""
    if isinstance(error, InvalidOutput):
        return None if error.cost is None else error.cost.nanousd
    free = isinstance(error, APIStatusError | TypeError | ValueError) or (
        isinstance(error, APIConnectionError) and not error.reached
    )
    return 0 if free else None


def _nothing_left(left: Money) -> BudgetExceeded:
    error = BudgetExceeded(
        "the budget is spent, or set aside for requests that run; those that give their max_cost_usd set aside no more",
        status_code=402,
        code="budget_exceeded",
    )
    error.available = left
    return error
