"""How often callers were refused, by key, kind and hour: counted in memory, written now and then."""

from collections import Counter

from gateway.kit.clock import HOUR_US
from gateway.limits.types import Kind, Lack, Refused

_Place = tuple[str, str, Kind, int]


class Refusals:
    """`total` counts since the start, by scope (account or key) and kind, for `/metrics`."""

    def __init__(self, process_id: str) -> None:
        self.total: Counter[tuple[str, Kind]] = Counter()
        self._process_id = process_id
        self._hours: Counter[_Place] = Counter()
        self._changed: set[_Place] = set()

    def count(self, lack: Lack, key_id: str, now_us: int) -> None:
        self.total[lack.subject.scope, lack.kind] += 1
        place = (lack.subject.account_id, key_id, lack.kind, now_us // HOUR_US * HOUR_US)
        self._hours[place] += 1
        self._changed.add(place)

    @property
    def waiting(self) -> bool:
        return bool(self._changed)

    def take(self) -> tuple[Refused, ...]:
        """What changed since the last time, as whole counts of their hours: writing one twice changes nothing."""
        changed, self._changed = self._changed, set()
        newest = max((place[3] for place in changed), default=0)
        found = tuple(
            Refused(
                account_id=place[0],
                key_id=place[1],
                kind=place[2],
                hour_us=place[3],
                process_id=self._process_id,
                refusals=self._hours[place],
            )
            for place in sorted(changed)
        )
        for place in [place for place in self._hours if place[3] < newest]:
            del self._hours[place]
        return found

    def again(self, refused: tuple[Refused, ...]) -> None:
        """They could not be written."""
        for each in refused:
            self._changed.add((each.account_id, each.key_id, each.kind, each.hour_us))
            self._hours[each.account_id, each.key_id, each.kind, each.hour_us] = max(
                each.refusals, self._hours[each.account_id, each.key_id, each.kind, each.hour_us]
            )
