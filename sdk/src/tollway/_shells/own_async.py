"""`own.py` for asyncio: the same methods, as coroutines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from msgspec import UNSET, UnsetType

from tollway._core import limits, own
from tollway._core.limits import Limit
from tollway._core.own import Cap
from tollway._shells.transport import AsyncLink
from tollway._types.account import GroupBy, Key, KeyMay, Model, NewKey, Page, Receipt, Request
from tollway._types.limits import Limits
from tollway._types.usage import UsageRow


class _Resource:
    def __init__(self, link: AsyncLink) -> None:
        self._link = link


class AsyncModels(_Resource):
    """`Models` for asyncio."""

    async def list(self) -> list[Model]:
        """`Models.list`, as a coroutine: `await client.models.list()`."""
        return await self._link.ask(own.models())

    async def get(self, model: str) -> Model:
        """`Models.get`, as a coroutine: `await client.models.get("magistral-small-2509")`."""
        return await self._link.ask(own.model(model))


class AsyncReceipts(_Resource):
    """`Receipts` for asyncio."""

    async def get(self, request_id: str) -> Receipt:
        """`Receipts.get`, as a coroutine: `await client.receipts.get(answer.request_id)`."""
        return await self._link.ask(own.receipt(request_id))

    async def list(
        self,
        *,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        model: str | None = None,
        key_id: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page[Request]:
        """`Receipts.list`, as a coroutine: `await client.receipts.list(limit=5)`."""
        return await self._link.ask(own.requests(since, until, model, key_id, limit, after))

    async def iterate(
        self,
        *,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        model: str | None = None,
        key_id: str | None = None,
    ) -> AsyncIterator[Request]:
        """`Receipts.iterate`: `async for request in client.receipts.iterate(model="magistral-small-2509"): print(request.cost)`."""
        after: str | None = None
        more = True
        while more:
            page = await self.list(
                since=since, until=until, model=model, key_id=key_id, limit=100, after=after
            )
            for request in page:
                yield request
            more, after = page.has_more, page.last_id


class AsyncUsage(_Resource):
    """`Usage` for asyncio."""

    async def list(  # noqa: PLR0913 - as many as there are filters
        self,
        group_by: GroupBy = "key",
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        *,
        model: str | None = None,
        key_id: str | None = None,
        project_id: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        detail: bool = False,
    ) -> Page[UsageRow]:
        """`Usage.list`, as a coroutine: `await client.usage.list(group_by="day", since="2026-11-01T00:00:00Z")`."""
        return await self._link.ask(
            own.usage(
                group_by,
                since,
                until,
                model=model,
                key_id=key_id,
                project_id=project_id,
                limit=limit,
                after=after,
                detail=detail,
            )
        )


class AsyncKeys(_Resource):
    """`Keys` for asyncio."""

    async def list(self) -> list[Key]:
        """`Keys.list`, as a coroutine: `await client.keys.list()`."""
        return await self._link.ask(own.keys())

    async def create(
        self,
        name: str,
        *,
        cap_day_usd: Cap = None,
        cap_month_usd: Cap = None,
        cap_total_usd: Cap = None,
        project: str | None = None,
        may: KeyMay | None = None,
    ) -> NewKey:
        """`Keys.create`, as a coroutine: `await client.keys.create("batch jobs", cap_day_usd="2")`."""
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        return await self._link.ask(own.create_key(name, caps, project, may))

    async def change(
        self,
        key_id: str,
        *,
        name: str | UnsetType = UNSET,
        cap_day_usd: Cap = UNSET,
        cap_month_usd: Cap = UNSET,
        cap_total_usd: Cap = UNSET,
        project: str | UnsetType | None = UNSET,
        may: KeyMay | None = None,
    ) -> Key:
        """`Keys.change`, as a coroutine: `await client.keys.change(key.id, cap_day_usd="5")`."""
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        return await self._link.ask(
            own.change_key(key_id, {"name": name, "project": project, **caps, **(may or {})})
        )

    async def revoke(self, key_id: str) -> Key:
        """`Keys.revoke`, as a coroutine: `await client.keys.revoke(key.id)`."""
        return await self._link.ask(own.revoke_key(key_id))

    async def rotate(self, key_id: str, *, overlap_s: int = 0) -> NewKey:
        """`Keys.rotate`, as a coroutine: `await client.keys.rotate(key.id)`."""
        return await self._link.ask(own.rotate_key(key_id, overlap_s))

    async def limits(self, key_id: str) -> Limits:
        """`Keys.limits`, as a coroutine: `print((await client.keys.limits(key.id)).used)`."""
        return await self._link.ask(limits.of_key(key_id))

    async def set_limits(
        self,
        key_id: str,
        *,
        requests_per_minute: Limit = UNSET,
        input_tokens_per_minute: Limit = UNSET,
        output_tokens_per_minute: Limit = UNSET,
        concurrency: Limit = UNSET,
    ) -> Limits:
        """`Keys.set_limits`, as a coroutine: `await client.keys.set_limits(key.id, concurrency=4)`."""
        return await self._link.ask(
            limits.set_of_key(
                key_id, requests_per_minute, input_tokens_per_minute, output_tokens_per_minute, concurrency
            )
        )


class AsyncAccountLimits(_Resource):
    """`AccountLimits` for asyncio."""

    async def get(self) -> Limits:
        """`AccountLimits.get`, as a coroutine: `print((await client.limits.get()).used)`."""
        return await self._link.ask(limits.own())
