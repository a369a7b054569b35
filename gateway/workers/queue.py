"""Those who wait because every worker is busy: fair between accounts, bounded in number; the caller bounds the time.

Who waits for the same thing waits in the same line; in a line accounts take turns, and within an account whoever came first goes first.  When the queue
is full, the account with the most waiting gives up its newest for one of an account that has fewer: nobody can fill it alone.
"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

L = TypeVar("L", bound=Hashable)


class QueueFull(Exception):
    """No room, or room had to be made for an account with less."""


class Queue(Generic[L]):
    def __init__(self, waiting_max: int) -> None:
        self._waiting_max = waiting_max
        self._lines: dict[L, OrderedDict[str, deque[asyncio.Future[None]]]] = {}
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        return sum(self._counts.values())

    def has(self, line: L) -> bool:
        return line in self._lines

    @property
    def lines(self) -> list[L]:
        """Those in which somebody waits."""
        return list(self._lines)

    @contextlib.contextmanager
    def place(self, line: L, account_id: str, *, first: bool) -> Iterator[asyncio.Future[None]]:
        """A place in the line, until the block ends: a future that is done when it is this one's turn.

        `first`: it had its turn and could not use it.

        Raises:
            QueueFull: here, or from the future.
        """
        self._make_room(account_id)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        accounts = self._lines.setdefault(line, OrderedDict())
        waiting = accounts.setdefault(account_id, deque())
        if first:
            waiting.appendleft(turn)
            accounts.move_to_end(account_id, last=False)
        else:
            waiting.append(turn)
        self._counts[account_id] = self._counts.get(account_id, 0) + 1
        try:
            yield turn
        finally:
            self._leave(line, account_id, turn)

    def wake(self, line: L) -> None:
        """It is the next one's turn, if somebody waits."""
        accounts = self._lines.get(line)
        if not accounts:
            return
        account_id, waiting = next(iter(accounts.items()))
        turn = waiting[0]
        self._leave(line, account_id, turn)
        if account_id in accounts:
            accounts.move_to_end(account_id)
        if not turn.done():
            turn.set_result(None)

    def _make_room(self, account_id: str) -> None:
        if len(self) < self._waiting_max:
            return
        most = max(self._counts, key=lambda account: self._counts[account], default=account_id)
        if self._counts.get(most, 0) <= self._counts.get(account_id, 0) + 1:
            raise QueueFull
        for line, accounts in self._lines.items():
            if most in accounts:
                newest = accounts[most][-1]
                self._leave(line, most, newest)
                newest.set_exception(QueueFull())
                return

    def _leave(self, line: L, account_id: str, turn: asyncio.Future[None]) -> None:
        """Again: does nothing."""
        accounts = self._lines.get(line, OrderedDict())
        waiting = accounts.get(account_id, deque())
        if turn not in waiting:
            return
        waiting.remove(turn)
        self._counts[account_id] -= 1
        if not self._counts[account_id]:
            del self._counts[account_id]
        if not waiting:
            del accounts[account_id]
        if not accounts:
            del self._lines[line]
