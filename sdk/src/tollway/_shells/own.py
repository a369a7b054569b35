"""`client.models`, `receipts`, `usage`, `keys` and `limits`, blocking.  `own_async.py` is the same for asyncio."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import UNSET, UnsetType

from tollway._core import limits, own
from tollway._core.limits import Limit
from tollway._core.own import Cap
from tollway._shells.transport import Link
from tollway._types.account import GroupBy, Key, KeyMay, Model, NewKey, Page, Receipt, Request
from tollway._types.limits import Limits
from tollway._types.usage import UsageRow


class _Resource:
    def __init__(self, link: Link) -> None:
        self._link = link


class Models(_Resource):
    """What is served here, and at which prices."""

    def list(self) -> list[Model]:
        """Models that have a price, with their prices in nano-dollars per million tokens.

        Raises: AuthenticationFailed, APIConnectionError, or another of the error tree.

        Example: `print([model.id for model in client.models.list()])`
        """
        return self._link.ask(own.models())

    def get(self, model: str) -> Model:
        """One model, by its id or an alias; prices are nano-dollars per million tokens.

        Raises: NotFound: there is none, or nobody serves it; and what `list` raises.

        Example: `client.models.get("magistral-small-2509").max_context_length` is in tokens.
        """
        return self._link.ask(own.model(model))


class Receipts(_Resource):
    """The bills of single requests."""

    def get(self, request_id: str) -> Receipt:
        """The bill of one request, line by line, in nano-dollars.

        Raises: NotFound: no such request, or not this account's; and what `list` raises.

        Example: `client.receipts.get(answer.request_id).cost == answer.cost`
        """
        return self._link.ask(own.receipt(request_id))

    def list(
        self,
        *,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        model: str | None = None,
        key_id: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page[Request]:
        """The account's requests in [since, until), newest first: at most `limit` (100; 20 if not said) `after` that id.

        Raises: BadRequest: an instant or the limit cannot be read; AuthenticationFailed, APIConnectionError, or another
        of the error tree.

        Example: `for request in client.receipts.list(limit=5): print(request.model, request.cost)`
        """
        return self._link.ask(own.requests(since, until, model, key_id, limit, after))

    def iterate(
        self,
        *,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        model: str | None = None,
        key_id: str | None = None,
    ) -> Iterator[Request]:
        """All of them, page by page as they are needed; raises what `list` raises.

        Example: `sum(request.usage.output_tokens for request in client.receipts.iterate(model="magistral-small-2509"))`
        """
        after: str | None = None
        more = True
        while more:
            page = self.list(since=since, until=until, model=model, key_id=key_id, limit=100, after=after)
            yield from page
            more, after = page.has_more, page.last_id


class Usage(_Resource):
    """Sums of tokens and money."""

    def list(  # noqa: PLR0913 - as many as there are filters
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
        """By key, project, model or day (UTC): tokens, and nano-dollars, of the requests in [since, until), of this model, key and project.

        Instants are RFC 3339 texts or datetimes with a timezone; None is without bound.  At most `limit` rows (1,000).
        `detail`: also what each class of tokens cost, and how requests ended.

        Raises: BadRequest: an instant or the limit cannot be read; AuthenticationFailed, APIConnectionError, or another
        of the error tree.

        Example: `client.usage.list(group_by="day", since="2026-11-01T00:00:00Z")`
        """
        return self._link.ask(
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


class Keys(_Resource):
    """The account's keys.  Changing others than itself needs a key that `manages_keys`, which operators give."""

    def list(self) -> list[Key]:
        """All, revoked ones too, without their secrets.

        Raises: AuthenticationFailed, APIConnectionError, or another of the error tree.

        Example: `print([key.hint for key in client.keys.list() if key.revoked_at is None])`
        """
        return self._link.ask(own.keys())

    def create(
        self,
        name: str,
        *,
        cap_day_usd: Cap = None,
        cap_month_usd: Cap = None,
        cap_total_usd: Cap = None,
        project: str | None = None,
        may: KeyMay | None = None,
    ) -> NewKey:
        """A new key; `.key` is its secret, which is never shown again.  Caps are US dollars per UTC day, month, in all.

        `project`, a name or id, is whose budget it shares.  It may no more than the key that makes it; `may` says less.

        Raises: PermissionDenied: this key does not manage keys; NotFound, Conflict: no such project, or an archived one;
        ValueError: a cap is no amount; and what `list` raises.

        Example: `print(client.keys.create("batch jobs", cap_day_usd="2", may={"expires_at": "2099-01-01T00:00:00Z"}).key)`
        """
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        return self._link.ask(own.create_key(name, caps, project, may))

    def change(
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
        """Changes what is given; a cap of None removes it.  Caps are US dollars; what was spent so far counts.

        It moves to `project` (None: out of all); what it spent stays with the project in which it was spent.

        Raises: NotFound: no such key; and what `create` raises.

        Example: `client.keys.change(key.id, cap_day_usd="5")`
        """
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        return self._link.ask(
            own.change_key(key_id, {"name": name, "project": project, **caps, **(may or {})})
        )

    def revoke(self, key_id: str) -> Key:
        """Ends a key for good; what it spent stays on the books.

        Raises: NotFound: no such key; PermissionDenied: this key does not manage keys; and what `list` raises.

        Example: `client.keys.revoke(key.id)`
        """
        return self._link.ask(own.revoke_key(key_id))

    def rotate(self, key_id: str, *, overlap_s: int = 0) -> NewKey:
        """A new secret for a key, which keeps all else; the old one is refused after `overlap_s` seconds, a week at most.

        Raises: NotFound: no such key; PermissionDenied: it is another one, and this key does not manage keys; and what
        `list` raises.

        Example: `print(client.keys.rotate(key.id).key)`
        """
        return self._link.ask(own.rotate_key(key_id, overlap_s))

    def limits(self, key_id: str) -> Limits:
        """What a key may use per minute and at once, and what it uses right now; its account's limits hold as well.

        Raises: NotFound: no such key; and what `list` raises.

        Example: `print(client.keys.limits(key.id).used.requests)`
        """
        return self._link.ask(limits.of_key(key_id))

    def set_limits(
        self,
        key_id: str,
        *,
        requests_per_minute: Limit = UNSET,
        input_tokens_per_minute: Limit = UNSET,
        output_tokens_per_minute: Limit = UNSET,
        concurrency: Limit = UNSET,
    ) -> Limits:
        """Sets what is given; None removes a limit of the key.  Tokens and requests are per minute, none above the account's.

        Raises: BadRequest: a limit below 1 or above the account's; NotFound: no such key; PermissionDenied: this key does not manage keys; and
        what `list` raises.

        Example: `client.keys.set_limits(key.id, requests_per_minute=60, concurrency=4)`
        """
        return self._link.ask(
            limits.set_of_key(
                key_id, requests_per_minute, input_tokens_per_minute, output_tokens_per_minute, concurrency
            )
        )


class AccountLimits(_Resource):
    """What the account may use per minute and at once."""

    def get(self) -> Limits:
        """The limits in force, what is in use of them right now, and how often requests were refused lately.

        Raises: AuthenticationFailed, APIConnectionError, or another of the error tree.

        Example: `print(client.limits.get().requests_per_minute)`
        """
        return self._link.ask(limits.own())
