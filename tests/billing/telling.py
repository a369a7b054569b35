"""What Stripe, or who has its secret, tells the border; and what is made of it."""

import time
from typing import Any

from gateway.billing import inbox, store
from gateway.payments import store as payments
from tests.billing.world import Owner, World


def event(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    """As only Stripe, or who has the secret, can send it."""
    about = {"id": f"evt_{kind}_{name}", "object": "event", "type": kind, "livemode": False}
    return {**about, "created": int(time.time()), "data": {"object": {"id": name}}, **fields}


def outcomes(world: World) -> dict[str, str | None]:
    """By type and object: what was made of it."""
    found = world.database.read_now(lambda conn: store.list_news(conn, 100))
    return {f"{news.type} {news.object_id}": news.outcome for news in found}


def told(world: World, *events: dict[str, Any]) -> str | None:
    """These come, in this order, and each is handled before the next; what was made of the last."""
    for each in events:
        world.take(each)
        world.do(inbox.step(world.border))
    found = world.database.read_now(lambda conn: store.list_news(conn, 100))
    return next(news.outcome for news in found if news.event_id == events[-1]["id"])


def payments_of(world: World, owner: Owner) -> int:
    return len(world.database.read_now(lambda conn: payments.list_payments(conn, owner[0])))
