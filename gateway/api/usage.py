"""`/v1/usage` and `/admin/v1/usage`: sums of tokens and money, of an account or of all."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from litestar import get
from litestar.params import FromQuery, QueryParameter

from gateway.accounts import store as accounts
from gateway.api.customer import account_of
from gateway.api.filters import TheSelection, page
from gateway.api.schemas.shapes import PageOf
from gateway.api.schemas.usage import UsageSum, usage_detail, usage_sum
from gateway.api.wiring import After, TheCaller, TheGateway
from gateway.errors import BadRequest
from gateway.inference.gateway import Gateway
from gateway.keys import store as keys
from gateway.kit.clock import DAY_US, rfc3339
from gateway.kit.db import ReadConn
from gateway.metering.store import GroupBy
from gateway.metering.types import Selection, UsageRow
from gateway.projects import store as projects
from gateway.rollups.detail import sum_details
from gateway.rollups.types import Detail
from gateway.rollups.usage import sum_usage

_Row = tuple[str, UsageRow | Detail]
Limit = Annotated[int, QueryParameter(ge=1, le=1000)]
Detailed = Annotated[
    bool,
    QueryParameter(
        description="Also say what each class of tokens cost, and how requests ended: `detail` of each row."
    ),
]


@get("/v1/usage")
async def get_usage(
    gateway: TheGateway,
    caller: TheCaller,
    selection: TheSelection,
    group_by: FromQuery[Literal["key", "project", "model", "day"]] = "key",
    limit: Limit = 1000,
    after: After = None,
    detail: Detailed = False,
) -> PageOf[UsageSum]:
    """Sum up the account's requests by key, project, model or day (UTC).

    Rows are in ascending order of `group`, which is also the cursor: keys and projects in the order in which they were made
    (first, with an empty `group`, what was in no project), models by name, days from the oldest.
    """
    mine = msgspec.structs.replace(selection, account_id=account_of(caller))
    return await _sums(gateway, mine, group_by, limit, after, detail=detail)


@get("/admin/v1/usage", refusals=(404,))
async def get_all_usage(
    gateway: TheGateway,
    selection: TheSelection,
    account: Annotated[str | None, QueryParameter(description="Only this one: a name or id.")] = None,
    group_by: FromQuery[GroupBy] = "account",
    limit: Limit = 1000,
    after: After = None,
    detail: Detailed = False,
) -> PageOf[UsageSum]:
    """Sum up everybody's requests, or one account's, by account, key, project, model or day (UTC).  In the order of `/v1/usage`."""
    if account is not None:
        found = await gateway.database.read(lambda conn: accounts.find_account(conn, account))
        selection = msgspec.structs.replace(selection, account_id=found.id)
    return await _sums(gateway, selection, group_by, limit, after, detail=detail)


async def _sums(
    gateway: Gateway, chosen: Selection, group_by: GroupBy, limit: int, after: str | None, *, detail: bool
) -> PageOf[UsageSum]:
    if group_by == "day" and after is not None and not (after.isascii() and after.isdigit()):
        raise BadRequest("after is a row's `group`: of days their number since 1970-01-01", param="after")

    def read(conn: ReadConn) -> tuple[Sequence[_Row], dict[str, str]]:
        if detail:
            rows: Sequence[_Row] = sum_details(conn, chosen, group_by, limit=limit + 1, after=after)
        else:
            found = sum_usage(conn, chosen, group_by, limit=limit + 1, after=after)
            rows = [(row.group, row) for row in found]
        named = _NAMES.get(group_by)
        return rows, named(conn, [group for group, _ in rows]) if named else {}

    rows, names = await gateway.database.read(read)
    return page(list(rows), limit, lambda row: _shown(row, group_by, names), lambda row: row[0])


def _shown(row: _Row, group_by: GroupBy, names: dict[str, str]) -> UsageSum:
    group, sums = row
    named = _named(group, group_by, names)
    return usage_sum(sums, **named) if isinstance(sums, UsageRow) else usage_detail(group, sums, **named)


_NAMES = {"account": accounts.names_of, "key": keys.names_of, "project": projects.names_of}


def _named(group: str, group_by: GroupBy, names: dict[str, str]) -> dict[str, str | None]:
    if group_by in _NAMES:
        return {f"{group_by}_id": group or None, f"{group_by}_name": names.get(group)}
    if group_by == "model":
        return {"model": group}
    return {"day": rfc3339(int(group) * DAY_US)[:10]}
