"""Many events of the past written at once: the very rows that the writer (metering/writer.py) would have written.

A request in the past needs no hold, no lease and no transaction of its own; what remains is arithmetic: its place in the
month's volume, its cost, the grants that pay, its link in the chain.  That is done here in memory for every account, and
written with the database's own way of loading rows.  `tests/bench/test_seed.py` has the real writer do the same events and
compares every row; `audit` agrees as well.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, select, update

from gateway.catalog.rate import classes, graduated
from gateway.catalog.types import PriceBook, Prices
from gateway.credit.burn import order
from gateway.credit.draw import periods_of
from gateway.credit.tables import balances, counters, grant_uses, open_grants
from gateway.credit.types import OpenGrant
from gateway.kit.clock import DAY_US
from gateway.kit.db import WriteConn, rows, upsert
from gateway.metering.chain import GENESIS, link
from gateway.metering.tables import tier_counters, usage_events
from gateway.metering.types import BILLED, Link, UsageEvent

_FIELDS = UsageEvent.__struct_fields__
_COLUMNS = (*_FIELDS, *Link.__struct_fields__)
_STARTS = {
    name: f"{name}_start"
    for name in ("input_text", "input_image", "input_cached", "output_text", "output_reasoning")
}


class Bulk:
    """The accounts' counters, as of what is written; all of one database."""

    def __init__(self, conn: WriteConn, book: PriceBook) -> None:
        self._prices: dict[str, Prices] = {model.id: model.prices for model in book.models}
        self._tiers = book.tiers
        self._settled = {row.account_id: row.settled_nanousd for row in conn.execute(select(balances))}
        self._chain = {
            row.account_id: (row.chain_seq, row.chain_hash or GENESIS)
            for row in conn.execute(select(balances))
        }
        self._left: dict[str, int] = {}
        self._grants: dict[str, list[str]] = {}
        for grant in sorted(rows(OpenGrant, conn.execute(select(open_grants))), key=order):
            self._left[grant.grant_id] = grant.left_nanousd
            self._grants.setdefault(grant.account_id, []).append(grant.grant_id)
        self._keys = {
            (row.subject_id, row.period): (row.account_id, row.settled_nanousd)
            for row in conn.execute(select(counters))
        }
        self._volumes: dict[tuple[str, str, str, str], tuple[int, int]] = {}
        for row in conn.execute(select(tier_counters)):
            self._volumes[row.account_id, row.month, row.model, row.token_class] = (
                row.tokens, graduated(row.tokens, getattr(self._prices[row.model], row.token_class), self._tiers)
            )  # fmt: skip
        self._touched: dict[str, set[Any]] = {}
        self._day = (0, ("", "", ""))

    def write(self, conn: WriteConn, events: Iterable[UsageEvent]) -> int:
        """Appends events, in the order in which they began, with all that follows from them; returns how many."""
        self._touched = {name: set() for name in ("accounts", "grants", "keys", "volumes")}
        uses: list[tuple[str, str, int]] = []
        found = [self._row(event, uses) for event in events]
        _load(conn, usage_events.name, _COLUMNS, found)
        _load(conn, grant_uses.name, ("grant_id", "used_by", "amount_nanousd"), uses)
        self._save_counters(conn)
        return len(found)

    def _row(self, event: UsageEvent, uses: list[tuple[str, str, int]]) -> tuple[Any, ...]:
        fields = msgspec.structs.asdict(event)
        if event.outcome in BILLED:
            fields["cost_nanousd"] = cost = self._rate(event, fields)
            self._spend(event, cost, uses)
        for period in self._periods(event.created_us):
            for subject in filter(None, (event.key_id, event.project_id)):
                account_id, settled = self._keys.get((subject, period), (event.account_id, 0))
                self._keys[subject, period] = (account_id, settled + fields["cost_nanousd"])
                self._touched["keys"].add((subject, period))
        seq, before = self._chain[event.account_id]
        chain_hash = link(before, seq + 1, fields)
        self._chain[event.account_id] = (seq + 1, chain_hash)
        self._touched["accounts"].add(event.account_id)
        return (*fields.values(), seq + 1, chain_hash)

    def _rate(self, event: UsageEvent, fields: dict[str, Any]) -> int:
        """F(end) - F(begin) of each class (catalog/rate.py), of which F(begin) is known from the event before."""
        prices, month, cost = self._prices[event.model], self._periods(event.created_us)[1][6:], 0
        for name, tokens in classes(event.counts).items():
            place = (event.account_id, month, event.model, name)
            begin, paid = self._volumes.get(place, (0, 0))
            fields[_STARTS[name]] = begin
            if tokens:
                due = graduated(begin + tokens, getattr(prices, name), self._tiers)
                self._volumes[place] = (begin + tokens, due)
                self._touched["volumes"].add(place)
                cost += due - paid
        return cost

    def _spend(self, event: UsageEvent, cost: int, uses: list[tuple[str, str, int]]) -> None:
        self._settled[event.account_id] += cost
        for grant_id in self._grants[event.account_id]:
            if part := min(cost, self._left[grant_id]):
                cost -= part
                self._left[grant_id] -= part
                uses.append((grant_id, event.request_id, part))
                self._touched["grants"].add(grant_id)
        assert cost == 0, "the accounts were given enough"

    def _periods(self, at_us: int) -> tuple[str, str, str]:
        """`periods_of`, remembered for the day."""
        day = at_us // DAY_US
        if day != self._day[0]:
            self._day = (day, periods_of(at_us))
        return self._day[1]

    def _save_counters(self, conn: WriteConn) -> None:
        changed = []
        for account in sorted(self._touched["accounts"]):
            seq, chain_hash = self._chain[account]
            settled = self._settled[account]
            changed.append({"id": account, "settled": settled, "seq": seq, "hash": chain_hash})
        conn.execute(_SAVE_BALANCE, changed)
        left = [{"id": grant, "left": self._left[grant]} for grant in sorted(self._touched["grants"])]
        if left:
            conn.execute(_SAVE_GRANT, left)
        spent = [
            {"subject_id": key, "period": period, "account_id": self._keys[key, period][0],
             "settled_nanousd": self._keys[key, period][1], "held_nanousd": 0}
            for key, period in sorted(self._touched["keys"])
        ]  # fmt: skip
        conn.execute(upsert(conn.dialect.name, counters, "settled_nanousd"), spent)
        volumes = [
            {"account_id": account, "month": month, "model": model, "token_class": name,
             "tokens": self._volumes[account, month, model, name][0]}
            for account, month, model, name in sorted(self._touched["volumes"])
        ]  # fmt: skip
        if volumes:
            conn.execute(upsert(conn.dialect.name, tier_counters, "tokens"), volumes)


_SAVE_BALANCE = (
    update(balances)
    .where(balances.c.account_id == bindparam("id"))
    .values(settled_nanousd=bindparam("settled"), chain_seq=bindparam("seq"), chain_hash=bindparam("hash"))
)
_SAVE_GRANT = (
    update(open_grants)
    .where(open_grants.c.grant_id == bindparam("id"))
    .values(left_nanousd=bindparam("left"))
)


def _load(conn: WriteConn, table: str, columns: Sequence[str], found: Sequence[tuple[Any, ...]]) -> None:
    """Past SQLAlchemy: COPY, or the driver's own executemany."""
    cursor = conn.connection.cursor()
    names = ", ".join(columns)
    if conn.dialect.name == "postgresql":
        with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:  # type: ignore[attr-defined]
            for row in found:
                copy.write_row(row)
    else:
        marks = ", ".join("?" for _ in columns)
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", found)
    cursor.close()
