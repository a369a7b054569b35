"""What a key may, as a form has it: scopes, models, addresses, an end; and how it stands, in a word."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import post
from litestar.params import FromPath
from litestar.response import Redirect

from gateway.acts.keys import change_key
from gateway.api.wiring import TheFinder, TheGateway
from gateway.dashboard.door import TheForm, TheViewer, enter
from gateway.errors import BadRequest, NotAllowed
from gateway.keys import store
from gateway.keys.narrow import read_ips
from gateway.keys.types import DATA_SCOPES, IMPLIED_SCOPES, DataScope, Key
from gateway.kit.clock import DAY_US, HOUR_US, SECOND_US
from gateway.kit.db import WriteConn
from gateway.people.types import Viewer

SCOPE_WORDS: dict[DataScope, str] = {
    "chat": "Chat",
    "fim": "Fill in the middle",
    "embeddings": "Embeddings",
    "usage:read": "Read usage, credit, receipts and statements",
    "payments": "Order top-ups, and have the saved card charged automatically",
}


class Standing(msgspec.Struct, frozen=True):
    """`word` is said of it, `mark` how it is shown: `good`, `warn` or `bad`."""

    word: str
    mark: str


def standing(key: Key, now_us: int) -> Standing:
    """Active, expires in …, expired or revoked."""
    if key.revoked_us is not None:
        return Standing("revoked", "bad")
    if key.expires_us is None:
        return Standing("active", "good")
    left_us = key.expires_us - now_us
    if left_us <= 0:
        return Standing("expired", "bad")
    for length_us, name in ((DAY_US, "day"), (HOUR_US, "hour"), (60 * SECOND_US, "minute")):
        if left_us >= length_us:
            number = left_us // length_us
            return Standing(f"expires in {number} {name}{'' if number == 1 else 's'}", "warn")
    return Standing("expires in a moment", "warn")


@post("/accounts/{account_id:str}/keys/{key_id:str}/may")
async def say_what_it_may(
    gateway: TheGateway,
    viewer: TheViewer,
    finder: TheFinder,
    account_id: FromPath[str],
    key_id: FromPath[str],
    form: TheForm,
) -> Redirect:
    """All four at once, as the form has them."""
    await enter(gateway, viewer, account_id, "manage_keys")
    offered = {model.id for model in gateway.catalog.book.models}

    def change(conn: WriteConn) -> None:
        key = store.find_key(conn, key_id, account_id)
        limits = limits_in(form, key, offered)
        if limits["scopes"] != key.scopes:
            check_payer(viewer, account_id, limits["scopes"])
        change_key(conn, viewer.email, key.id, limits)

    await gateway.database.write(change)
    finder.forget()
    return Redirect(f"/dashboard/accounts/{account_id}/keys/{key_id}?done=may", status_code=303)


def check_payer(viewer: Viewer, account_id: str, scopes: Sequence[DataScope] | None) -> None:
    """Raises NotAllowed: somebody who may not pay gives, or would learn the secret of, a key that may."""
    if "payments" in (scopes or ()) and not viewer.may(account_id, "manage_billing"):
        raise NotAllowed("a key that has cards charged is given by whoever may pay: an owner or an admin")


def limits_in(form: dict[str, str], key: Key, offered: set[str]) -> dict[str, Any]:
    """Every scope, no model, no address, no end: no limit.  Raises BadRequest."""
    scopes = tuple(scope for scope in DATA_SCOPES if f"scope:{scope}" in form)
    models = tuple(name.removeprefix("model:") for name in form if name.startswith("model:"))
    unknown = set(models) - offered - set(key.models or ())
    if unknown:
        raise BadRequest(f"there is no model {min(unknown)!r}", param="models")
    ips = read_ips(form.get("ips", "").replace(",", " ").split())
    found: dict[str, Any] = {
        "scopes": None if scopes == IMPLIED_SCOPES else scopes,
        "models": models or None,
        "ips": ips or None,
    }
    text = form.get("expires", "")
    if text != written_end(key.expires_us):  # an end that is over and stays is no mistake
        found["expires_us"] = _read_end(text)
    return found


def written_end(expires_us: int | None) -> str:
    """As browsers write an instant in a field: UTC, to the second."""
    if expires_us is None:
        return ""
    return f"{datetime.fromtimestamp(expires_us // SECOND_US, UTC):%Y-%m-%dT%H:%M:%S}"


def _read_end(text: str) -> int | None:
    if not text:
        return None
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_US
    except (ValueError, OverflowError) as error:
        raise BadRequest(
            f"the end of a key is an instant (UTC) like 2027-01-31T18:00, not {text!r}", param="expires_at"
        ) from error
