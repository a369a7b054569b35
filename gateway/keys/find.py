"""From an `Authorization` header to a Caller.

Identities are cached for `cache_s` seconds (settings.key_cache_s), never balances.  A key revoked here is
forgotten at once; one revoked by another process works for at most `cache_s` longer.
"""

import time

from gateway.errors import NotAuthenticated
from gateway.keys import store
from gateway.keys.allow import check_address, check_time
from gateway.keys.mint import is_well_formed, keyed_hash
from gateway.keys.types import Caller
from gateway.kit.clock import now_us
from gateway.kit.db import Database

CACHE_ENTRIES_MAX = 10_000

_HOW = "send it as `Authorization: Bearer tw_…`"


class KeyFinder:
    def __init__(self, database: Database, key_secret: bytes, cache_s: float) -> None:
        self._database = database
        self._key_secret = key_secret
        self._cache_s = cache_s
        self._cache: dict[str, tuple[float, Caller | None]] = {}

    async def authenticate(self, authorization: str | None, address: str | None = None) -> Caller:
        """Who calls, from `address`.  Time is looked at each time, not when the identity was looked up.

        Raises:
            NotAuthenticated: no key, a mistyped, unknown, expired or revoked one.
            NotAllowed: a key that may not be used from there.
            StorageUnavailable: it cannot be looked up now.
        """
        if not authorization:
            raise NotAuthenticated(f"no API key; {_HOW}", code="missing_api_key")
        scheme, _, secret = authorization.partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret:
            raise NotAuthenticated(
                f"the Authorization header is not a bearer token; {_HOW}", code="missing_api_key"
            )
        caller = await self._find(secret)
        if caller is None:
            raise NotAuthenticated("this API key is unknown here or was revoked; ask for a new one")
        if caller.expires_us is not None or caller.replaced_us is not None:
            check_time(caller, now_us())
        check_address(caller, address)
        return caller

    async def _find(self, secret: str) -> Caller | None:
        """What is remembered is asked first: a checksum takes longer than the hash."""
        hashed, now = keyed_hash(secret, self._key_secret), time.monotonic()
        known = self._cache.get(hashed)
        if known is not None and known[0] > now:
            return known[1]
        if not is_well_formed(secret):
            raise NotAuthenticated(
                "this is not a Tollway API key (its checksum is wrong); copy it again, whole"
            )
        caller = await self._database.read(lambda conn: store.find_caller(conn, hashed))
        if len(self._cache) >= CACHE_ENTRIES_MAX:
            self._cache.clear()
        self._cache[hashed] = (now + self._cache_s, caller)
        return caller

    def forget(self) -> None:
        """After a change made in this process."""
        self._cache.clear()
