"""`Tollway` and `AsyncTollway`: thin shells over `_core` (what to send, how to read) and `_shells.transport` (sending)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tollway import _profile
from tollway._budget import Budget
from tollway._core import ask, request
from tollway._core.fields import PromptFields
from tollway._money import Usd
from tollway._shells.alerts import Alerts, AsyncAlerts
from tollway._shells.chat import AsyncChat, Chat
from tollway._shells.own import AccountLimits, Keys, Models, Receipts, Usage
from tollway._shells.own_async import (
    AsyncAccountLimits,
    AsyncKeys,
    AsyncModels,
    AsyncReceipts,
    AsyncUsage,
)
from tollway._shells.payments import Credits, Invoices
from tollway._shells.payments_async import AsyncCredits, AsyncInvoices
from tollway._shells.projects import AsyncProjects, Projects
from tollway._shells.texts import AsyncEmbeddings, AsyncFim, Embeddings, Fim
from tollway._shells.transport import AsyncLink, Link
from tollway._types.account import Model
from tollway._types.texts import Estimate, Tokenized

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from tollway._shells import http


def _account(api_key: str | None, base_url: str | None) -> request.Account:
    saved = None if api_key or os.environ.get("TOLLWAY_API_KEY") else _profile.load(os.environ)
    return request.account(api_key, base_url, os.environ, saved)


def _estimate_offline(fields: PromptFields, card: Model | None) -> Estimate:
    from tollway import _offline  # noqa: PLC0415 - few need it, and it takes longer to import than the client

    return _offline.estimate(fields, card)


class Tollway:
    """The client.  Close it, or use it in `with`.  Threads may share one.

    Args:
        api_key: `tw_…`; else `TOLLWAY_API_KEY`, else what `tollway login` saved.
        base_url: else `TOLLWAY_BASE_URL`, else what `tollway login` saved, else http://127.0.0.1:8080.  A trailing
            `/v1` is ignored.
        timeout_s: seconds without a byte before `APITimeoutError`; connecting gets at most ten of them.
        max_retries: tries after the first: connections that are refused or break, 408, 409, 429 and 5xx, unless the
            gateway forbids it.  Each carries the same idempotency key.
        http_client: an `httpx.Client` of yours, for proxies or certificates.  It stays yours to close.

    Raises:
        TollwayError: there is no API key, or one that cannot be sent.

    Example:
        with tollway.Tollway() as client:
            print(client.credits.get().available)
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_s: float = 600.0,
        max_retries: int = 2,
        http_client: http.Client | None = None,
    ) -> None:
        self._link = Link(_account(api_key, base_url), timeout_s, max_retries, http_client)
        self.chat = Chat(self._link)
        self.fim = Fim(self._link)
        self.embeddings = Embeddings(self._link)
        self.models = Models(self._link)
        self.credits = Credits(self._link)
        self.invoices = Invoices(self._link)
        self.receipts = Receipts(self._link)
        self.usage = Usage(self._link)
        self.keys = Keys(self._link)
        self.limits = AccountLimits(self._link)
        self.projects = Projects(self._link)
        self.alerts = Alerts(self._link)

    def tokenize(self, **fields: Unpack[PromptFields]) -> Tokenized:
        """How many tokens a prompt takes, exactly; nothing runs and nothing is charged.

        Takes the request's own fields: `model`, and `messages` and `tools`, or `prompt` and `suffix`, or `input`;
        `return_tokens=True` adds the ids.

        Raises: BadRequest: the prompt cannot be served, or this model's prompts can only be bounded; NotFound: no such
        model; TypeError, ValueError: the request cannot be built; or another of the error tree.

        Example: `client.tokenize(model="magistral-small-2509", messages="Hello").prompt_tokens`
        """
        return self._link.ask(ask.tokenize(fields))

    def estimate(
        self, *, offline: bool = False, card: Model | None = None, **fields: Unpack[PromptFields]
    ) -> Estimate:
        """What a request would cost at most, and likely; nothing runs and nothing is charged.

        Takes the request's own fields, as `tokenize` does.  `offline` counts here, without the gateway (chats with
        Magistral and other models of its tokenizer; needs `pip install tollway[tokens]`); it knows money if it is given
        the model's `card`, from `client.models`.

        Raises: what `tokenize` raises; offline TollwayError: tollway[tokens] is missing, or the prompt cannot be counted.

        Example: `print(client.estimate(model="magistral-small-2509", messages="Hello", max_tokens=50).cost_max)`
        """
        return _estimate_offline(fields, card) if offline else self._link.ask(ask.estimate(fields))

    def budget(self, usd: Usd) -> Budget:
        """So many US dollars, and no more, for the requests made inside a `with`; see `Budget`.

        Inside, BudgetExceeded is raised before a request that could cost more than is left.

        Raises: ValueError: no amount.

        Example:
            with client.budget(usd="0.50") as budget:
                client.chat.complete(model="magistral-small-2509", messages="Hello")
                print(budget.left)
        """
        return Budget(usd, self._link)

    def __enter__(self) -> Tollway:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections, unless they belong to an `http_client` of yours.

        Example: `client.close()`
        """
        self._link.close()


class AsyncTollway:
    """`Tollway` for asyncio: the same arguments, and the same methods as coroutines.

    Example:
        async with tollway.AsyncTollway() as client:
            print((await client.credits.get()).available)
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_s: float = 600.0,
        max_retries: int = 2,
        http_client: http.AsyncClient | None = None,
    ) -> None:
        self._link = AsyncLink(_account(api_key, base_url), timeout_s, max_retries, http_client)
        self.chat = AsyncChat(self._link)
        self.fim = AsyncFim(self._link)
        self.embeddings = AsyncEmbeddings(self._link)
        self.models = AsyncModels(self._link)
        self.credits = AsyncCredits(self._link)
        self.invoices = AsyncInvoices(self._link)
        self.receipts = AsyncReceipts(self._link)
        self.usage = AsyncUsage(self._link)
        self.keys = AsyncKeys(self._link)
        self.limits = AsyncAccountLimits(self._link)
        self.projects = AsyncProjects(self._link)
        self.alerts = AsyncAlerts(self._link)

    async def tokenize(self, **fields: Unpack[PromptFields]) -> Tokenized:
        """`Tollway.tokenize`, as a coroutine: `await client.tokenize(model="magistral-small-2509", messages="Hello")`."""
        return await self._link.ask(ask.tokenize(fields))

    async def estimate(
        self, *, offline: bool = False, card: Model | None = None, **fields: Unpack[PromptFields]
    ) -> Estimate:
        """`Tollway.estimate`, as a coroutine: `await client.estimate(model="magistral-small-2509", messages="Hello")`."""
        return _estimate_offline(fields, card) if offline else await self._link.ask(ask.estimate(fields))

    def budget(self, usd: Usd) -> Budget:
        """`Tollway.budget`, and no coroutine: `with client.budget(usd="0.50") as budget: print(budget.left)`."""
        return Budget(usd, self._link)

    async def __aenter__(self) -> AsyncTollway:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """`Tollway.close`, as a coroutine: `await client.close()`."""
        await self._link.close()
