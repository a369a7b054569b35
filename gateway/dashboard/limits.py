"""An account's limits: what is allowed, what is in use right now, how often requests were refused; and setting them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from gateway.acts.limits import set_account_limits
from gateway.acts.limits import set_key_limits as set_key_limits_of
from gateway.api.wiring import TheFinder, TheGateway
from gateway.dashboard.chart import Series, stacked
from gateway.dashboard.door import TheForm, TheViewer, around, enter, operator_only
from gateway.dashboard.render import page
from gateway.dashboard.words import about
from gateway.errors import BadRequest
from gateway.keys import store as keys
from gateway.kit.clock import HOUR_US, now_us, rfc3339
from gateway.kit.db import ReadConn
from gateway.limits import store
from gateway.limits.look import View, look
from gateway.limits.set import Changes
from gateway.limits.types import FIELDS, KINDS, NO_LIMITS, UNLIMITED, Kind, Limits

HOURS = 24
WORDS: dict[Kind, str] = {
    "requests": "Requests a minute",
    "input_tokens": "Input tokens a minute",
    "output_tokens": "Output tokens a minute",
    "concurrency": "Requests at once",
}


class Gauge(msgspec.Struct, frozen=True):
    """One limit as a page shows it."""

    kind: Kind
    field: str
    name: str
    limit: int | None
    own: int | None
    used: int


@get("/accounts/{account_id:str}/limits")
async def show_limits(gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str]) -> Response[str]:
    """What the account may use, what it uses, how often it was refused in the last day."""
    account = await enter(gateway, viewer, account_id, "see_usage")
    defaults, now = gateway.limits.defaults, now_us()

    def read(conn: ReadConn) -> dict[str, Any]:
        view = look(conn, account_id, "", defaults, now)
        return {
            "gauges": gauges_of(view),
            "keys": _keys_with_limits(conn, account_id),
            **_refusals(view, now),
        }

    found = await gateway.database.read(read)
    return page(
        "limits.html.j2",
        viewer,
        **around(account, viewer, "Limits"),
        **found,
        defaults=defaults,
        fields=FIELDS,
    )


@post("/operator/accounts/{account_id:str}/limits")
async def set_limits(
    gateway: TheGateway, finder: TheFinder, viewer: TheViewer, account_id: FromPath[str], form: TheForm
) -> Redirect:
    """An account's, by an operator."""
    operator_only(viewer)
    changes = changes_of(form, {"": None, "unlimited": UNLIMITED})

    await gateway.database.write(lambda conn: set_account_limits(conn, viewer.email, account_id, changes))
    finder.forget()
    return Redirect(f"/dashboard/accounts/{account_id}/limits", status_code=303)


@post("/accounts/{account_id:str}/keys/{key_id:str}/limits")
async def set_key_limits(
    gateway: TheGateway,
    finder: TheFinder,
    viewer: TheViewer,
    account_id: FromPath[str],
    key_id: FromPath[str],
    form: TheForm,
) -> Redirect:
    """A key's own, none above its account's; an empty field is none."""
    await enter(gateway, viewer, account_id, "manage_keys")
    changes = changes_of(form, {"": None})

    defaults = gateway.limits.defaults
    await gateway.database.write(
        lambda conn: set_key_limits_of(conn, viewer.email, account_id, key_id, changes, defaults)
    )
    finder.forget()
    return Redirect(f"/dashboard/accounts/{account_id}/keys/{key_id}?done=limits", status_code=303)


def changes_of(form: dict[str, str], words: dict[str, int | None]) -> Changes:
    """`words` are what the fields may say but numbers.  Raises BadRequest."""
    changes: Changes = {}
    for kind, field in zip(KINDS, FIELDS, strict=True):
        if field not in form:
            raise BadRequest(f"the form has no {field}; open the page and send it from there", param=field)
        text = form[field].replace(",", "").lower()
        if text not in words and not (text.isascii() and text.isdigit() and len(text) < len(str(2**53))):
            said = " or ".join(f"{word!r}" for word in words if word)
            raise BadRequest(
                f"{WORDS[kind]}: {text!r} is no whole number{said and f', nor {said}'}", param=field
            )
        changes[field] = words[text] if text in words else _positive(int(text), kind, field)
    return changes


def _positive(number: int, kind: Kind, field: str) -> int:
    if number < 1:
        raise BadRequest(f"{WORDS[kind]}: a limit is at least 1; leave the field empty for none", param=field)
    return number


def gauges_of(view: View) -> list[Gauge]:
    """By kind, limited or not."""
    return [
        Gauge(kind, field, WORDS[kind], limit, own, used)
        for kind, field, limit, own, used in zip(
            KINDS, FIELDS, view.limits.each, view.own.each, view.used, strict=True
        )
    ]


def read_key_limits(conn: ReadConn, account_id: str, key_id: str, now: int) -> dict[str, Any]:
    """For the page of a key."""
    view = look(conn, account_id, key_id, NO_LIMITS, now)
    return {"gauges": gauges_of(view), "refused": sum(view.refused_in_all.values())}


def _keys_with_limits(conn: ReadConn, account_id: str) -> Sequence[tuple[str, str, Limits]]:
    """Id, name and limits of those that have some."""
    limits = {key_id: own for (_, key_id), own in store.list_limits(conn, account_id).items() if key_id}
    names = keys.names_of(conn, limits)
    return sorted(((key_id, names[key_id], own) for key_id, own in limits.items()), key=lambda row: row[1])


def _refusals(view: View, now: int) -> dict[str, Any]:
    """A chart of the last hours, and how many there were."""
    hours = [now // HOUR_US * HOUR_US - HOUR_US * back for back in reversed(range(HOURS))]
    series = [
        Series(WORDS[kind], [view.refused.get(hour, {}).get(kind, 0) for hour in hours]) for kind in KINDS
    ]
    labels = [rfc3339(hour)[11:16] for hour in hours]
    return {
        "series": series,
        "refused": sum(each.total for each in series),
        "chart": stacked(labels, series, about, "Requests refused by hour"),
    }
