"""All SQL about payments."""

from typing import Any

import msgspec
from sqlalchemy import Select, delete, func, insert, select, update

from gateway.credit.tables import balances, grants
from gateway.errors import NotFound
from gateway.kit.clock import DAY_US
from gateway.kit.db import ReadConn, WriteConn, rows, upsert
from gateway.payments.tables import (
    auto_top_ups,
    payments,
    reversal_ends,
    reversal_grants,
    reversals,
    top_up_ends,
    top_ups,
)
from gateway.payments.types import AutoTopUp, Payment, Reversal, ReversalEnd, Standing, TopUp, TopUpEnd

# -- top-ups --------------------------------------------------------------------------------------------------


def insert_top_up(conn: WriteConn, top_up: TopUp) -> None:
    conn.execute(insert(top_ups).values(msgspec.structs.asdict(top_up)))


def find_top_up(conn: ReadConn | WriteConn, top_up_id: str, account_id: str | None = None) -> TopUp:
    """Of one account, or of anybody.  Raises NotFound."""
    query = select(top_ups).where(top_ups.c.id == top_up_id)
    if account_id is not None:
        query = query.where(top_ups.c.account_id == account_id)
    found = rows(TopUp, conn.execute(query))
    if not found:
        raise NotFound(f"there is no top-up {top_up_id!r}")
    return found[0]


def list_top_ups(
    conn: ReadConn, account_id: str, limit: int
) -> list[tuple[TopUp, Payment | None, TopUpEnd | None]]:
    """The newest first: each with its payment, or with how it ended without one."""
    query = select(top_ups).where(top_ups.c.account_id == account_id)
    found = rows(
        TopUp, conn.execute(query.order_by(top_ups.c.created_us.desc(), top_ups.c.id.desc()).limit(limit))
    )
    ids = [top_up.id for top_up in found]
    paid = {
        each.top_up_id: each
        for each in rows(Payment, conn.execute(select(payments).where(payments.c.top_up_id.in_(ids))))
    }
    ended = {
        row.top_up_id: row.end
        for row in conn.execute(select(top_up_ends).where(top_up_ends.c.top_up_id.in_(ids)))
    }
    return [(each, paid.get(each.id), ended.get(each.id)) for each in found]


def read_end(conn: ReadConn, top_up_id: str) -> tuple[Payment | None, TopUpEnd | None]:
    """What paid it, or how else it ended; neither: it waits."""
    query = select(top_up_ends.c.end).where(top_up_ends.c.top_up_id == top_up_id)
    return find_payment_of(conn, top_up_id=top_up_id), conn.execute(query).scalar()


def insert_top_up_end(conn: WriteConn, top_up_id: str, end: TopUpEnd, why: str, now_us: int) -> None:
    """Ending again changes nothing."""
    ended = upsert(conn.dialect.name, top_up_ends)
    conn.execute(ended, {"top_up_id": top_up_id, "end": end, "why": why[:300], "at_us": now_us})


# -- payments -------------------------------------------------------------------------------------------------


def insert_payment(conn: WriteConn, payment: Payment) -> None:
    conn.execute(insert(payments).values(msgspec.structs.asdict(payment)))


def find_payment(conn: ReadConn | WriteConn, payment_id: str) -> Payment | None:
    found = rows(Payment, conn.execute(select(payments).where(payments.c.id == payment_id)))
    return found[0] if found else None


def find_payment_of(
    conn: ReadConn | WriteConn, *, top_up_id: str | None = None, invoice_id: str | None = None
) -> Payment | None:
    """What paid this order, or this invoice."""
    about = payments.c.top_up_id == top_up_id if top_up_id else payments.c.invoice_id == invoice_id
    found = rows(Payment, conn.execute(select(payments).where(about)))
    return found[0] if found else None


def list_payments(conn: ReadConn, account_id: str | None = None) -> list[Payment]:
    query = select(payments).order_by(payments.c.at_us, payments.c.id)
    if account_id is not None:
        query = query.where(payments.c.account_id == account_id)
    return rows(Payment, conn.execute(query))


def sum_by_day(conn: ReadConn, since_us: int) -> list[tuple[int, int, int]]:
    """(day since 1970, cents that came, cents that went back and stayed away) of each day since then with either."""
    day = (payments.c.at_us // DAY_US).label("day")
    came = select(day, func.sum(payments.c.cents)).where(payments.c.at_us >= since_us).group_by(day)
    day = (reversals.c.at_us // DAY_US).label("day")
    went = (
        select(day, func.sum(reversals.c.cents))
        .outerjoin(reversal_ends, reversal_ends.c.reversal_id == reversals.c.id)
        .where(reversals.c.at_us >= since_us, reversal_ends.c.end.is_(None))
        .group_by(day)
    )
    sums: dict[int, list[int]] = {}
    for place, query in enumerate((came, went)):
        for number, cents in conn.execute(query):
            sums.setdefault(int(number), [0, 0])[place] = int(cents)
    return [(number, paid, back) for number, (paid, back) in sorted(sums.items())]


# -- reversals ------------------------------------------------------------------------------------------------


def insert_reversal(conn: WriteConn, reversal: Reversal) -> None:
    conn.execute(insert(reversals).values(msgspec.structs.asdict(reversal)))


def insert_reversal_grant(conn: WriteConn, reversal_id: str, grant_id: str) -> None:
    conn.execute(insert(reversal_grants).values(reversal_id=reversal_id, grant_id=grant_id))


def insert_reversal_end(conn: WriteConn, reversal_id: str, end: ReversalEnd, now_us: int) -> None:
    conn.execute(insert(reversal_ends).values(reversal_id=reversal_id, end=end, at_us=now_us))


def list_standings(
    conn: ReadConn | WriteConn,
    account_id: str | None = None,
    *,
    payment_id: str | None = None,
    reversal_id: str | None = None,
) -> list[Standing]:
    """The oldest first."""
    taken = (
        select(reversal_grants.c.reversal_id, (-func.sum(grants.c.amount_nanousd)).label("taken"))
        .join(grants, grants.c.id == reversal_grants.c.grant_id)
        .group_by(reversal_grants.c.reversal_id)
        .subquery()
    )
    query = (
        select(reversals, func.coalesce(taken.c.taken, 0).label("taken"), reversal_ends.c.end)
        .outerjoin(taken, taken.c.reversal_id == reversals.c.id)
        .outerjoin(reversal_ends, reversal_ends.c.reversal_id == reversals.c.id)
        .order_by(reversals.c.at_us, reversals.c.id)
    )
    for column, wanted in (
        (reversals.c.account_id, account_id),
        (reversals.c.payment_id, payment_id),
        (reversals.c.id, reversal_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    return [
        Standing(
            reversal=Reversal(**{name: row[name] for name in Reversal.__struct_fields__}),
            taken_nanousd=int(row["taken"]),
            end=row["end"],
        )
        for row in conn.execute(query).mappings()
    ]


# -- automatic top-ups ----------------------------------------------------------------------------------------


def save_auto_top_up(conn: WriteConn, rule: AutoTopUp) -> None:
    fields = msgspec.structs.asdict(rule)
    conn.execute(
        upsert(conn.dialect.name, auto_top_ups, *(name for name in fields if name != "account_id")), fields
    )


def remove_auto_top_up(conn: WriteConn, account_id: str) -> None:
    conn.execute(delete(auto_top_ups).where(auto_top_ups.c.account_id == account_id))


def find_auto_top_up(conn: ReadConn | WriteConn, account_id: str) -> AutoTopUp | None:
    found = rows(AutoTopUp, conn.execute(select(auto_top_ups).where(auto_top_ups.c.account_id == account_id)))
    return found[0] if found else None


def pause_auto_top_up(conn: WriteConn, account_id: str, why: str) -> None:
    """One that is paused already is left as it is: what came first says most."""
    running = (auto_top_ups.c.account_id == account_id, auto_top_ups.c.paused_why.is_(None))
    conn.execute(update(auto_top_ups).where(*running).values(paused_why=why[:300]))


def list_low(conn: ReadConn) -> list[AutoTopUp]:
    """Rules whose account has less left than they say.  What running requests hold counts as left: it may come back."""
    return rows(AutoTopUp, conn.execute(_low()))


def lock_low(conn: WriteConn, account_id: str) -> bool:
    """Whether the account's rule finds it low still; until this transaction ends nobody else asks."""
    query = _low().where(auto_top_ups.c.account_id == account_id)
    of = select(auto_top_ups.c.account_id).where(auto_top_ups.c.account_id == account_id)
    conn.execute(of.with_for_update())
    return conn.execute(query).first() is not None


def _low() -> Select[Any]:
    left = balances.c.granted_nanousd - balances.c.settled_nanousd
    return (
        select(auto_top_ups)
        .join(balances, balances.c.account_id == auto_top_ups.c.account_id)
        .where(left < auto_top_ups.c.below_nanousd, auto_top_ups.c.paused_why.is_(None))
    )


def list_auto_since(
    conn: ReadConn | WriteConn, account_id: str, since_us: int
) -> list[tuple[TopUp, bool, bool]]:
    """The automatic top-ups since then: each, whether it was paid, and whether it ended without."""
    query = (
        select(
            top_ups,
            payments.c.id.is_not(None).label("paid"),
            top_up_ends.c.top_up_id.is_not(None).label("ended"),
        )
        .outerjoin(payments, payments.c.top_up_id == top_ups.c.id)
        .outerjoin(top_up_ends, top_up_ends.c.top_up_id == top_ups.c.id)
        .where(top_ups.c.account_id == account_id, top_ups.c.kind == "auto", top_ups.c.created_us >= since_us)
    )
    return [
        (
            TopUp(**{name: row[name] for name in TopUp.__struct_fields__}),
            bool(row["paid"]),
            bool(row["ended"]),
        )
        for row in conn.execute(query).mappings()
    ]
