"""A house's courier, and the outbox at the moment that a test wants."""

import asyncio
from typing import Any

from gateway.alerts import store
from gateway.alerts.deliver import Courier
from gateway.kit.clock import now_us
from gateway.kit.pinned import PinnedClient
from gateway.mail import Mailer
from gateway.mail.read_url import read_url
from tests.alerts.house import House

SECRET = b"the installation's"


def courier(house: House, *, smtp_url: str = "", private: bool = True, timeout_s: float = 2.0) -> Courier:
    mailer = Mailer(read_url(smtp_url) if smtp_url else None, "Tollway <t@example.com>", pauses_s=())
    client = PinnedClient(private_targets=private, timeout_s=timeout_s)
    return Courier(
        house.database, client, mailer, installation_secret=SECRET, public_url="https://gw.example/"
    )


def empty(house: House, **options: Any) -> int:
    """One step and its tries: how many there were."""

    async def run() -> int:
        one = courier(house, **options)
        count = await one.step()
        await one.settled()
        await one.close()
        return count

    return asyncio.run(run())


def make_due(house: House) -> None:
    """As when the pause is over."""
    waiting = store.alert_deliveries.c.due_us.is_not(None)
    change = store.alert_deliveries.update().where(waiting).values(due_us=now_us() - 1)
    house.write(lambda conn: conn.execute(change))


def fire(house: House) -> None:
    house.rule("spent_today", 10)
    house.spend(12)
    assert house.watch() > 0
    make_due(house)  # the house's clock is not the courier's
