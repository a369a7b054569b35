"""What goes over the wire, as frozen structs.  Money is an integer (`*_nanousd`) and, for people, a decimal string."""

from typing import Annotated, Any

import msgspec

from gateway.accounts.types import Account
from gateway.catalog.types import Model
from gateway.credit.types import NEVER_US, Balance, Grant, OpenGrant
from gateway.errors import BadRequest
from gateway.keys.types import Key
from gateway.kit.clock import from_rfc3339, rfc3339
from gateway.kit.money import format_usd
from gateway.metering.types import Receipt, UsageRow
from gateway.workers.router import Router
from gateway.workers.types import Worker

CAP_WINDOWS = ("day", "month", "total")


class ListOf(msgspec.Struct, frozen=True):
    """OpenAI's envelope of a list."""

    data: list[dict[str, Any]]
    object: str = "list"


class NewAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`grant_usd` is exactly its credit; left out, the price book's sign-up grant."""

    name: str
    grant_usd: str | None = None


class NewGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    amount_usd: str
    kind: str = "top_up"
    reason: str = ""
    expires_at: str | None = None
    priority: int | None = None


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    account: str
    name: str = "default"
    cap_day_usd: str | None = None
    cap_month_usd: str | None = None
    cap_total_usd: str | None = None
    policy: str | None = None


class KeyChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is named is changed; null removes it."""

    cap_day_usd: str | msgspec.UnsetType | None = msgspec.UNSET
    cap_month_usd: str | msgspec.UnsetType | None = msgspec.UNSET
    cap_total_usd: str | msgspec.UnsetType | None = msgspec.UNSET
    policy: str | msgspec.UnsetType | None = msgspec.UNSET


class NewPrices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price book as its TOML text (catalog/price_book.toml shows how)."""

    toml: str


_Positive = Annotated[int, msgspec.Meta(ge=1, le=2**31)]


class NewWorker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    models: tuple[str, ...] = ()
    weight: _Positive | None = None
    concurrency_max: _Positive | None = None


class WorkerState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is named is changed; null: as configured."""

    name: str
    cordoned: bool | msgspec.UnsetType = msgspec.UNSET
    weight: _Positive | msgspec.UnsetType | None = msgspec.UNSET
    concurrency_max: _Positive | msgspec.UnsetType | None = msgspec.UNSET


class CreditLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    credit_limit_usd: str


def instant(name: str, text: str | None) -> int | None:
    """Raises BadRequest naming the field."""
    try:
        return None if text is None else from_rfc3339(text)
    except ValueError as error:
        raise BadRequest(f"{name}: {error}", param=name) from error


def money(name: str, nanousd: int) -> dict[str, Any]:
    return {f"{name}_nanousd": nanousd, f"{name}_usd": format_usd(nanousd)}


def model_card(model: Model) -> dict[str, Any]:
    """One card that satisfies OpenAI's and Mistral's clients alike (MISTRAL.md section 1.7), with its prices."""
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": model.owned_by,
        "capabilities": {
            "completion_chat": model.chat,
            "completion_fim": model.fim,
            "function_calling": model.tools,
            "reasoning": model.reasoning,
            "vision": model.vision,
            "embeddings": model.embeddings,
            "fine_tuning": False,
            "ocr": False,
            "classification": False,
            "moderation": False,
            "audio": False,
        },
        "name": model.id,
        "description": model.description,
        "max_context_length": model.context_tokens,
        "aliases": list(model.aliases),
        "deprecation": None,
        "deprecation_replacement_model": None,
        "default_model_temperature": None,
        "type": "base",
        "prices_nanousd_per_mtok": msgspec.structs.asdict(model.prices),
        "default_system_prompt": [chunk.as_part() for chunk in model.default_system_prompt],
    }


def account_fields(account: Account) -> dict[str, Any]:
    return {"id": account.id, "name": account.name, "created_at": rfc3339(account.created_us)}


def key_fields(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "kind": key.kind,
        "account_id": key.account_id,
        "name": key.name,
        "hint": key.hint,
        "created_at": rfc3339(key.created_us),
        "revoked_at": None if key.revoked_us is None else rfc3339(key.revoked_us),
        "policy": key.policy,
        **{
            f"cap_{window}_usd": None if limit is None else format_usd(limit)
            for window in CAP_WINDOWS
            for limit in [getattr(key, f"cap_{window}_nanousd")]
        },
    }


def grant_fields(grant: Grant, left_nanousd: int | None = None) -> dict[str, Any]:
    return {
        "id": grant.id,
        "kind": grant.kind,
        **money("amount", grant.amount_nanousd),
        **({} if left_nanousd is None else money("left", left_nanousd)),
        "priority": grant.priority,
        "reason": grant.reason,
        "created_at": rfc3339(grant.created_us),
        "expires_at": None if grant.expires_us is None else rfc3339(grant.expires_us),
    }


def credit_fields(balance: Balance, grants: list[Grant], open_grants: list[OpenGrant]) -> dict[str, Any]:
    """`held` is what gateways set aside for running requests and, for moments, in advance."""
    left = {grant.grant_id: grant.left_nanousd for grant in open_grants}
    return {
        "object": "credits",
        "account_id": balance.account_id,
        **money("granted", balance.granted_nanousd),
        **money("settled", balance.settled_nanousd),
        **money("held", balance.held_nanousd),
        **money("credit_limit", balance.credit_limit_nanousd),
        **money("available", balance.available_nanousd),
        **money("remaining", balance.remaining_nanousd),
        "free_tier_renews_at": None if balance.renew_us == NEVER_US else rfc3339(balance.renew_us),
        "grants": [grant_fields(grant, left.get(grant.id)) for grant in grants],
    }


_TOKEN_FIELDS = (
    "input_tokens",
    "input_image_tokens",
    "input_cached_tokens",
    "output_tokens",
    "output_reasoning_tokens",
)


def receipt_fields(receipt: Receipt) -> dict[str, Any]:
    event = receipt.event
    return {
        "object": "receipt",
        "request_id": event.request_id,
        "created_at": rfc3339(event.created_us),
        "model": event.model,
        "key_id": event.key_id,
        "outcome": event.outcome,
        "streamed": event.streamed,
        "estimated": event.estimated,
        "sources": {
            name: getattr(event, f"{name}_source") for name in ("input", "image", "output", "reasoning")
        },
        "usage": {name: getattr(event, name) for name in _TOKEN_FIELDS},
        "lines": [
            {
                "token_class": line.token_class,
                "tokens": line.tokens,
                "discount_percent": line.discount_percent,
                **{
                    f"price_{key}_per_mtok": value
                    for key, value in _price(line.price_nanousd_per_mtok).items()
                },
                **money("cost", line.cost_nanousd),
            }
            for line in receipt.lines
        ],
        "price_version": event.price_version,
        **money("cost", event.cost_nanousd),
        "chain": {"seq": receipt.link.account_seq, "sha256": receipt.link.chain_hash},
    }


def _price(nanousd: int) -> dict[str, Any]:
    return {"nanousd": nanousd, "usd": format_usd(nanousd)}


def usage_fields(row: UsageRow, named: dict[str, Any]) -> dict[str, Any]:
    counts = {name: getattr(row, name) for name in ("requests", *_TOKEN_FIELDS)}
    return {"group": row.group, **named, **counts, **money("cost", row.cost_nanousd)}


def worker_fields(router: Router, worker: Worker, now: float) -> dict[str, Any]:
    """For operators: everything but the worker's key.  `out`: it failed again and again, and is asked last."""
    load, gauge = router.loads.of(worker.name), router.gauges.of(worker.name)
    return {
        "name": worker.name,
        "url": worker.url,
        "kind": worker.kind,
        "models": worker.models,
        "weight": worker.weight,
        "concurrency_max": worker.concurrency_max,
        "in_flight": load.requests,
        "tokens_in_flight": load.tokens,
        "running": gauge.running,
        "waiting": gauge.waiting,
        "kv_cache_usage": gauge.cache,
        "crowded": gauge.is_crowded(now),
        "out": router.health.is_open(worker.name),
        "cordoned": router.registry.is_cordoned(worker.name),
    }
