"""An account's keys in a list, and the making of one.  The page of one key is `key.py`."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from gateway.accounts.types import Account
from gateway.acts.keys import create_key
from gateway.api.wiring import TheGateway, TheKeySecret
from gateway.credit import store as credit
from gateway.credit.draw import periods_of
from gateway.dashboard.door import TheForm, TheViewer, around, enter
from gateway.dashboard.key_may import standing
from gateway.dashboard.render import page
from gateway.errors import BadRequest
from gateway.inference.gateway import Gateway
from gateway.keys import store
from gateway.keys.types import Key
from gateway.kit.clock import now_us
from gateway.kit.db import ReadConn
from gateway.kit.money import parse_usd
from gateway.people.types import Viewer
from gateway.projects.store import list_projects

WINDOWS = ("day", "month", "total")


@get("/accounts/{account_id:str}/keys")
async def show_keys(gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str]) -> Response[str]:
    """All keys, those that live first."""
    account = await enter(gateway, viewer, account_id, "see_keys")
    return await _page(gateway, viewer, account)


@post("/accounts/{account_id:str}/keys", status_code=200)
async def make_key(
    gateway: TheGateway, viewer: TheViewer, key_secret: TheKeySecret, account_id: FromPath[str], form: TheForm
) -> Response[str]:
    """Makes one, and shows its secret on this page and never again."""
    account = await enter(gateway, viewer, account_id, "manage_keys")
    caps = caps_of(form)

    key, secret = await gateway.database.write(
        lambda conn: create_key(conn, viewer.email, kind="account", account_id=account_id, name=form.get("name", ""),
                                key_secret=key_secret, caps={**caps, "project": form.get("project") or None})
    )  # fmt: skip
    return await _page(gateway, viewer, account, made=key, secret=secret)


async def _page(
    gateway: Gateway, viewer: Viewer, account: Account, made: Key | None = None, secret: str = ""
) -> Response[str]:
    found = await gateway.database.read(lambda conn: _read_keys(conn, account.id, now_us()))
    return page("keys.html.j2", viewer, **around(account, viewer, "Keys"), **found, made=made, secret=secret)


def _read_keys(conn: ReadConn, account_id: str, now: int) -> dict[str, Any]:
    found = sorted(store.list_keys(conn, account_id), key=lambda key: not is_living(key, now))
    spent = spent_by(conn, [key.id for key in found], now)
    groups = list_projects(conn, account_id)
    names = {project.id: project.name for project in groups}
    return {
        "rows": [(key, standing(key, now), spent[key.id], names.get(key.project_id or "")) for key in found],
        "windows": WINDOWS,
        "projects": [project for project in groups if project.archived_us is None],
    }


def is_living(key: Key, now: int) -> bool:
    return key.revoked_us is None and (key.expires_us is None or key.expires_us > now)


def spent_by(conn: ReadConn, subject_ids: Sequence[str], now: int) -> dict[str, dict[str, int]]:
    """Nano-dollars by key or project and window: what its caps are compared with."""
    periods = dict(zip(WINDOWS, periods_of(now), strict=True))
    counters = credit.read_counters(conn, subject_ids, periods.values())

    def spent(subject_id: str) -> dict[str, int]:
        places = {window: counters.get((subject_id, period)) for window, period in periods.items()}
        return {window: counter.settled_nanousd if counter else 0 for window, counter in places.items()}

    return {subject_id: spent(subject_id) for subject_id in subject_ids}


def caps_of(form: dict[str, str]) -> dict[str, int | None]:
    """Nano-dollars; an empty field is no cap.  Raises BadRequest."""
    caps: dict[str, int | None] = {}
    for window in WINDOWS:
        text = form.get(f"cap_{window}", "").removeprefix("$")
        try:
            caps[f"cap_{window}_nanousd"] = parse_usd(text) if text else None
        except ValueError as error:
            raise BadRequest(f"the cap of a {window}: {error}", param=f"cap_{window}") from error
    return caps
