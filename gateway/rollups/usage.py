"""Usage between any two instants, exactly: sums of whole months, days and hours, and the events that are in none of them.

Those are the events of the broken hours at both ends, and those that came since the sums were brought up to date.
"""

from collections.abc import Iterable, Iterator

import msgspec

from gateway.keys import store as keys
from gateway.kit.clock import DAY_US, HOUR_US, from_rfc3339, month_number, month_us
from gateway.kit.db import ReadConn
from gateway.metering import store as metering
from gateway.metering.store import GroupBy
from gateway.metering.types import Selection, UsageRow
from gateway.projects import store as projects
from gateway.rollups import store
from gateway.rollups.store import HOURS_A_DAY, S
from gateway.rollups.types import By, Period, Sums

BEHIND_MAX = 100_000
"""Accounts that were active within a second."""
_BY: dict[GroupBy, By] = {
    "account": "account_id",
    "key": "key_id",
    "project": "project_id",
    "model": "model",
    "day": "period",
}
_EVER_US = from_rfc3339("9999-12-01T00:00:00Z")
"""Nothing began later."""
_COUNTED = UsageRow.__struct_fields__[1:]


def sum_usage(
    conn: ReadConn,
    chosen: Selection,
    group_by: GroupBy,
    *,
    limit: int | None = None,
    after: str | None = None,
) -> list[UsageRow]:
    """One row per group, in the order of the groups; at most `limit`, beyond `after`."""
    chosen = of_one_account(conn, chosen)
    since, until, first, last = hours_of(chosen)
    found: dict[str, dict[str, int]] = {}
    if first >= last:  # not one whole hour
        _add(found, _events(conn, chosen, group_by, (since, until)))
    else:
        whole = summed(conn, chosen, group_by, (first, last))
        _add(
            found,
            (
                UsageRow(group=group, **{name: getattr(sums, name) for name in _COUNTED})
                for group, sums in whole
            ),
        )
        _add(found, _unsummed(conn, chosen, group_by, (first * HOUR_US, last * HOUR_US)))
        _add(found, _events(conn, chosen, group_by, (since, first * HOUR_US)))
        _add(found, _events(conn, chosen, group_by, (last * HOUR_US, until)))
    groups = sorted(group for group in found if after is None or group > after)
    return [UsageRow(group=group, **found[group]) for group in groups[:limit]]


def hours_of(chosen: Selection) -> tuple[int, int, int, int]:
    """Microseconds from and until, and the whole hours between them: none if the first is not before the last."""
    since, until = chosen.since_us or 0, min(chosen.until_us or _EVER_US, _EVER_US)
    return since, until, -(-since // HOUR_US), until // HOUR_US


def of_one_account(conn: ReadConn, chosen: Selection) -> Selection:
    """Of the account that a key or project is of: sums are ordered by account."""
    if chosen.account_id is not None or (chosen.key_id is None and chosen.project_id is None):
        return chosen
    owner = (
        projects.account_of(conn, chosen.project_id or "")
        if chosen.key_id is None
        else keys.account_of(conn, chosen.key_id)
    )
    return msgspec.structs.replace(chosen, account_id=owner or "")


def pieces(first: int, last: int, *, by_day: bool) -> Iterator[tuple[Period, tuple[int, int]]]:
    """The hours [first, last) as few and as long periods: with `by_day` none is longer than a day."""
    days = (-(-first // HOURS_A_DAY), last // HOURS_A_DAY)
    if days[0] >= days[1]:
        yield "hour", (first, last)
        return
    yield "hour", (first, days[0] * HOURS_A_DAY)
    yield "hour", (days[1] * HOURS_A_DAY, last)
    months = (month_number(days[0] * DAY_US - 1) + 1, month_number(days[1] * DAY_US))
    if by_day or months[0] >= months[1]:
        yield "day", days
        return
    yield "month", months
    yield "day", (days[0], month_us(months[0]) // DAY_US)
    yield "day", (month_us(months[1]) // DAY_US, days[1])


def summed(
    conn: ReadConn,
    chosen: Selection,
    group_by: GroupBy,
    hours: tuple[int, int],
    kind: type[S] = Sums,  # type: ignore[assignment]  # the least of them
) -> Iterator[tuple[str, S]]:
    """By group, in as many pieces as it takes."""
    key_ids, models = [chosen.key_id] if chosen.key_id else [], [chosen.model] if chosen.model else []
    project_ids = [] if chosen.project_id is None else [chosen.project_id]
    for period, (begin, end) in pieces(*hours, by_day=group_by == "day"):
        if begin == end:
            continue
        found = store.sum_by(conn, period, (begin, end), _BY[group_by], kind=kind, account_id=chosen.account_id,
                             key_ids=key_ids, project_ids=project_ids, models=models)  # fmt: skip
        for (group,), sums in found:
            hour_of_day = period == "hour" and group_by == "day"
            yield str(int(group) // HOURS_A_DAY) if hour_of_day else str(group), sums


def _unsummed(
    conn: ReadConn, chosen: Selection, group_by: GroupBy, between_us: tuple[int, int]
) -> Iterator[UsageRow]:
    """Of the events that came since the sums were brought up to date."""
    narrowed = msgspec.structs.replace(chosen, since_us=between_us[0], until_us=between_us[1])
    for account in store.list_behind(conn, BEHIND_MAX, chosen.account_id):
        mine = msgspec.structs.replace(narrowed, account_id=account.account_id)
        yield from metering.sum_usage(conn, mine, group_by, after_seq=account.done)


def _events(
    conn: ReadConn, chosen: Selection, group_by: GroupBy, between_us: tuple[int, int]
) -> list[UsageRow]:
    """Of all events that began in a part of an hour or two: of those accounts that asked something then."""
    since, until = between_us
    if since >= until:
        return []
    narrowed = msgspec.structs.replace(chosen, since_us=since, until_us=until)
    if chosen.account_id is not None:
        return metering.sum_usage(conn, narrowed, group_by)
    active = active_between(conn, since, until)
    return metering.sum_usage(conn, narrowed, group_by, account_ids=active) if active else []


def active_between(conn: ReadConn, since_us: int, until_us: int) -> list[str]:
    """Accounts that asked something in the hours of it, or whose sums are not up to date."""
    hours = (since_us // HOUR_US, -(-until_us // HOUR_US))
    active = {str(account) for (account,), _ in store.sum_by(conn, "hour", hours, "account_id")}
    return sorted(active | {account.account_id for account in store.list_behind(conn, BEHIND_MAX)})


def _add(found: dict[str, dict[str, int]], rows: Iterable[UsageRow]) -> None:
    for row in rows:
        sums = found.setdefault(row.group, dict.fromkeys(_COUNTED, 0))
        for name in _COUNTED:
            sums[name] += getattr(row, name)
