"""`/admin/v1/log`: who changed what, before and after."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from gateway.accounts import store as accounts
from gateway.api.filters import page
from gateway.api.schemas.log import LogEntry, log_entry
from gateway.api.schemas.shapes import PageOf, instant
from gateway.api.wiring import After, TheGateway
from gateway.people import store
from gateway.people.types import Lines

Begin = Annotated[str, QueryParameter(description="Only lines in which this begins so.")]
Since = Annotated[
    str | None,
    QueryParameter(
        description="Lines of this instant or later: RFC 3339 with an offset.", format="date-time"
    ),
]
Until = Annotated[str | None, QueryParameter(description="Lines of before this instant.", format="date-time")]

TheLines = NamedDependency[Lines]


def lines(
    actor: Begin = "", action: Begin = "", target: Begin = "", since: Since = None, until: Until = None
) -> Lines:
    """Raises BadRequest."""
    return Lines(actor=actor, action=action, target=target, since_us=instant("since", since),
                 until_us=instant("until", until))  # fmt: skip


@get("/admin/v1/log", refusals=(404,))
async def list_log(
    gateway: TheGateway,
    lines: TheLines,
    account: Annotated[str | None, QueryParameter(description="Only this one's: a name or id.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    after: After = None,
) -> PageOf[LogEntry]:
    """List what people and keys changed: who, what, and how it was before and after.  The last change first."""
    if account is not None:
        found = await gateway.database.read(lambda conn: accounts.find_account(conn, account))
        lines = msgspec.structs.replace(lines, account_id=found.id)
    entries = await gateway.database.read(
        lambda conn: store.list_entries(conn, lines, before=after, limit=limit + 1)
    )
    return page(entries, limit, log_entry, lambda entry: entry.id)
