"""`/v1/usage` and `/admin/v1/usage`: sums of tokens and money, of an account or of all."""

from typing import Annotated, Literal

import msgspec
from litestar import get
from litestar.params import FromQuery, QueryParameter

from gateway.accounts import store as accounts
from gateway.api.customer import account_of
from gateway.api.filters import TheSelection, page
from gateway.api.schemas.shapes import PageOf
from gateway.api.schemas.usage import UsageSum, usage_sum
from gateway.api.wiring import After, TheCaller, TheGateway
from gateway.errors import BadRequest
from gateway.inference.gateway import Gateway
from gateway.keys import store as keys
from gateway.kit.clock import DAY_US, rfc3339
from gateway.kit.db import ReadConn
from gateway.metering.store import GroupBy
from gateway.metering.types import Selection, UsageRow
from gateway.projects import store as projects
from gateway.rollups.usage import sum_usage

Limit = Annotated[int, QueryParameter(ge=1, le=1000)]


@get("/v1/usage")
async def get_usage(
    gateway: TheGateway,
    caller: TheCaller,
    selection: TheSelection,
    group_by: FromQuery[Literal["key", "project", "model", "day"]] = "key",
    limit: Limit = 1000,
    after: After = None,
) -> PageOf[UsageSum]:
    """Sum up the account's requests by key, project, model or day (UTC).

    Rows are in ascending order of `group`, which is also the cursor: keys and projects in the order in which they were made
    (first, with an empty `group`, what was in no project), models by name, days from the oldest.
    """
    mine = msgspec.structs.replace(selection, account_id=account_of(caller))
    return await _sums(gateway, mine, group_by, limit, after)


@get("/admin/v1/usage", refusals=(404,))
async def get_all_usage(
    gateway: TheGateway,
    selection: TheSelection,
    account: Annotated[str | None, QueryParameter(description="Only this one: a name or id.")] = None,
    group_by: FromQuery[GroupBy] = "account",
    limit: Limit = 1000,
    after: After = None,
) -> PageOf[UsageSum]:
    """Sum up everybody's requests, or one account's, by account, key, project, model or day (UTC).  In the order of `/v1/usage`."""
    if account is not None:
        found = await gateway.database.read(lambda conn: accounts.find_account(conn, account))
        selection = msgspec.structs.replace(selection, account_id=found.id)
    return await _sums(gateway, selection, group_by, limit, after)


async def _sums(
    gateway: Gateway, chosen: Selection, group_by: GroupBy, limit: int, after: str | None
) -> PageOf[UsageSum]:
    if group_by == "day" and after is not None and not (after.isascii() and after.isdigit()):
        raise BadRequest("after is a row's `group`: of days their number since 1970-01-01", param="after")

    def read(conn: ReadConn) -> tuple[list[UsageRow], dict[str, str]]:
        rows = sum_usage(conn, chosen, group_by, limit=limit + 1, after=after)
        named = _NAMES.get(group_by)
        return rows, named(conn, [row.group for row in rows]) if named else {}

    rows, names = await gateway.database.read(read)
    return page(
        rows, limit, lambda row: usage_sum(row, **_named(row, group_by, names)), lambda row: row.group
    )


_NAMES = {"account": accounts.names_of, "key": keys.names_of, "project": projects.names_of}


def _named(row: UsageRow, group_by: GroupBy, names: dict[str, str]) -> dict[str, str | None]:
    if group_by in _NAMES:
        return {f"{group_by}_id": row.group or None, f"{group_by}_name": names.get(row.group)}
    if group_by == "model":
        return {"model": row.group}
    return {"day": rfc3339(int(row.group) * DAY_US)[:10]}
