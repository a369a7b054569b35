"""`client.alerts`: when the account is told about its spending and credit; blocking and for asyncio."""

from __future__ import annotations

from collections.abc import Iterable

from tollway._core import alerts
from tollway._money import Usd
from tollway._shells.transport import AsyncLink, Link
from tollway._types.alerts import Alert, AlertKind


class Alerts:
    """The account's alerts.  Making and removing them needs a key that `manages_keys`, which operators give."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def list(self) -> list[Alert]:
        """All, the oldest first, and which of them fire.

        Raises: AuthenticationFailed, APIConnectionError, or another of the error tree.

        Example: `print([alert.kind for alert in client.alerts.list() if alert.fires])`
        """
        return self._link.ask(alerts.own())

    def create(
        self,
        kind: AlertKind,
        amount_usd: Usd | None = None,
        *,
        thresholds: Iterable[int] = (),
        key_id: str | None = None,
    ) -> Alert:
        """A new alert: `thresholds` are percentages of the amount (100 if there are none); of `anomaly`, of the mean of the days
        before; of `credit_days`, which has no amount, days.  `key_id`: only what this key spends.

        Raises: PermissionDenied: this key does not manage keys; BadRequest: no such kind, amount or threshold; NotFound:
        no such key; Conflict: there are too many; ValueError: no amount; and what `list` raises.

        Example: `client.alerts.create("spent_month", "500", thresholds=[50, 80, 100]).id`
        """
        return self._link.ask(alerts.create(kind, amount_usd, thresholds, key_id))

    def remove(self, alert_id: str) -> Alert:
        """It says nothing any more.

        Raises: NotFound: no such alert; PermissionDenied: this key does not manage keys; and what `list` raises.

        Example: `client.alerts.remove(alert.id)`
        """
        return self._link.ask(alerts.remove(alert_id))


class AsyncAlerts:
    """`Alerts` for asyncio."""

    def __init__(self, link: AsyncLink) -> None:
        self._link = link

    async def list(self) -> list[Alert]:
        """`Alerts.list`, as a coroutine: `print([alert.kind for alert in await client.alerts.list()])`."""
        return await self._link.ask(alerts.own())

    async def create(
        self,
        kind: AlertKind,
        amount_usd: Usd | None = None,
        *,
        thresholds: Iterable[int] = (),
        key_id: str | None = None,
    ) -> Alert:
        """`Alerts.create`, as a coroutine: `(await client.alerts.create("credit_days", thresholds=[7])).id`."""
        return await self._link.ask(alerts.create(kind, amount_usd, thresholds, key_id))

    async def remove(self, alert_id: str) -> Alert:
        """`Alerts.remove`, as a coroutine: `await client.alerts.remove(alert.id)`."""
        return await self._link.ask(alerts.remove(alert_id))
