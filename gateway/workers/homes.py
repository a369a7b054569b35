"""Which worker has a conversation's cache: where its last turn went.  Bounded memory: who was not heard of longest is forgotten.

The ring gives a new conversation its place, the same in every process; this remembers it, so that one which had to move
because its worker had more than its share stays where it went, instead of going to and fro.
"""

HOMES_MAX = 16_384
"""Conversations: more than the caches of a hundred GPUs hold.  Some 2 MB."""


class Homes:
    def __init__(self) -> None:
        self._homes: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._homes)

    def of(self, spot: int) -> str | None:
        return self._homes.get(spot)

    def settle(self, spot: int, name: str) -> None:
        """It went there."""
        self._homes.pop(spot, None)
        self._homes[spot] = name
        if len(self._homes) > HOMES_MAX:
            del self._homes[next(iter(self._homes))]
