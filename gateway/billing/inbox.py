"""News of Stripe's: accepted once, durably, before anything is answered; then handled until it is.

A webhook only says that something happened; what happened is asked of Stripe itself (handle.py).  So it does not matter in
which order news arrives, how often, or what its body claims.
"""

import time
from functools import partial

from gateway.billing import store
from gateway.billing.border import Border
from gateway.billing.handle import HANDLERS
from gateway.billing.types import News
from gateway.errors import BadRequest, NotSetUp, PaymentsUnavailable, StorageUnavailable, TollwayError
from gateway.kit.clock import SECOND_US, now_us
from gateway.kit.log import logger

AT_ONCE_MAX = 20
CLAIM_US = 300 * SECOND_US
"""Longer than handling can take: then whoever claimed it is dead, and it is due again."""
PAUSE_US_MIN, PAUSE_US_MAX = 2 * SECOND_US, 3600 * SECOND_US


async def accept(border: Border, body: bytes, signature: str | None) -> bool:
    """Keeps what a webhook brought; whether it was new.  When this returns, it is durable.

    Raises:
        NotSetUp: without `stripe_webhook_secret` nobody could tell Stripe from anybody else.
        BadRequest: not signed by Stripe, too old, from the future, or of the other mode.
        StorageUnavailable: it could not be kept; Stripe will send it again.
    """
    if not border.webhook_secrets:
        raise NotSetUp(
            "the setting `stripe_webhook_secret` is missing, so no webhook is believed",
            param="stripe_webhook_secret",
        )
    event = border.api.verified(body, signature, border.webhook_secrets, time.time())
    if event.livemode != border.api.livemode:
        here, there = ("live", "test")[:: 1 if border.api.livemode else -1]
        raise BadRequest(
            f"this gateway is in Stripe's {here} mode, and this is news of its {there} mode",
            code="wrong_mode",
        )
    if event.type not in HANDLERS:
        return False
    now = now_us()
    news = News(
        event_id=event.id,
        type=event.type,
        object_id=event.object_id,
        created_s=event.created,
        received_us=now,
        due_us=now,
    )
    return await border.database.write(lambda conn: store.insert_news(conn, news))


async def step(border: Border) -> int:
    """Handles what is due; how many there were."""
    now = now_us()
    if not await border.database.read(lambda conn: store.has_news(conn, now)):
        return 0
    found = await border.database.write(lambda conn: store.claim_news(conn, now, now + CLAIM_US, AT_ONCE_MAX))
    for news in found:
        if now_us() >= now + CLAIM_US // 2:
            break  # Stripe is slow today: what is left of the claim is not enough
        await _handle(border, news)
    return len(found)


async def _handle(border: Border, news: News) -> None:
    try:
        outcome = await HANDLERS[news.type](border, news.object_id)
    except (PaymentsUnavailable, StorageUnavailable) as error:
        await _later(border, news, error.message)
        return
    except TollwayError as error:
        outcome = f"refused: {error.message}"
        logger().error("stripe_news_refused", name=news.event_id, type=news.type, reason=error.message)
    except Exception as error:  # noqa: BLE001 - a bug of ours; the row stays open, and holds up no other
        logger().exception("stripe_news_failed", name=news.event_id, type=news.type, exc_info=error)
        await _later(border, news, f"our bug: {error!r}")
        return
    now = now_us()
    await border.database.write(lambda conn: store.note_news(conn, news.event_id, outcome, handled_us=now))


async def _later(border: Border, news: News, why: str) -> None:
    due_us = now_us() + min(PAUSE_US_MAX, PAUSE_US_MIN << min(news.tries, 20))
    await border.database.write(partial(store.note_news, event_id=news.event_id, outcome=why, due_us=due_us))
