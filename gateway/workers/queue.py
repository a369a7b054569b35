"""Those who wait because every worker is busy: fair between accounts, bounded in number; the caller bounds the time.

For each model a line; in a line accounts take turns, and within an account whoever came first goes first.  When the queue
is full, the account with the most waiting gives up its newest for one of an account that has fewer: nobody can fill it alone.
"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Iterator


class QueueFull(Exception):
    """No room, or room had to be made for an account with less."""


class Queue:
    def __init__(self, waiting_max: int) -> None:
        self._waiting_max = waiting_max
        self._lines: dict[str, OrderedDict[str, deque[asyncio.Future[None]]]] = {}
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        return sum(self._counts.values())

    def has(self, model_id: str) -> bool:
        return model_id in self._lines

    @property
    def models(self) -> list[str]:
        return list(self._lines)

    @contextlib.contextmanager
    def place(self, model_id: str, account_id: str, *, first: bool) -> Iterator[asyncio.Future[None]]:
        """A place in the line, until the block ends: a future that is done when it is this one's turn.

        `first`: it had its turn and could not use it.

        Raises:
            QueueFull: here, or from the future.
        """
        self._make_room(account_id)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line = self._lines.setdefault(model_id, OrderedDict())
        waiting = line.setdefault(account_id, deque())
        if first:
            waiting.appendleft(turn)
            line.move_to_end(account_id, last=False)
        else:
            waiting.append(turn)
        self._counts[account_id] = self._counts.get(account_id, 0) + 1
        try:
            yield turn
        finally:
            self._leave(model_id, account_id, turn)

    def wake(self, model_id: str) -> None:
        """It is the next one's turn, if somebody waits."""
        line = self._lines.get(model_id)
        if not line:
            return
        account_id, waiting = next(iter(line.items()))
        turn = waiting[0]
        self._leave(model_id, account_id, turn)
        if account_id in line:
            line.move_to_end(account_id)
        if not turn.done():
            turn.set_result(None)

    def _make_room(self, account_id: str) -> None:
        if len(self) < self._waiting_max:
            return
        most = max(self._counts, key=lambda account: self._counts[account], default=account_id)
        if self._counts.get(most, 0) <= self._counts.get(account_id, 0) + 1:
            raise QueueFull
        for model_id, line in self._lines.items():
            if most in line:
                newest = line[most][-1]
                self._leave(model_id, most, newest)
                newest.set_exception(QueueFull())
                return

    def _leave(self, model_id: str, account_id: str, turn: asyncio.Future[None]) -> None:
        """Again: does nothing."""
        line = self._lines.get(model_id, OrderedDict())
        waiting = line.get(account_id, deque())
        if turn not in waiting:
            return
        waiting.remove(turn)
        self._counts[account_id] -= 1
        if not self._counts[account_id]:
            del self._counts[account_id]
        if not waiting:
            del line[account_id]
        if not line:
            del self._lines[model_id]
