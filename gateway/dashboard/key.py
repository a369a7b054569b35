"""The page of one key: what it spent and may spend, and the forms that change it; each change is an `act` of `ACTS`."""

from collections.abc import Callable
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from gateway.accounts.types import Account
from gateway.acts.keys import change_key, revoke_key, rotate_key
from gateway.api.wiring import TheFinder, TheGateway, TheKeySecret
from gateway.dashboard.door import TheForm, TheViewer, around, enter
from gateway.dashboard.key_may import SCOPE_WORDS, check_payer, standing, written_end
from gateway.dashboard.keys import WINDOWS, caps_of, spent_by
from gateway.dashboard.limits import read_key_limits
from gateway.dashboard.render import page
from gateway.errors import BadRequest
from gateway.inference.gateway import Gateway
from gateway.keys import store
from gateway.keys.types import IMPLIED_SCOPES, Key
from gateway.kit.clock import HOUR_US, now_us
from gateway.kit.db import ReadConn, WriteConn
from gateway.metering.store import list_events
from gateway.metering.types import Selection, UsageEvent
from gateway.people.types import Viewer
from gateway.projects.store import list_projects

Form = dict[str, str]
LAST = 5
OVERLAPS = {
    "0": "at once",
    "3600": "in an hour",
    "86400": "in a day",
    "259200": "in 3 days",
    "604800": "in a week",
}
"""When the old secret ends; by seconds."""


def _name_and_caps(conn: WriteConn, by: str, key: Key, form: Form) -> Key:
    return change_key(conn, by, key.id, {"name": form.get("name", ""), **caps_of(form)})


def _project(conn: WriteConn, by: str, key: Key, form: Form) -> Key:
    return change_key(conn, by, key.id, {"project": form.get("project") or None})


def _revoke(conn: WriteConn, by: str, key: Key, _form: Form) -> Key:
    return revoke_key(conn, by, key.id)


ACTS: dict[str, Callable[[WriteConn, str, Key, Form], Key]] = {
    "caps": _name_and_caps,
    "project": _project,
    "revoke": _revoke,
}
"""What a form of this page does, by the end of its address.  `rotate` is not here: it has a secret to show."""
DONE = {
    "caps": "Saved: it counts from now on.",
    "project": "Moved: what it spends from now on counts there.",
    "may": "Saved: within a second it holds everywhere.",
    "limits": "Saved: within a second they hold everywhere.",
    "revoke": "It is revoked, for good.",
}


@get("/accounts/{account_id:str}/keys/{key_id:str}")
async def show_key(
    gateway: TheGateway,
    viewer: TheViewer,
    account_id: FromPath[str],
    key_id: FromPath[str],
    done: FromQuery[str] = "",
) -> Response[str]:
    """One key; `done`: which form was just sent."""
    account = await enter(gateway, viewer, account_id, "see_keys")
    return await _page(gateway, viewer, account, key_id, note=DONE.get(done, ""))


@post("/accounts/{account_id:str}/keys/{key_id:str}/rotate", status_code=200)
async def rotate(
    gateway: TheGateway,
    viewer: TheViewer,
    finder: TheFinder,
    key_secret: TheKeySecret,
    account_id: FromPath[str],
    key_id: FromPath[str],
    form: TheForm,
) -> Response[str]:
    """Another secret, shown on this page and never again."""
    account = await enter(gateway, viewer, account_id, "manage_keys")
    overlap = form.get("overlap_s") or "0"
    if overlap not in OVERLAPS:
        raise BadRequest(f"the old secret ends {', '.join(OVERLAPS.values())}", param="overlap_s")

    def turn(conn: WriteConn) -> str:
        key = store.find_key(conn, key_id, account_id)
        check_payer(viewer, account_id, key.scopes)
        return rotate_key(conn, viewer.email, key.id, key_secret, int(overlap))[1]

    secret = await gateway.database.write(turn)
    finder.forget()
    return await _page(gateway, viewer, account, key_id, secret=secret)


@post("/accounts/{account_id:str}/keys/{key_id:str}/{act:str}")
async def change(
    gateway: TheGateway,
    viewer: TheViewer,
    finder: TheFinder,
    account_id: FromPath[str],
    key_id: FromPath[str],
    act: FromPath[str],
    form: TheForm,
) -> Redirect:
    """One of `ACTS`."""
    await enter(gateway, viewer, account_id, "manage_keys")
    do = ACTS.get(act)
    if do is None:
        raise BadRequest(f"there is no {act!r} for a key: {', '.join((*ACTS, 'rotate'))}")

    def change_it(conn: WriteConn) -> None:
        do(conn, viewer.email, store.find_key(conn, key_id, account_id), form)

    await gateway.database.write(change_it)
    finder.forget()
    return Redirect(f"/dashboard/accounts/{account_id}/keys/{key_id}?done={act}", status_code=303)


async def _page(
    gateway: Gateway, viewer: Viewer, account: Account, key_id: str, *, note: str = "", secret: str = ""
) -> Response[str]:
    found = await gateway.database.read(lambda conn: _read_key(conn, account.id, key_id, now_us()))
    models = [model.id for model in gateway.catalog.book.models]
    return page("key.html.j2", viewer, **around(account, viewer, "Keys"), **found, note=note, secret=secret,
                scope_words=SCOPE_WORDS, implied=IMPLIED_SCOPES, overlaps=OVERLAPS, models=models)  # fmt: skip


def _read_key(conn: ReadConn, account_id: str, key_id: str, now: int) -> dict[str, Any]:
    key = store.find_key(conn, key_id, account_id)
    spent = spent_by(conn, [key.id], now)[key.id]
    groups = list_projects(conn, account_id)
    return {
        "key": key,
        "standing": standing(key, now),
        "overlaps_still": key.previous_until_us is not None and key.previous_until_us > now,
        "expires": written_end(key.expires_us),
        "windows": WINDOWS,
        "spent": spent,
        "requests": _last_requests(conn, account_id, key),
        "keys": {key.id: key.name},
        "project": next((each for each in groups if each.id == key.project_id), None),
        "projects": [each for each in groups if each.archived_us is None],
        **read_key_limits(conn, account_id, key_id, now),
    }


def _last_requests(conn: ReadConn, account_id: str, key: Key) -> list[UsageEvent]:
    """Of the hour before its last: events are in order by account, and so few of others' are passed by."""
    if key.last_used_us is None:
        return []
    hour = Selection(account_id=account_id, key_id=key.id, since_us=key.last_used_us - HOUR_US)
    return list_events(conn, hour, limit=LAST)
