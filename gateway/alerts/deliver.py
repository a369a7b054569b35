"""The outbox is emptied: each message is claimed, sent, and what became of it is written down.

A claim moves the row's `due_us` on by more than a try can take: of several processes one sends, and what a dead one had
claimed is due again.  So a message arrives at least once, always with the same id.  Tries are spread over three days, as the Standard
Webhooks specification advises, with jitter; then the page says that it was given up, and why.  Of each target one message is
on its way at a time, and a try has a deadline: who does not answer holds up nobody else.
"""

import asyncio
import random

import msgspec

from gateway.alerts import store
from gateway.alerts.encode_webhook import webhook_body
from gateway.alerts.sign import headers_of, webhook_secret
from gateway.alerts.types import Delivery, Message, Target
from gateway.alerts.words import mail_words
from gateway.errors import StorageUnavailable, TollwayError
from gateway.kit.clock import DAY_US, SECOND_US, now_us
from gateway.kit.db import Database, WriteConn
from gateway.kit.log import logger
from gateway.kit.pinned import PinnedClient, Refused, Reply, Unreachable
from gateway.mail import Mail, Mailer

EVERY_S = 1
AT_ONCE_MAX = 64
CLAIM_US = 240 * SECOND_US
"""Longer than a webhook's deadline, and than a mail's tries."""
PAUSES_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Between the tries: ten in some three days."""
RETRY_AFTER_S_MAX = 86_400
KEPT_US = 90 * DAY_US
TIMEOUT_S = 15
ERROR_CHARS_MAX = 300
GONE = 410
"""By this a receiver says that it wants no more, ever."""
_decoder = msgspec.json.Decoder(Message)


class Courier:
    """Sends what is due, and owns the tasks that do."""

    def __init__(
        self,
        database: Database,
        client: PinnedClient,
        mailer: Mailer,
        *,
        installation_secret: bytes,
        public_url: str,
    ) -> None:
        self._database = database
        self._client = client
        self._mailer = mailer
        self._secret = installation_secret
        self._public_url = public_url.rstrip("/")
        self._tasks: dict[str, asyncio.Task[None]] = {}
        """By target."""

    @property
    def private_targets(self) -> bool:
        return self._client.private_targets

    @property
    def sends_mail(self) -> bool:
        return self._mailer.is_set_up

    def secret_of(self, target: Target) -> str:
        """What its receiver checks signatures with: to be shown once."""
        return webhook_secret(self._secret, target.id, target.secret_number)

    async def step(self) -> int:
        """How many tries began.  With an empty outbox this is one read that finds nothing."""
        now, free = now_us(), AT_ONCE_MAX - len(self._tasks)
        if free <= 0:
            return 0
        busy = list(self._tasks)
        due = await self._database.read(lambda conn: store.list_due(conn, now, free, busy=busy))
        if not due:
            return 0
        ours = await self._database.write(lambda conn: _claim(conn, [each for each, _ in due], now))
        for delivery, target in due:
            if delivery.id in ours:
                task = asyncio.create_task(self._try(delivery, target))
                self._tasks[target.id] = task
                task.add_done_callback(lambda _, at=target.id: self._tasks.pop(at, None))  # type: ignore[misc]
        return len(ours)

    async def forget(self) -> None:
        """What was done with long ago."""
        before = now_us() - KEPT_US
        await self._database.write(lambda conn: store.forget_deliveries(conn, before))

    async def settled(self) -> None:
        """Returns when every try that has begun is over."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def close(self) -> None:
        """What is cut off now is due again later."""
        for task in list(self._tasks.values()):
            task.cancel()
        await self.settled()
        await self._client.close()

    async def _try(self, delivery: Delivery, target: Target) -> None:
        try:
            await self._note(delivery, target, await self._outcome(delivery, target))
        except StorageUnavailable as error:
            logger().warning("alert_not_noted", delivery=delivery.id, reason=error.message)
        except Exception:  # noqa: BLE001 - a mistake of ours in one message must not hold up the others
            logger().exception("alert_not_sent", delivery=delivery.id)

    async def _outcome(self, delivery: Delivery, target: Target) -> Reply | str:
        """What was answered; a text: why nothing was."""
        if not target.address:
            return "they are no member any more"
        message = _decoder.decode(delivery.message)
        page = f"{self._public_url}/dashboard/accounts/{target.account_id}/alerts" if self._public_url else ""
        try:
            if target.kind == "webhook":
                return await self._post(delivery, target, webhook_body(message, page))
            subject, text = mail_words(message, page)
            await self._mailer.send(Mail(to=target.address, subject=subject, text=text))
        except (Refused, Unreachable) as error:
            return str(error)
        except TollwayError as error:
            return error.message
        return Reply(status=200)

    async def _post(self, delivery: Delivery, target: Target, body: bytes) -> Reply:
        signed = headers_of(self._secret, target, delivery.id, now_us() // SECOND_US, body)
        headers = {"content-type": "application/json", "user-agent": "tollway-alerts", **signed}
        return await self._client.post(target.address, headers, body)

    async def _note(self, delivery: Delivery, target: Target, outcome: Reply | str) -> None:
        now = now_us()
        status = outcome.status if isinstance(outcome, Reply) else None
        if status is not None and 200 <= status < 300:
            await self._database.write(lambda conn: store.note_delivered(conn, delivery.id, now))
            return
        why = outcome if isinstance(outcome, str) else f"it answered {status}"
        asked_s = outcome.retry_after_s if isinstance(outcome, Reply) else None
        jitter = random.randrange(80, 121)  # noqa: S311 - so that tries do not come in waves
        again = next_try_us(delivery.attempts + 1, now, asked_s, jitter_percent=jitter)
        if not target.address:
            again = None

        def note(conn: WriteConn) -> None:
            store.note_failed(conn, delivery.id, why[:ERROR_CHARS_MAX], again, now)
            if status == GONE:
                store.change_target(conn, target.id, paused_us=now)
                store.give_up_all(conn, target.id, "it answered 410: it wants no more", now)

        await self._database.write(note)


def new_courier(
    database: Database, mailer: Mailer, installation_secret: bytes, public_url: str, *, private_targets: bool
) -> Courier:
    """As a gateway has it."""
    client = PinnedClient(private_targets=private_targets, timeout_s=TIMEOUT_S)
    return Courier(database, client, mailer, installation_secret=installation_secret, public_url=public_url)


def next_try_us(attempts: int, now_us: int, asked_s: int | None, *, jitter_percent: int) -> int | None:
    """When to try again after so many tries; None: it is given up.  `asked_s`: not before that, as it said."""
    if attempts > len(PAUSES_S):
        return None
    pause_us = PAUSES_S[attempts - 1] * SECOND_US * jitter_percent // 100
    return now_us + max(pause_us, min(asked_s or 0, RETRY_AFTER_S_MAX) * SECOND_US)


def _claim(conn: WriteConn, due: list[Delivery], now_us: int) -> set[str]:
    return {each.id for each in due if store.claim_delivery(conn, each, now_us + CLAIM_US)}
