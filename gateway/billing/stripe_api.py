"""Stripe, as we use it: the only file that imports its library, and imported only where a key is set.

`stripe` 16 retries nothing unless it is told to, and 429 never; an answer may be lost after Stripe acted; and a repeated
write acts again once Stripe has forgotten its idempotency key (24 hours).  So each write is given a key that is the same whenever it is tried again, every failure
says whether Stripe may have acted, and whoever tries again later looks first (outbox.py).  Nothing here is called inside a
database transaction.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec
import stripe

from gateway.billing.border import is_live
from gateway.billing.stripe_objects import Envelope, Event
from gateway.errors import BadRequest, PaymentRefused, PaymentsUnavailable, StripeRefused

RETRIES = 2
TIMEOUT_S = 20.0
RATE_LIMIT_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""Stripe sends no `Retry-After`; its own library's pauses begin and end like this."""
PAGE = 100
SIGNATURE_AGE_S_MAX = 300
"""As Stripe's libraries have it."""
SIGNATURE_AHEAD_S_MAX = 60
"""They accept any instant to come, which would keep a captured message good for as long as its forger likes."""

T = TypeVar("T")
Ask = Callable[[], Awaitable[Any]]


class StripeApi:
    """One Stripe account, in one mode.  Every method raises what `asked` raises."""

    def __init__(self, api_key: str, *, url: str = "", timeout_s: float = TIMEOUT_S) -> None:
        """`url` is somewhere else than Stripe: for tests."""
        stripe.enable_telemetry = False
        self.livemode = is_live(api_key)
        self._http = stripe.HTTPXClient(timeout=timeout_s)
        elsewhere: Any = dict.fromkeys(("api", "connect", "files", "meter_events"), url) if url else {}
        client = stripe.StripeClient(
            api_key, max_network_retries=RETRIES, http_client=self._http, base_addresses=elsewhere
        )
        self.v1 = client.v1

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def asked(self, ask: Ask, kind: type[T]) -> T:
        """What Stripe answers, as `kind`.  `ask` is called again when Stripe says that we ask too often.

        Raises:
            PaymentRefused: a card was declined; nothing was charged.
            StripeRefused: Stripe understood and refuses: our request or the settings are wrong.
            PaymentsUnavailable: no answer, one that says nothing, or a key that is refused; `acted` tells whether it may have acted.
        """
        return _read((await _answer(ask)).to_dict(for_json=True), kind)

    async def listed(self, ask: Callable[[Any], Awaitable[Any]], kind: type[T], **wanted: Any) -> list[T]:
        """All pages.  Stripe lists the newest first."""
        found: list[T] = []
        while True:
            page = (await _answer(lambda: ask({**wanted, "limit": PAGE}))).to_dict(for_json=True)
            found += _read(page["data"], list[kind])  # type: ignore[valid-type]
            if not page["has_more"]:
                return found
            wanted["starting_after"] = found[-1].id  # type: ignore[attr-defined]

    @staticmethod
    def verified(body: bytes, signature: str | None, secrets: Sequence[str], now_s: float) -> Event:
        """The event that a webhook brings, if Stripe signed these very bytes just now.

        Raises:
            BadRequest: no signature, one that is not of `secrets`, an old one, one from the future, or no event.
        """
        for secret in secrets:
            try:
                stripe.WebhookSignature.verify_header(body, signature, secret, SIGNATURE_AGE_S_MAX)
                break
            except (stripe.SignatureVerificationError, ValueError):
                continue
        else:
            raise BadRequest(
                "this is not signed by Stripe for this gateway, or it is older than five minutes: compare `stripe_webhook_secret`"
                " with the endpoint's signing secret, and the clocks",
                code="signature_invalid",
            )
        sent_s = next(
            int(part.split("=")[1]) for part in (signature or "").split(",") if part.startswith("t=")
        )
        if sent_s > now_s + SIGNATURE_AHEAD_S_MAX:
            raise BadRequest("this was signed in the future; compare the clocks", code="signature_invalid")
        try:
            return msgspec.json.decode(body, type=Envelope).event
        except ValueError as error:  # msgspec's own are ValueErrors, too
            raise BadRequest(f"this is signed, but it is no event: {error}", code="event_invalid") from error


def _read(answer: Any, kind: type[T]) -> T:
    """Raises PaymentsUnavailable: Stripe answered, and we do not understand it; it may have acted."""
    try:
        return msgspec.convert(answer, kind, strict=False)
    except msgspec.ValidationError as error:
        raise PaymentsUnavailable(f"Stripe's answer is not what its API says: {error}", acted=True) from error


async def _answer(ask: Ask) -> Any:
    for pause_s in (*RATE_LIMIT_PAUSES_S, None):
        try:
            return await ask()
        except stripe.RateLimitError as error:
            if pause_s is None:
                raise PaymentsUnavailable(
                    "Stripe says that it is asked too often; try again later", acted=False, retry_after_s=60
                ) from error
        except stripe.CardError as error:
            raise PaymentRefused(
                error.user_message or "the card was declined", extra={"decline_code": error.code or ""}
            ) from error
        except stripe.APIConnectionError as error:
            raise PaymentsUnavailable("Stripe cannot be reached; try again later", acted=True) from error
        except (
            stripe.AuthenticationError,
            stripe.PermissionError,
        ) as error:  # mended by a setting, not by giving up
            raise PaymentsUnavailable(
                f"Stripe refuses `stripe_api_key`: {error.user_message}", acted=False, retry_after_s=60
            ) from error
        except (
            stripe.IdempotencyError
        ) as error:  # tried before, with something else in it: once a day has passed Stripe forgets
            raise PaymentsUnavailable(
                f"Stripe remembers another try: {error.user_message}", acted=True
            ) from error
        except stripe.InvalidRequestError as error:
            raise StripeRefused(
                error.user_message or "Stripe refuses this request",
                param=error.param,
                code=error.code,
            ) from error
        except stripe.StripeError as error:  # 409 and 5xx, which were retried
            raise PaymentsUnavailable("Stripe is in trouble; try again later", acted=True) from error
        await asyncio.sleep(pause_s * random.uniform(0.5, 1))  # noqa: S311 - spreads, hides nothing
    raise AssertionError("the last try raises")
