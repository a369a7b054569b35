"""Models and prices."""

from typing import Any

import msgspec

from gateway.catalog.types import Model


class NewPrices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price book as its TOML text (catalog/price_book.toml shows how)."""

    toml: str


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
