"""What can go wrong.

TollwayError
├── APIConnectionError        the gateway cannot be reached, or something else answered in its place
│   └── APITimeoutError       no byte came for `timeout_s` seconds
├── StreamInterrupted         a stream ended before its answer was complete
├── InvalidOutput             the answer is not of the type that was asked for; it was paid for
└── APIStatusError            the gateway said no; raised as it is for a status that has no class of its own
    ├── BadRequest            400
    │   └── ContextTooLong    400  prompt and answer do not fit into the model's context
    ├── AuthenticationFailed  401
    ├── InsufficientCredits   402
    │   ├── KeyCapReached     402  the account could pay, but the key's own cap is in the way
    │   └── ProjectCapReached 402  the same of the budget of the key's project
    ├── BudgetExceeded        402  by the gateway for `max_cost_usd`, by the SDK itself for `client.budget`
    ├── PermissionDenied      403
    ├── NotFound              404
    ├── Conflict              409
    ├── RequestTooLarge       413
    ├── RateLimited           429
    └── ServerError           500 and above, and errors inside a stream that are nobody else's

Each has `request_id` (None where no answer was seen): it names the receipt, and what to quote to an operator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tollway._money import Money


class TollwayError(Exception):
    """The root: `except tollway.TollwayError` catches all that the gateway and the way to it can do to a caller."""

    request_id: str | None

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.request_id = request_id

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is rebuilt from its positional arguments, which lack the keyword-only ones: without this, an
        # error that crosses a process pool breaks the pool instead of being raised.
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[TollwayError], args: tuple[Any, ...], state: dict[str, Any]) -> TollwayError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class APIConnectionError(TollwayError):
    """The gateway cannot be reached, or what answered there is no Tollway gateway.

    `reached`: the gateway may have read the request, and done the work; see `client.receipts.list()`.
    `passing`: it may be gone the next time, unlike a bad URL.
    """

    def __init__(
        self, message: str, *, request_id: str | None = None, reached: bool = True, passing: bool = False
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.reached = reached
        self.passing = passing


class APITimeoutError(APIConnectionError):
    """No byte came for `timeout_s` seconds."""


class StreamInterrupted(TollwayError):
    """The stream ended without a finish reason or without its bill.

    If the gateway's side broke, nothing is charged; if ours did, what was delivered is.  The receipt of `request_id`
    knows.
    """


class InvalidOutput(TollwayError):
    """The answer is not of the type that was asked for: cut off by `max_tokens`, or the model did not keep to it.

    `text` is what it said, `cost` what was charged for it (None if the answer did not say); `request_id` names its receipt.
    """

    def __init__(
        self, message: str, *, text: str, request_id: str | None = None, cost: Money | None = None
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.text = text
        self.cost = cost


class APIStatusError(TollwayError):
    """The gateway's own refusal, with everything it said about it.

    `status_code` is the HTTP status, `code` a stable word for programs, `type` OpenAI's kind of error, `param` the
    field at fault, `retry_after_s` the seconds it asked to be left alone; each None where it was not said.

    Example:
        try:
            client.models.get("no-such-model")
        except tollway.APIStatusError as error:
            print(error.status_code, error.code, error.request_id)
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        code: str | None = None,
        type: str | None = None,  # noqa: A002 - the API's own field name
        param: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.status_code = status_code
        self.code = code
        self.type = type
        self.param = param
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.message} (status {self.status_code}, request {self.request_id or 'unknown'})"


class BadRequest(APIStatusError):
    """The request cannot be understood, or asks for what is not offered; `param` says which field."""


class AuthenticationFailed(APIStatusError):
    """No key, or a wrong or revoked one."""


class ContextTooLong(BadRequest):
    """Prompt and answer do not fit: `tokens` are wanted, `limit` is the model's context; None if it was not said."""

    tokens: int | None = None
    limit: int | None = None


class InsufficientCredits(APIStatusError):
    """The account cannot afford the request; nothing was charged.

    `needed` is for the prompt and one token, `available` what is left; None if the gateway did not say.
    """

    needed: Money | None = None
    available: Money | None = None


class KeyCapReached(InsufficientCredits):
    """The account could pay, but this key's own cap is in the way.

    `window` is which: day, month (UTC) or total; `cap` is how much it is; `resets_at` (RFC 3339) when it begins anew, None
    for total; each None if the gateway did not say.
    """

    window: str | None = None
    cap: Money | None = None
    resets_at: str | None = None


class ProjectCapReached(InsufficientCredits):
    """The account could pay, but the budget of the key's project is in the way: `project_id`.  The rest as `KeyCapReached`."""

    project_id: str | None = None
    window: str | None = None
    cap: Money | None = None
    resets_at: str | None = None


class BudgetExceeded(APIStatusError):
    """`max_cost_usd`, or what is left of `client.budget`, does not afford the request; nothing was charged.

    `needed` is for the prompt and one token (None where the SDK did not ask the gateway), `available` what was left.
    """

    needed: Money | None = None
    available: Money | None = None


class PermissionDenied(APIStatusError):
    """A good key that may not do this."""


class NotFound(APIStatusError):
    """No such model, receipt or route, or not yours."""


class Conflict(APIStatusError):
    """It is there already, or is being done."""


class RequestTooLarge(APIStatusError):
    """More bytes than the gateway takes."""


class RateLimited(APIStatusError):
    """A limit per minute, or of requests at once, is reached; `retry_after_s` says in how many seconds to come back.

    `limit_name` (like `requests_per_minute`) of the account or the key (`limit_scope`) is `limit`; `requested` of it were
    asked for and `remaining` were left.  Each is None where it was not said: by a busy worker, for example.
    """

    limit_name: str | None = None
    limit_scope: str | None = None
    limit: int | None = None
    requested: int | None = None
    remaining: int | None = None


class ServerError(APIStatusError):
    """The gateway, or a worker behind it, failed; nothing was charged."""


BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequest,
    401: AuthenticationFailed,
    402: InsufficientCredits,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    413: RequestTooLarge,
    429: RateLimited,
}
