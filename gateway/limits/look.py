"""What is allowed, what is in use right now and how often requests were refused lately: for people and the API."""

import msgspec

from gateway.kit.clock import DAY_US, HOUR_US
from gateway.kit.db import ReadConn
from gateway.limits import store
from gateway.limits.types import KINDS, NO_LIMITS, NOTHING, Amounts, Kind, Limits, add, in_force, minute_of


class View(msgspec.Struct, frozen=True, kw_only=True):
    """`own` as it was set, `limits` in force.  `used` counts what processes have set aside in advance as well."""

    account_id: str
    key_id: str
    own: Limits
    limits: Limits
    used: Amounts
    refused: dict[int, dict[Kind, int]]
    """By hour, of the last day; hours without any are left out."""

    @property
    def refused_in_all(self) -> dict[Kind, int]:
        return {kind: sum(hour.get(kind, 0) for hour in self.refused.values()) for kind in KINDS}


def look(conn: ReadConn, account_id: str, key_id: str, defaults: Limits, now_us: int) -> View:
    """Of an account, or (with a `key_id`) of one of its keys."""
    own = store.read_limits(conn, account_id, key_id)
    limits = (own or NO_LIMITS) if key_id else in_force(own, defaults)
    drawn = [
        each
        for each in store.read_drawn(conn, [account_id], [key_id] if key_id else [])
        if each.key_id == key_id
    ]
    used = NOTHING
    for each in drawn:
        requests, inputs, outputs, slots = each.amounts
        if each.minute_us < minute_of(now_us):
            requests = inputs = outputs = 0
        used = add(used, (requests, inputs, outputs, slots if each.expires_us > now_us else 0))
    since_us = (now_us - DAY_US) // HOUR_US * HOUR_US + HOUR_US
    return View(
        account_id=account_id,
        key_id=key_id,
        own=own or NO_LIMITS,
        limits=limits,
        used=used,
        refused=store.sum_refusals(conn, account_id, since_us, key_id or None),
    )
