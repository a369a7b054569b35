"""Who changed what: of an account for whoever manages its members, and of the whole installation for operators."""

from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery

from gateway.accounts import store as accounts
from gateway.api.wiring import TheGateway
from gateway.dashboard.door import TheViewer, around, enter, operator_only
from gateway.dashboard.render import page
from gateway.errors import BadRequest
from gateway.kit.clock import from_rfc3339, rfc3339
from gateway.kit.db import ReadConn
from gateway.people import store
from gateway.people.types import Entry, Lines
from gateway.statements.words import short

PAGE = 100
ACTIONS = ("account.", "key.", "member.", "person.", "prices.", "session.", "worker.")
"""What the page offers; an address may name any."""


class Change(msgspec.Struct, frozen=True):
    """A field that was changed, in words; None: there was, or is, none."""

    name: str
    before: str | None
    after: str | None


@get("/accounts/{account_id:str}/log")
async def show_log(
    gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str], before: FromQuery[str] = ""
) -> Response[str]:
    """What was changed here, the last first."""
    account = await enter(gateway, viewer, account_id, "manage_members")
    base = f"/dashboard/accounts/{account_id}/log"
    found = await gateway.database.read(
        lambda conn: _read_log(conn, Lines(account_id=account_id), before, base, {})
    )
    return page("log.html.j2", viewer, **around(account, viewer, "Log"), **found)


@get("/operator/log")
async def show_whole_log(
    gateway: TheGateway, viewer: TheViewer, account: FromQuery[str] = "", actor: FromQuery[str] = "",
    action: FromQuery[str] = "", since: FromQuery[str] = "", until: FromQuery[str] = "", before: FromQuery[str] = "",
) -> Response[str]:  # fmt: skip
    """What anybody changed anywhere.  Days are UTC, and `until` is the last of them."""
    operator_only(viewer)
    chosen = {"account": account, "actor": actor, "action": action, "since": since, "until": until}

    def read(conn: ReadConn) -> dict[str, Any]:
        lines = Lines(
            account_id=accounts.find_account(conn, account).id if account else None,
            actor=actor.strip(),
            action=action,
            since_us=_begin("since", since) if since else None,
            until_us=_begin("until", until, days=1) if until else None,
        )
        return _read_log(conn, lines, before, "/dashboard/operator/log", chosen)

    found = await gateway.database.read(read)
    return page("operator_log.html.j2", viewer, here="Log", **found, chosen=chosen, actions=ACTIONS)


def _read_log(conn: ReadConn, lines: Lines, before: str, base: str, chosen: dict[str, str]) -> dict[str, Any]:
    found = store.list_entries(conn, lines, before=before or None, limit=PAGE + 1)
    shown = found[:PAGE]
    query = {**chosen, "before": shown[-1].id} if len(found) > PAGE else {}
    names = accounts.names_of(conn, {entry.account_id for entry in shown if entry.account_id})
    older = urlencode({name: value for name, value in query.items() if value})
    return {
        "entries": [(entry, changes(entry)) for entry in shown],
        "names": names,
        "next_url": f"{base}?{older}" if older else None,
    }


def changes(entry: Entry) -> list[Change]:
    """Field by field, in the words of people."""
    before, after = (
        msgspec.json.decode(text, type=dict[str, Any]) if text else {} for text in (entry.before, entry.after)
    )
    return [
        Change(name.removesuffix("_nanousd").removesuffix("_us").replace("_", " "), *(_said(name, each.get(name)) for each in (before, after)))
        for name in sorted({*before, *after})
        if before.get(name) is not None or after.get(name) is not None
    ]  # fmt: skip


def _said(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if name.endswith("_nanousd") and isinstance(value, int):
        return short(value)
    if name.endswith("_us") and isinstance(value, int):
        return rfc3339(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _begin(name: str, day: str, days: int = 0) -> int:
    """Raises BadRequest."""
    try:
        begin = date.fromisoformat(day) + timedelta(days=days)
    except (ValueError, OverflowError) as error:
        raise BadRequest(f"{name} is a day like 2026-11-24", param=name) from error
    return from_rfc3339(datetime.combine(begin, datetime.min.time()).isoformat() + "Z")
