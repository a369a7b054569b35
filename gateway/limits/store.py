"""All SQL about limits.  A window changes under the lock of its account's row."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import ColumnElement, delete, func, select, update

from gateway.accounts.tables import accounts
from gateway.kit.clock import DAY_US
from gateway.kit.db import ReadConn, WriteConn, rows, upsert
from gateway.limits.tables import limit_refusals, limit_settings, limit_shares
from gateway.limits.types import FIELDS, KINDS, MINUTE_US, Drawn, Kind, Limits, Refused

REFUSALS_KEPT_US = 30 * DAY_US
_SETTINGS = [limit_settings.c[name] for name in FIELDS]
_DRAWN = [limit_shares.c[name] for name in Drawn.__struct_fields__]


# -- what was set -----------------------------------------------------------------------------------------------


def read_limits(conn: ReadConn | WriteConn, account_id: str, key_id: str = "") -> Limits | None:
    """As they were set; None: nothing was."""
    query = select(*_SETTINGS).where(
        limit_settings.c.account_id == account_id, limit_settings.c.key_id == key_id
    )
    found = rows(Limits, conn.execute(query))
    return found[0] if found else None


def list_limits(
    conn: ReadConn | WriteConn, account_id: str | None = None, key_ids: Iterable[str] | None = None
) -> dict[tuple[str, str], Limits]:
    """By account and key, of one account or of all, of these keys or of all; the account's own under an empty key."""
    query = select(limit_settings)
    if account_id is not None:
        query = query.where(limit_settings.c.account_id == account_id)
    if key_ids is not None:
        query = query.where(limit_settings.c.key_id.in_(["", *key_ids]))
    return {
        (row.account_id, row.key_id): Limits(**{name: getattr(row, name) for name in FIELDS})
        for row in conn.execute(query)
    }


def save_limits(conn: WriteConn, account_id: str, key_id: str, limits: Limits) -> None:
    """With no limit at all: forgets them."""
    of_it = (limit_settings.c.account_id == account_id, limit_settings.c.key_id == key_id)
    if limits.each == (None, None, None, None):
        conn.execute(delete(limit_settings).where(*of_it))
        return
    row = {"account_id": account_id, "key_id": key_id, **msgspec.structs.asdict(limits)}
    conn.execute(upsert(conn.dialect.name, limit_settings, *FIELDS), row)


# -- what is in use -----------------------------------------------------------------------------------------------


def lock_accounts(conn: WriteConn, account_ids: Iterable[str]) -> None:
    """Nobody else decides about their windows until this transaction ends; in one order everywhere."""
    ids = sorted(set(account_ids))
    query = select(accounts.c.id).where(accounts.c.id.in_(ids)).order_by(accounts.c.id)
    conn.execute(query.with_for_update(key_share=True))


def read_drawn(
    conn: ReadConn | WriteConn, account_ids: Iterable[str], key_ids: Iterable[str] | None = None
) -> list[Drawn]:
    """Every process's share of the accounts, and of these of their keys (None: of all)."""
    query = select(*_DRAWN).where(limit_shares.c.account_id.in_(sorted(set(account_ids))))
    if key_ids is not None:
        query = query.where(limit_shares.c.key_id.in_(sorted({"", *key_ids})))
    return rows(Drawn, conn.execute(query))


def save_drawn(conn: WriteConn, drawn: list[Drawn]) -> None:
    changed = ("minute_us", *KINDS, "expires_us")
    conn.execute(
        upsert(conn.dialect.name, limit_shares, *changed), [msgspec.structs.asdict(each) for each in drawn]
    )


def free_slots(conn: WriteConn, process_id: str) -> None:
    """A process ends: nothing of it runs any more.  What it admitted this minute stays counted."""
    conn.execute(update(limit_shares).where(limit_shares.c.process_id == process_id).values(concurrency=0))


def forget(conn: WriteConn, now_us: int) -> None:
    """Shares of processes that are gone, a minute after they stopped to count; and refusals of long ago."""
    conn.execute(delete(limit_shares).where(limit_shares.c.expires_us < now_us - MINUTE_US))
    conn.execute(delete(limit_refusals).where(limit_refusals.c.hour_us < now_us - REFUSALS_KEPT_US))


# -- refusals -----------------------------------------------------------------------------------------------------


def save_refusals(conn: WriteConn, refused: list[Refused]) -> None:
    """Counts of whole hours, by this process."""
    conn.execute(
        upsert(conn.dialect.name, limit_refusals, "refusals"),
        [msgspec.structs.asdict(each) for each in refused],
    )


def sum_refusals(
    conn: ReadConn, account_id: str, since_us: int, key_id: str | None = None
) -> dict[int, dict[Kind, int]]:
    """By hour and kind."""
    conditions: list[ColumnElement[bool]] = [
        limit_refusals.c.account_id == account_id,
        limit_refusals.c.hour_us >= since_us,
    ]
    if key_id is not None:
        conditions.append(limit_refusals.c.key_id == key_id)
    query = (
        select(
            limit_refusals.c.hour_us,
            limit_refusals.c.kind,
            func.sum(limit_refusals.c.refusals).label("total"),
        )
        .where(*conditions)
        .group_by(limit_refusals.c.hour_us, limit_refusals.c.kind)
        .order_by(limit_refusals.c.hour_us)
    )
    found: dict[int, dict[Kind, int]] = {}
    for row in conn.execute(query):
        found.setdefault(row.hour_us, {})[row.kind] = int(row.total)
    return found
