"""Every error as the document tells it; `gateway/errors.py` has the tree."""

from typing import Any

import msgspec

from gateway.api.schemas.shapes import NanoUsd


class ErrorFields(msgspec.Struct, frozen=True, kw_only=True):
    """`message` says how to mend it, `code` is a stable word for programs, `param` what is wrong.

    With `insufficient_quota` come two sums, with `context_length_exceeded` what was asked for and the model's limit, in tokens; with `rate_limit_exceeded` which
    limit of the account or the key, its value, how much of it was asked for and how much was left.
    """

    message: str
    type: str
    param: str | None
    code: str
    request_id: str
    needed_nanousd: NanoUsd | msgspec.UnsetType = msgspec.UNSET
    available_nanousd: NanoUsd | msgspec.UnsetType = msgspec.UNSET
    tokens: int | msgspec.UnsetType = msgspec.UNSET
    limit: int | msgspec.UnsetType = msgspec.UNSET
    limit_name: str | msgspec.UnsetType = msgspec.UNSET
    limit_scope: str | msgspec.UnsetType = msgspec.UNSET
    requested: int | msgspec.UnsetType = msgspec.UNSET
    remaining: int | msgspec.UnsetType = msgspec.UNSET


class Error(ErrorFields, frozen=True, kw_only=True, tag_field="object", tag="error"):
    """OpenAI's nested shape with Mistral's flat one beside it: the same fields twice."""

    error: ErrorFields


REFUSALS = {
    400: ("BadRequest", "The request cannot be understood, or asks for what is not offered."),
    401: ("NotAuthenticated", "No key, or one that is mistyped, unknown or revoked."),
    402: ("InsufficientCredit", "The account, the key's cap or `max_cost_usd` does not afford it."),
    403: ("NotAllowed", "A good key that may not do this."),
    404: ("NotFound", "There is no such thing, or it is not yours."),
    409: ("Conflict", "It is taken, has already happened, or is still running."),
    413: ("BodyTooLarge", "More bytes than `body_bytes_max`."),
    429: (
        "RateLimited",
        "A limit per minute, or of requests at once, is reached; `retry-after` says when to try again.",
    ),
    501: (
        "NotInstalled",
        "An optional part is missing on this gateway, or not set up; the message says which package or setting brings it.",
    ),
    502: ("WorkerFailed", "A worker broke, or Stripe refused; nothing was charged."),
    503: (
        "Unavailable",
        "No worker, or the ledger or Stripe cannot be reached; nothing was charged.  Try again.",
    ),
    504: ("WorkerTimedOut", "A worker missed its deadline; nothing was charged."),
}
"""By status: the name in the document, and what it means."""

ANY_4XX = "4XX"
"""What a worker refused, with its own status and words."""

HEADERS: dict[str, Any] = {
    "RequestId": {
        "description": "Names this request: in its receipt, in the gateway's log.",
        "required": True,
        "schema": {"type": "string"},
    },
    "RetryAfter": {"description": "Seconds.", "schema": {"type": "integer"}},
}
REQUEST_ID = {"x-request-id": {"$ref": "#/components/headers/RequestId"}}
_CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}


def responses() -> dict[str, Any]:
    """For `components.responses`."""
    found = {}
    for status, (name, means) in REFUSALS.items():
        retry = {"retry-after": {"$ref": "#/components/headers/RetryAfter"}} if status in (429, 503) else {}
        found[name] = {"description": means, "headers": {**REQUEST_ID, **retry}, "content": _CONTENT}
    refused = "A worker refused the request; its own status and words."
    return {**found, "Refused": {"description": refused, "headers": REQUEST_ID, "content": _CONTENT}}


def reference(status: int | str) -> dict[str, str]:
    name = "Refused" if isinstance(status, str) else REFUSALS[status][0]
    return {"$ref": f"#/components/responses/{name}"}
