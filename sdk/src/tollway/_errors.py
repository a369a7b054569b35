"""What can go wrong.

TollwayError
├── APIConnectionError        the gateway cannot be reached
│   └── APITimeoutError       it did not answer within `timeout_s`
├── StreamInterrupted         a stream ended before its answer was complete; the gateway charges nothing for it
└── APIStatusError            the gateway answered with an error
    ├── BadRequest            400
    ├── AuthenticationFailed  401
    ├── InsufficientCredits   402
    ├── PermissionDenied      403
    ├── NotFound              404
    ├── Conflict              409
    ├── RequestTooLarge       413
    ├── RateLimited           429
    └── ServerError           500 and above, and errors inside a stream
"""

from __future__ import annotations


class TollwayError(Exception):
    """The root: `except tollway.TollwayError` catches everything here."""


class APIConnectionError(TollwayError):
    """The gateway cannot be reached; nothing is known to have been charged."""


class APITimeoutError(APIConnectionError):
    """No answer within `timeout_s` seconds."""


class StreamInterrupted(TollwayError):
    """The stream ended without a finish reason."""


class APIStatusError(TollwayError):
    """The gateway's own error, with everything it said about it."""

    retry_after_s: float | None

    def __init__(  # noqa: PLR0913 - the fields of the API's error
        self,
        message: str,
        *,
        status_code: int,
        code: str | None = None,
        type: str | None = None,  # noqa: A002 - the API's own field name
        param: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
        needed_nanousd: int | None = None,
        available_nanousd: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.code = code
        self.type = type
        self.param = param
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.needed_nanousd = needed_nanousd
        self.available_nanousd = available_nanousd

    def __str__(self) -> str:
        return f"{self.message} (status {self.status_code}, request {self.request_id})"


class BadRequest(APIStatusError):
    """`param` says which field."""


class AuthenticationFailed(APIStatusError):
    """No key, or a wrong or revoked one."""


class InsufficientCredits(APIStatusError):
    """`needed_nanousd` and `available_nanousd` say by how much."""


class PermissionDenied(APIStatusError):
    """A good key that may not do this."""


class NotFound(APIStatusError):
    """No such model, receipt or route."""


class Conflict(APIStatusError):
    """It is there already, or is being done."""


class RequestTooLarge(APIStatusError):
    """More bytes than the gateway takes."""


class RateLimited(APIStatusError):
    """`retry_after_s` says when to come back."""


class ServerError(APIStatusError):
    """The gateway or a worker behind it failed; nothing was charged."""


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
