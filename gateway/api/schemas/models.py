"""Models and prices."""

from typing import Any, Literal

import msgspec

from gateway.api.schemas.shapes import Instant, NanoUsd
from gateway.catalog.types import Model, PriceBook, Prices, Tier
from gateway.kit.clock import rfc3339


class NewPrices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price book as its TOML text (catalog/price_book.toml shows how)."""

    toml: str


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a model can be asked for, in Mistral's words."""

    completion_chat: bool
    completion_fim: bool
    function_calling: bool
    reasoning: bool
    vision: bool
    embeddings: bool
    fine_tuning: bool = False
    ocr: bool = False
    classification: bool = False
    moderation: bool = False
    audio: bool = False


class ModelCard(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="model"):
    """One card that satisfies OpenAI's and Mistral's clients alike (MISTRAL.md section 1.7), with its prices."""

    id: str
    created: int
    owned_by: str
    capabilities: Capabilities
    name: str
    description: str
    max_context_length: int
    aliases: tuple[str, ...]
    deprecation: str | None = None
    deprecation_replacement_model: str | None = None
    default_model_temperature: float | None = None
    type: Literal["base"] = "base"
    prices_nanousd_per_mtok: Prices
    default_system_prompt: tuple[dict[str, Any], ...] = ()
    """Content parts, in Mistral's spelling: what is sent, and billed, where a chat has no system message."""


class PriceBookInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A version of all prices, which are nano-dollars per million tokens.  It never changes."""

    version: int
    effective_from: Instant
    effective_from_us: int
    sign_up_nanousd: NanoUsd
    monthly_free_nanousd: NanoUsd
    tiers: tuple[Tier, ...]
    models: tuple[Model, ...]
    in_force: bool | msgspec.UnsetType = msgspec.UNSET


def model_card(model: Model) -> ModelCard:
    return ModelCard(
        id=model.id,
        created=model.created,
        owned_by=model.owned_by,
        capabilities=Capabilities(
            completion_chat=model.chat,
            completion_fim=model.fim,
            function_calling=model.tools,
            reasoning=model.reasoning,
            vision=model.vision,
            embeddings=model.embeddings,
        ),
        name=model.id,
        description=model.description,
        max_context_length=model.context_tokens,
        aliases=model.aliases,
        prices_nanousd_per_mtok=model.prices,
        default_system_prompt=tuple(chunk.as_part() for chunk in model.default_system_prompt),
    )


def price_book_info(book: PriceBook, in_force: bool | msgspec.UnsetType = msgspec.UNSET) -> PriceBookInfo:
    return PriceBookInfo(
        **msgspec.structs.asdict(book), effective_from=rfc3339(book.effective_from_us), in_force=in_force
    )
