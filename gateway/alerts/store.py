"""All SQL about alerts."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import and_, case, func, or_, select, update

from gateway.alerts.tables import alert_deliveries, alert_firings, alert_rules, alert_targets
from gateway.alerts.types import Delivery, Firing, Rule, Standing, Target
from gateway.credit.tables import balances
from gateway.errors import NotFound
from gateway.kit.db import ReadConn, WriteConn, insert_once, rows, upsert
from gateway.people.tables import memberships, people
from gateway.rollups.tables import rollup_marks

# -- rules ----------------------------------------------------------------------------------------------------

_RULE = [alert_rules.c[name] for name in Rule.__struct_fields__]
_LIVING = alert_rules.c.removed_us.is_(None)


def insert_rule(conn: WriteConn, rule: Rule) -> None:
    row = msgspec.structs.asdict(rule) | {"marks": ",".join(map(str, rule.marks))}
    conn.execute(upsert(conn.dialect.name, alert_rules), row)


def list_rules(conn: ReadConn | WriteConn, account_id: str) -> list[Rule]:
    query = select(*_RULE).where(alert_rules.c.account_id == account_id, _LIVING)
    return [_rule(row) for row in conn.execute(query.order_by(alert_rules.c.created_us, alert_rules.c.id))]


def remove_rule(conn: WriteConn, account_id: str, rule_id: str, now_us: int) -> Rule:
    """It says nothing any more.  Raises NotFound."""
    found = [rule for rule in list_rules(conn, account_id) if rule.id == rule_id]
    if not found:
        raise NotFound("there is no such alert; it may have been removed")
    conn.execute(update(alert_rules).where(alert_rules.c.id == rule_id).values(removed_us=now_us))
    open_ones = and_(alert_firings.c.rule_id == rule_id, alert_firings.c.recovered_us.is_(None))
    conn.execute(update(alert_firings).where(open_ones).values(recovered_us=now_us))
    return found[0]


def lock_rule(conn: WriteConn, rule_id: str) -> bool:
    """Whether it is there still; then until this transaction ends."""
    query = select(alert_rules.c.id).where(alert_rules.c.id == rule_id, _LIVING)
    return conn.execute(query.with_for_update(read=True)).first() is not None


def list_standings(conn: ReadConn) -> list[Standing]:
    """Of every account that has rules: one read of small rows, whatever was asked of the gateway."""
    numbers = (
        balances.c.chain_seq,
        balances.c.granted_nanousd + balances.c.credit_limit_nanousd,
        func.coalesce(rollup_marks.c.account_seq, 0),
    )
    query = (
        select(*_RULE, *(number.label(f"seen_{place}") for place, number in enumerate(numbers)))
        .join(balances, balances.c.account_id == alert_rules.c.account_id)
        .outerjoin(rollup_marks, rollup_marks.c.account_id == alert_rules.c.account_id)
        .where(_LIVING)
        .order_by(alert_rules.c.account_id, alert_rules.c.created_us, alert_rules.c.id)
    )
    found: dict[str, tuple[list[Rule], tuple[int, ...]]] = {}
    for row in conn.execute(query):
        rules, _ = found.setdefault(row.account_id, ([], (row.seen_0, row.seen_1, row.seen_2)))
        rules.append(_rule(row))
    return [Standing(account_id, tuple(rules), seen) for account_id, (rules, seen) in found.items()]


def _rule(row: Any) -> Rule:
    fields = {name: getattr(row, name) for name in Rule.__struct_fields__}
    return Rule(**(fields | {"marks": tuple(map(int, row.marks.split(",")))}))


# -- firings --------------------------------------------------------------------------------------------------


def list_last(conn: ReadConn | WriteConn, rule_ids: Iterable[str]) -> dict[tuple[str, int], Firing]:
    """The last firing of each rule and threshold, by period."""
    wanted = alert_firings.c.rule_id.in_(sorted(rule_ids))
    newest = (
        select(
            alert_firings.c.rule_id, alert_firings.c.mark, func.max(alert_firings.c.period).label("period")
        )
        .where(wanted)
        .group_by(alert_firings.c.rule_id, alert_firings.c.mark)
        .subquery()
    )
    same = and_(*(alert_firings.c[name] == newest.c[name] for name in ("rule_id", "mark", "period")))
    found = rows(Firing, conn.execute(select(alert_firings).join(newest, same)))
    return {(firing.rule_id, firing.mark): firing for firing in found}


def insert_firing(conn: WriteConn, firing: Firing) -> bool:
    """False: somebody else did before, and says so."""
    return insert_once(conn, alert_firings, msgspec.structs.asdict(firing))


def recover_firing(conn: WriteConn, firing_id: str, now_us: int) -> bool:
    """False: somebody else did before, and says so."""
    still = (alert_firings.c.id == firing_id, alert_firings.c.recovered_us.is_(None))
    return conn.execute(update(alert_firings).where(*still).values(recovered_us=now_us)).rowcount == 1


def list_firings(
    conn: ReadConn, account_id: str, *, limit: int, only_open: bool = False
) -> list[tuple[Firing, Rule]]:
    """The last first, each with its rule, which may have been removed."""
    query = (
        select(*(alert_firings.c[name].label(f"f_{name}") for name in Firing.__struct_fields__), *_RULE)
        .join(alert_rules, alert_rules.c.id == alert_firings.c.rule_id)
        .where(alert_firings.c.account_id == account_id)
        .order_by(alert_firings.c.fired_us.desc(), alert_firings.c.mark.desc())
        .limit(limit)
    )
    if only_open:
        query = query.where(alert_firings.c.recovered_us.is_(None))
    return [
        (Firing(**{name: getattr(row, f"f_{name}") for name in Firing.__struct_fields__}), _rule(row))
        for row in conn.execute(query)
    ]


# -- targets --------------------------------------------------------------------------------------------------

_TARGETS = (
    select(
        *(alert_targets.c[name] for name in Target.__struct_fields__ if name != "address"),
        case(
            (alert_targets.c.kind == "webhook", alert_targets.c.url),
            (and_(memberships.c.role.is_not(None), people.c.disabled_us.is_(None)), people.c.email),
            else_="",
        ).label("address"),
    )
    .outerjoin(people, people.c.id == alert_targets.c.person_id)
    .outerjoin(
        memberships,
        and_(
            memberships.c.person_id == alert_targets.c.person_id,
            memberships.c.account_id == alert_targets.c.account_id,
        ),
    )
)


def insert_target(conn: WriteConn, target: Target) -> None:
    row = msgspec.structs.asdict(target)
    url = row.pop("address") if target.kind == "webhook" else None
    row.pop("address", None)
    conn.execute(upsert(conn.dialect.name, alert_targets), row | {"url": url})


def list_targets(conn: ReadConn | WriteConn, account_id: str) -> list[Target]:
    living = (alert_targets.c.account_id == account_id, alert_targets.c.removed_us.is_(None))
    query = _TARGETS.where(*living).order_by(alert_targets.c.created_us, alert_targets.c.id)
    return rows(Target, conn.execute(query))


def addresses_of(conn: ReadConn, account_id: str) -> dict[str, str]:
    """By target, of those that were removed, too."""
    query = (
        select(alert_targets.c.id, func.coalesce(alert_targets.c.url, people.c.email).label("address"))
        .outerjoin(people, people.c.id == alert_targets.c.person_id)
        .where(alert_targets.c.account_id == account_id)
    )
    return {row.id: row.address for row in conn.execute(query)}


def find_target(conn: ReadConn | WriteConn, account_id: str, target_id: str) -> Target:
    """Raises NotFound."""
    for target in list_targets(conn, account_id):
        if target.id == target_id:
            return target
    raise NotFound("nobody is told at that place; it may have been removed")


def change_target(conn: WriteConn, target_id: str, **changes: int | None) -> None:
    conn.execute(update(alert_targets).where(alert_targets.c.id == target_id).values(changes))


# -- the outbox -----------------------------------------------------------------------------------------------


def insert_delivery(conn: WriteConn, delivery: Delivery) -> None:
    conn.execute(upsert(conn.dialect.name, alert_deliveries), msgspec.structs.asdict(delivery))


def list_due(
    conn: ReadConn, now_us: int, limit: int, *, busy: Sequence[str]
) -> list[tuple[Delivery, Target]]:
    """One for each target that is not busy: its oldest.  Those that wait longest first."""
    ranked = (
        select(
            *alert_deliveries.c,
            func.row_number()
            .over(
                partition_by=alert_deliveries.c.target_id,
                order_by=(alert_deliveries.c.due_us, alert_deliveries.c.id),
            )
            .label("place"),
        )
        .where(alert_deliveries.c.due_us <= now_us, alert_deliveries.c.target_id.not_in(busy))
        .subquery()
    )
    query = select(*(ranked.c[name] for name in Delivery.__struct_fields__)).where(ranked.c.place == 1)
    found = rows(Delivery, conn.execute(query.order_by(ranked.c.due_us, ranked.c.id).limit(limit)))
    wanted = alert_targets.c.id.in_({delivery.target_id for delivery in found})
    targets = {each.id: each for each in rows(Target, conn.execute(_TARGETS.where(wanted)))} if found else {}
    return [(delivery, targets[delivery.target_id]) for delivery in found]


def claim_delivery(conn: WriteConn, delivery: Delivery, until_us: int) -> bool:
    """Whether it is ours to send until then; False: somebody else sends it."""
    mine = (alert_deliveries.c.id == delivery.id, alert_deliveries.c.due_us == delivery.due_us)
    changes = {"due_us": until_us, "attempts": delivery.attempts + 1}
    return conn.execute(update(alert_deliveries).where(*mine).values(changes)).rowcount == 1


def note_delivered(conn: WriteConn, delivery_id: str, now_us: int) -> None:
    """Also of one that was given up meanwhile: it did arrive."""
    mine = alert_deliveries.c.id == delivery_id
    changes = {"delivered_us": now_us, "due_us": None, "given_up_us": None, "last_error": None}
    conn.execute(update(alert_deliveries).where(mine).values(changes))


def note_failed(conn: WriteConn, delivery_id: str, why: str, due_us: int | None, now_us: int) -> None:
    """`due_us`: when to try again; None: it is given up.  Nothing, of one that was done with meanwhile."""
    waiting = (alert_deliveries.c.id == delivery_id, alert_deliveries.c.due_us.is_not(None))
    changes = {"due_us": due_us, "given_up_us": None if due_us else now_us, "last_error": why}
    conn.execute(update(alert_deliveries).where(*waiting).values(changes))


def revive_delivery(conn: WriteConn, delivery_id: str, now_us: int) -> bool:
    """One that was given up is due again; False: it was not."""
    given_up = (alert_deliveries.c.id == delivery_id, alert_deliveries.c.given_up_us.is_not(None))
    changes = {"due_us": now_us, "given_up_us": None, "attempts": 0}
    return conn.execute(update(alert_deliveries).where(*given_up).values(changes)).rowcount == 1


def give_up_all(conn: WriteConn, target_id: str, why: str, now_us: int) -> None:
    """What still waits for a target that wants no more."""
    waiting = (alert_deliveries.c.target_id == target_id, alert_deliveries.c.due_us.is_not(None))
    changes = {"due_us": None, "given_up_us": now_us, "last_error": why}
    conn.execute(update(alert_deliveries).where(*waiting).values(changes))


def list_deliveries(conn: ReadConn | WriteConn, account_id: str, limit: int) -> list[Delivery]:
    """The last first."""
    query = (
        select(alert_deliveries)
        .where(alert_deliveries.c.account_id == account_id)
        .order_by(alert_deliveries.c.created_us.desc(), alert_deliveries.c.id.desc())
        .limit(limit)
    )
    return rows(Delivery, conn.execute(query))


def find_delivery(conn: ReadConn | WriteConn, account_id: str, delivery_id: str) -> Delivery:
    """Raises NotFound."""
    mine = (alert_deliveries.c.id == delivery_id, alert_deliveries.c.account_id == account_id)
    found = rows(Delivery, conn.execute(select(alert_deliveries).where(*mine)))
    if not found:
        raise NotFound("there is no such message")
    return found[0]


def forget_deliveries(conn: WriteConn, before_us: int) -> int:
    """Deletes what was done with before an instant; returns how many."""
    done = or_(alert_deliveries.c.delivered_us < before_us, alert_deliveries.c.given_up_us < before_us)
    return conn.execute(alert_deliveries.delete().where(done)).rowcount
