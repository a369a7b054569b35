"""Which scope opens which route.  A key with a list of scopes is refused where no line says otherwise."""

from typing import Any

from gateway.errors import NotAllowed
from gateway.inference.operations import PATHS
from gateway.inference.request import MISTRAL_PREFIX
from gateway.keys.allow import check_scope
from gateway.keys.types import Caller, DataScope, Scope

OPERATIONS: tuple[DataScope, ...] = ("chat", "fim", "embeddings")
EVERYBODY: tuple[Scope, ...] = ()
NEEDS: dict[str, tuple[Scope, ...]] = {
    PATHS["chat"]: ("chat",),
    PATHS["fim"]: ("fim",),
    PATHS["embeddings"]: ("embeddings",),
    "/v1/tokenize": OPERATIONS,
    "/v1/estimate": OPERATIONS,
    "/v1/models": EVERYBODY,
    "/v1/models/{name}": EVERYBODY,
    "/v1/credits": ("usage:read",),
    "/v1/usage": ("usage:read",),
    "/v1/receipts": ("usage:read",),
    "/v1/receipts/{request_id}": ("usage:read",),
    "/v1/statements/{month}": ("usage:read",),
    "/v1/top_ups": ("usage:read", "payments"),
    "/v1/auto_top_up": ("usage:read", "payments"),
    "/v1/invoices": ("usage:read",),
    "/v1/invoices/{invoice_id}": ("usage:read",),
    "/v1/projects": ("usage:read", "keys"),
    "/v1/projects/{project_id}": ("keys",),
    "/v1/alerts": ("usage:read", "keys"),
    "/v1/alerts/{alert_id}": ("keys",),
    "/v1/limits": ("usage:read",),
    "/v1/keys/{key_id}/limits": ("usage:read", "keys"),
    "/v1/keys": ("usage:read", "keys"),
    "/v1/keys/{key_id}": ("keys",),
    "/v1/keys/{key_id}/rotate": EVERYBODY,
}
"""By the route's own path: any one of these.  What a key may do to keys, `keys/manage.py` decides; who may pay, `keys/allow.py`."""


def check_route(caller: Caller, scope: Any) -> None:
    """Raises NotAllowed.  `scope` is the request's, after routing."""
    if caller.scopes is None:
        return
    path = scope["path_template"].removeprefix(MISTRAL_PREFIX)
    if path not in NEEDS:
        raise NotAllowed("a key with a list of scopes may not do this; use one without", code="scope_missing")
    check_scope(caller, *NEEDS[path])
