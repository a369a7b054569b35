"""From a cookie to a Viewer.  Remembered for a second, so that a page's pieces ask once; a session revoked elsewhere is
gone within that second.
"""

import time

import msgspec

from gateway.kit.clock import SECOND_US, now_us
from gateway.kit.db import Database, ReadConn
from gateway.people import store
from gateway.people.secrets import derived, hash_of
from gateway.people.sign_in import IDLE_US
from gateway.people.types import Viewer

CACHE_S = 1.0
ENTRIES_MAX = 10_000
TOUCH_US = 300 * SECOND_US
"""How often it is written down that a session is still used."""


class ViewerFinder:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: dict[str, tuple[float, Viewer | None]] = {}

    async def find(self, secret: str) -> Viewer | None:
        """None: no session, or one that ended.  Raises StorageUnavailable."""
        hashed, moment = hash_of(secret), time.monotonic()
        known = self._cache.get(hashed)
        if known is not None and known[0] > moment:
            return known[1]
        now = now_us()
        viewer, seen_us = await self._database.read(lambda conn: _viewer(conn, secret, hashed, now))
        if viewer is not None and seen_us < now - TOUCH_US:
            session_id = viewer.session_id
            await self._database.write(lambda conn: store.touch_session(conn, session_id, now))
        if len(self._cache) >= ENTRIES_MAX:
            self._cache.clear()
        self._cache[hashed] = (moment + CACHE_S, viewer)
        return viewer

    def forget(self) -> None:
        """After a change made in this process."""
        self._cache.clear()


def _viewer(conn: ReadConn, secret: str, hashed: str, now: int) -> tuple[Viewer | None, int]:
    found = store.find_session(conn, hashed, now, IDLE_US)
    if found is None:
        return None, now
    session, person = found
    shown = msgspec.structs.asdict(person)
    viewer = Viewer(
        session_id=session.id,
        person_id=person.id,
        memberships=store.memberships_of(conn, person.id),
        csrf=derived(secret, "csrf"),
        **{name: shown[name] for name in ("email", "name", "is_operator")},
    )
    return viewer, session.seen_us
