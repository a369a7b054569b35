"""Usage between any two instants with how requests ended and what each class of their tokens cost, as exactly as usage.py.

What is in no sum yet is rated again, event by event, so this costs more than plain sums: only who asks for it pays.
"""

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from gateway.catalog.store import by_version
from gateway.errors import StorageUnavailable
from gateway.kit.clock import DAY_US, HOUR_US
from gateway.kit.db import ReadConn
from gateway.metering import store as metering
from gateway.metering.receipt import Rater
from gateway.metering.store import GroupBy
from gateway.metering.types import Selection, UsageEvent
from gateway.rollups import store
from gateway.rollups.tally import add, add_event, nothing, split_event
from gateway.rollups.types import Counted, Detail
from gateway.rollups.usage import BEHIND_MAX, active_between, hours_of, of_one_account, summed

UNSUMMED_MAX = 20_000
"""Events that are rated for an answer.  More are missing only while the sums of a large ledger are first made."""


def sum_details(
    conn: ReadConn, chosen: Selection, group_by: GroupBy, *, limit: int, after: str | None = None
) -> list[tuple[str, Detail]]:
    """In the order of the groups; at most `limit`, beyond `after`.

    Raises StorageUnavailable: too much of the ledger is not summed yet.
    """
    chosen = of_one_account(conn, chosen)
    since, until, first, last = hours_of(chosen)
    found: dict[str, Counted] = defaultdict(nothing)
    if first < last:
        for group, sums in summed(conn, chosen, group_by, (first, last), Detail):
            add(found[group], msgspec.structs.asdict(sums))
    rater = Rater(lambda version: by_version(conn, version))
    for event in _events(conn, chosen, (since, until), (first * HOUR_US, last * HOUR_US)):
        counted = found[_group(event, group_by)]
        add_event(counted, event)
        split_event(counted, event, rater.lines(event))
    groups = sorted(group for group in found if after is None or group > after)
    return [(group, Detail(**found[group])) for group in groups[:limit]]


def _events(
    conn: ReadConn, chosen: Selection, between: tuple[int, int], whole: tuple[int, int]
) -> Iterator[UsageEvent]:
    """Of the broken hours, all; of the whole hours, what is in no sum yet."""
    since, until = between
    if whole[0] >= whole[1]:
        yield from _walked(conn, chosen, since, until)
        return
    yield from _walked(conn, chosen, since, whole[0])
    yield from _walked(conn, chosen, whole[1], until)
    behind = store.list_behind(conn, BEHIND_MAX, chosen.account_id)
    missing = sum(account.head - account.done for account in behind)
    if missing > UNSUMMED_MAX:
        raise StorageUnavailable(
            f"{missing} requests are not summed yet; try again when fewer than {UNSUMMED_MAX} are left,"
            " or ask without `detail`",
            retry_after_s=60,
        )
    for account in behind:
        for event, _ in metering.walk_chain(conn, account.account_id, account.done):
            if whole[0] <= event.created_us < whole[1] and _is_chosen(event, chosen):
                yield event


def _walked(conn: ReadConn, chosen: Selection, since: int, until: int) -> Iterator[UsageEvent]:
    if since >= until:
        return
    accounts = [chosen.account_id] if chosen.account_id is not None else active_between(conn, since, until)
    for account_id in accounts:
        for event, _ in metering.walk_between(conn, account_id, since, until):
            if _is_chosen(event, chosen):
                yield event


def _is_chosen(event: UsageEvent, chosen: Selection) -> bool:
    return all(
        wanted in (None, getattr(event, name))
        for name, wanted in (
            ("model", chosen.model),
            ("key_id", chosen.key_id),
            ("project_id", chosen.project_id),
        )
    )


def _group(event: UsageEvent, group_by: GroupBy) -> str:
    if group_by == "day":
        return str(event.created_us // DAY_US)
    return event.model if group_by == "model" else str(getattr(event, f"{group_by}_id") or "")
