"""An account's link to its gateway, blocking and for asyncio: sends, tries again, spends within budgets, reads the answer."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tollway._budget import LOOK_UP_PAUSES_S, Hold, active, unknown
from tollway._core import own, retry
from tollway._core.refusals import status_error
from tollway._core.request import Account, Call
from tollway._errors import APIConnectionError, NotFound
from tollway._types.chat import TokenUsage

if TYPE_CHECKING:
    from tollway._shells import http

T = TypeVar("T")


class Billed(Protocol):
    """An answer that says what it cost."""

    @property
    def usage(self) -> TokenUsage: ...
    @property
    def request_id(self) -> str: ...


A = TypeVar("A", bound=Billed)


class Link:
    """An account and the connections to its gateway."""

    def __init__(
        self, account: Account, timeout_s: float, max_retries: int, http_client: http.Client | None
    ) -> None:
        from tollway._shells import http  # noqa: PLC0415 - see there

        self.http = http
        self.account = account
        self._timeout_s = timeout_s
        self._retries_max = max_retries
        self._client = http_client or http.client()
        self._owned = http_client is None

    def ask(self, call: Call[T]) -> T:
        """Raises TollwayError."""
        response = self.open(call, stream=False)
        return call.read(response.content, self.http.request_id(response))

    def open(self, call: Call[T], *, stream: bool = True) -> http.Response:
        """The answer, if its status is a success; of a stream only the head is read.  Raises TollwayError."""
        attempt = 0
        timeout_s = self._timeout_s if call.timeout_s is None else call.timeout_s
        while True:
            try:
                response = self.http.send(self._client, self.account, call, timeout_s, stream=stream)
            except APIConnectionError as broken:
                pause_s = retry.after_break_s(attempt, self._retries_max, broken, call, random.random())  # noqa: S311 - jitter
                if pause_s is None:
                    raise
            else:
                if response.is_success:
                    return response
                pause_s = _pause_s(attempt, self._retries_max, response)
                if pause_s is None:
                    raise status_error(response.status_code, response.headers, response.content)
            time.sleep(pause_s)
            attempt += 1

    def spend(self, fields: Mapping[str, Any], make: Callable[[Any], Call[A]]) -> A:
        """`ask` for what costs something, within the budgets of this place.  Raises also BudgetExceeded."""
        hold = self.hold(fields)
        if hold is None:
            return self.ask(make(fields))
        with hold:
            answer = self.ask(make(hold.bounded(fields)))
            hold.settle(answer.usage.cost_nanousd, answer.request_id)
        return answer

    def hold(self, fields: Mapping[str, Any]) -> Hold | None:
        """Credit set aside in every budget of this place; None where there is none.  Raises BudgetExceeded."""
        budgets = active(self)
        if not budgets:
            return None
        for budget, request_id in unknown(budgets):
            budget._learn(request_id, self._cost_of(request_id))
        return Hold(budgets, fields.get("max_cost_usd"))

    def _cost_of(self, request_id: str) -> int | None:
        """Of a request that ended without saying; its bill may take a moment.  None: there is none yet."""
        for pause_s in LOOK_UP_PAUSES_S:
            try:
                return self.ask(own.receipt(request_id)).cost_nanousd
            except NotFound:
                time.sleep(pause_s)
        return None

    def close(self) -> None:
        if self._owned:
            self._client.close()


class AsyncLink:
    """`Link` for asyncio."""

    def __init__(
        self, account: Account, timeout_s: float, max_retries: int, http_client: http.AsyncClient | None
    ) -> None:
        from tollway._shells import http  # noqa: PLC0415 - see there

        self.http = http
        self.account = account
        self._timeout_s = timeout_s
        self._retries_max = max_retries
        self._client = http_client or http.async_client()
        self._owned = http_client is None

    async def ask(self, call: Call[T]) -> T:
        """`Link.ask`."""
        response = await self.open(call, stream=False)
        return call.read(response.content, self.http.request_id(response))

    async def open(self, call: Call[T], *, stream: bool = True) -> http.Response:
        """`Link.open`."""
        attempt = 0
        timeout_s = self._timeout_s if call.timeout_s is None else call.timeout_s
        while True:
            try:
                response = await self.http.async_send(
                    self._client, self.account, call, timeout_s, stream=stream
                )
            except APIConnectionError as broken:
                pause_s = retry.after_break_s(attempt, self._retries_max, broken, call, random.random())  # noqa: S311 - jitter
                if pause_s is None:
                    raise
            else:
                if response.is_success:
                    return response
                pause_s = _pause_s(attempt, self._retries_max, response)
                if pause_s is None:
                    raise status_error(response.status_code, response.headers, response.content)
            await self.pause(pause_s)
            attempt += 1

    async def spend(self, fields: Mapping[str, Any], make: Callable[[Any], Call[A]]) -> A:
        """`Link.spend`."""
        hold = await self.hold(fields)
        if hold is None:
            return await self.ask(make(fields))
        with hold:
            answer = await self.ask(make(hold.bounded(fields)))
            hold.settle(answer.usage.cost_nanousd, answer.request_id)
        return answer

    async def hold(self, fields: Mapping[str, Any]) -> Hold | None:
        """`Link.hold`."""
        budgets = active(self)
        if not budgets:
            return None
        for budget, request_id in unknown(budgets):
            budget._learn(request_id, await self._cost_of(request_id))
        return Hold(budgets, fields.get("max_cost_usd"))

    async def _cost_of(self, request_id: str) -> int | None:
        for pause_s in LOOK_UP_PAUSES_S:
            try:
                return (await self.ask(own.receipt(request_id))).cost_nanousd
            except NotFound:
                await self.pause(pause_s)
        return None

    @staticmethod
    async def pause(seconds: float) -> None:
        import asyncio  # noqa: PLC0415 - whoever does not use it need not wait for it

        await asyncio.sleep(seconds)

    async def close(self) -> None:
        if self._owned:
            await self._client.aclose()


def _pause_s(attempt: int, retries_max: int, response: http.Response) -> float | None:
    dice = random.random()  # noqa: S311 - jitter
    return retry.after_status_s(attempt, retries_max, response.status_code, response.headers, dice)
