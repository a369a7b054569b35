"""Every refusal a caller can meet, as one tree.  Anything else that reaches a client is our bug: a 500.

TollwayError
├── BadRequest            400  the request cannot be understood, or asks for what is not offered
│   ├── UnknownModel      404  no such model, or one without a price
│   ├── RequestExceedsLimit 400 larger than a limit per minute: it would never be let in
│   └── MethodNotAllowed  405  this path answers to other methods
├── NotAuthenticated      401  no key, or one that is wrong, revoked or mistyped
├── InsufficientCredit    402  the account cannot afford the prompt and one token
│   ├── KeyCapReached     402  the account could, but the key's own cap (day, month, total) is in the way
│   ├── ProjectCapReached 402  the same of the budget of the key's project
│   └── MaxCostExceeded   402  the request's own `max_cost_usd` does not afford the prompt and one token
├── PaymentRefused        402  a card was declined; nothing was charged
├── NotAllowed            403  a good key that may not do this
│   └── AccountSuspended  403  a payment was disputed, or an invoice never paid
├── NotFound              404  no such thing, or not yours
├── Conflict              409  the name is taken, or the act already happened
├── BodyTooLarge          413  more bytes than `body_bytes_max`
├── RateLimited           429  a limit per minute or of requests at once is reached; `Retry-After` says when to try again
├── WorkerRefused         4xx  a worker understood the request and refused it; its reason is passed on
├── WorkerFailed          502  a worker broke; nothing is billed
│   ├── WorkerUnreachable 502  no connection: no work was started, so another worker may be asked
│   ├── WorkerBusy        503  it said 429 or 503; `Retry-After` is passed on
│   └── WorkerTimedOut    504  it missed a deadline
├── NotInstalled          501  an optional part is missing on this gateway; says which package brings it
├── NotSetUp              501  this gateway's settings leave it out; says which one brings it
├── MailNotSent           502  the mail server refused a mail, or was away each time
├── StripeRefused         502  Stripe refuses what we ask: the settings are wrong, or we are
├── PaymentsUnavailable   503  Stripe did not answer
├── NoWorker              503  nobody serves this model at the moment
└── StorageUnavailable    503  the ledger cannot be written; we refuse work rather than serve it unbilled

`status` is the HTTP status, `code` a stable word for programs, `kind` OpenAI's `type`, `retryable` whether the
same request may succeed later.  `work_started` says that a worker had begun: then clients are told
`x-should-retry: false`, because the official OpenAI clients otherwise repeat a POST twice.
"""

from typing import ClassVar

import msgspec


class TollwayError(Exception):
    """A refusal with a status, a code, a message that says how to mend it, and extra fields for programs."""

    status: int = 500
    code: str = "internal_error"
    kind: ClassVar[str] = "server_error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: int | None = None,
        work_started: bool = False,
        extra: dict[str, int | str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.param = param
        self.retry_after_s = retry_after_s
        self.work_started = work_started
        self.extra = extra or {}

    def body(self, request_id: str) -> bytes:
        """OpenAI's nested shape with Mistral's flat one beside it: all four official clients read it.

        (MISTRAL.md section 1.5; 422 is never used, because Mistral's clients demand another shape there.)
        """
        fields: dict[str, int | str | None] = {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
            "request_id": request_id,
            **self.extra,
        }
        return msgspec.json.encode({"error": fields, "object": "error", **fields})

    def headers(self) -> dict[str, str]:
        headers = {}
        if self.retry_after_s is not None:
            headers["retry-after"] = str(self.retry_after_s)
        if self.work_started:
            headers["x-should-retry"] = "false"
        return headers


class BadRequest(TollwayError):
    status, code, kind = 400, "invalid_request", "invalid_request_error"


class UnknownModel(BadRequest):
    status, code = 404, "model_not_found"


class RequestExceedsLimit(BadRequest):
    """Not a 429: clients would send it again and again."""

    code = "request_exceeds_limit"

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "x-should-retry": "false"}


class MethodNotAllowed(BadRequest):
    """`allow` lists the methods that there are, as the header of that name must."""

    status, code = 405, "method_not_allowed"

    def __init__(self, message: str, *, allow: str) -> None:
        super().__init__(message)
        self._allow = allow

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "allow": self._allow}


class NotAuthenticated(TollwayError):
    status, code, kind = 401, "invalid_api_key", "authentication_error"


class InsufficientCredit(TollwayError):
    status, code, kind = 402, "insufficient_credit", "insufficient_quota"

    def __init__(
        self, message: str, *, needed_nanousd: int, available_nanousd: int, **more: int | str
    ) -> None:
        amounts: dict[str, int | str] = {
            "needed_nanousd": needed_nanousd,
            "available_nanousd": available_nanousd,
        }
        super().__init__(message, extra=amounts | more)


class KeyCapReached(InsufficientCredit):
    code = "key_cap_reached"


class ProjectCapReached(InsufficientCredit):
    code = "project_cap_reached"


class MaxCostExceeded(InsufficientCredit):
    code = "max_cost_exceeded"


class PaymentRefused(TollwayError):
    status, code, kind = 402, "payment_refused", "invalid_request_error"


class NotAllowed(TollwayError):
    status, code, kind = 403, "not_allowed", "permission_error"


class AccountSuspended(NotAllowed):
    code = "account_suspended"


class NotFound(TollwayError):
    status, code, kind = 404, "not_found", "invalid_request_error"


class Conflict(TollwayError):
    status, code, kind = 409, "conflict", "invalid_request_error"


class BodyTooLarge(TollwayError):
    status, code, kind = 413, "request_too_large", "invalid_request_error"


class RateLimited(TollwayError):
    """`Retry-After` is in whole seconds, rounded up; `retry-after-ms`, which the official clients prefer, is exact."""

    status, code, kind, retryable = 429, "rate_limit_exceeded", "rate_limit_error", True

    def __init__(self, message: str, *, retry_after_ms: int, extra: dict[str, int | str]) -> None:
        super().__init__(message, retry_after_s=-(-retry_after_ms // 1000), extra=extra)
        self._retry_after_ms = retry_after_ms

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "retry-after-ms": str(self._retry_after_ms)}


class WorkerRefused(TollwayError):
    """The worker's own 4xx: the caller can mend it, so the worker's words are passed on."""

    kind = "invalid_request_error"

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message, code="refused_by_worker")
        self.status = status


class WorkerFailed(TollwayError):
    status, code, kind, retryable = 502, "worker_failed", "upstream_error", True


class WorkerUnreachable(WorkerFailed):
    code = "worker_unreachable"


class WorkerBusy(WorkerFailed):
    status, code = 503, "worker_busy"


class WorkerTimedOut(WorkerFailed):
    status, code = 504, "worker_timed_out"


class NotInstalled(TollwayError):
    status, code = 501, "not_installed"


class NotSetUp(TollwayError):
    status, code = 501, "not_set_up"


class MailNotSent(TollwayError):
    status, code, retryable = 502, "mail_not_sent", True


class StripeRefused(TollwayError):
    """Stripe understood, and refuses: asking again is no use until something is mended."""

    status, code = 502, "stripe_refused"


class PaymentsUnavailable(TollwayError):
    """`acted`: whether Stripe may have done what was asked, although no answer says so."""

    status, code, retryable = 503, "payments_unavailable", True

    def __init__(self, message: str, *, acted: bool, retry_after_s: int | None = 5) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.acted = acted


class NoWorker(TollwayError):
    status, code, kind, retryable = 503, "no_worker", "upstream_error", True


class StorageUnavailable(TollwayError):
    status, code, retryable = 503, "storage_unavailable", True
