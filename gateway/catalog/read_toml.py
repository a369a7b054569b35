"""A price book from TOML, where prices are dollars per million tokens as people write them.

Prices that a model leaves out follow: image and cached like text, reasoning like output.  Only a model that generates
nothing, one of embeddings alone, has no output price.
"""

import tomllib
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from gateway.catalog.types import Model, PriceBook, Tier
from gateway.kit.clock import from_rfc3339
from gateway.kit.money import parse_usd


class PriceBookError(Exception):
    """A price book that cannot be used; the message says where and why."""


class _TomlPrices(msgspec.Struct, forbid_unknown_fields=True):
    """Dollars per million tokens, as strings: a TOML float would not be exact."""

    input: str
    output: str | None = None
    image: str | None = None
    cached: str | None = None
    reasoning: str | None = None


def shipped() -> PriceBook:
    """The book that comes with Tollway: `catalog/price_book.toml`."""
    return parse(files("gateway.catalog").joinpath("price_book.toml").read_text("utf-8"), "price_book.toml")


def read(path: Path) -> PriceBook:
    """Raises PriceBookError."""
    try:
        return parse(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise PriceBookError(f"{path}: {error.strerror}") from error


def parse(text: str, source: str) -> PriceBook:
    """Raises PriceBookError naming `source`, the field and what it should be."""
    try:
        raw = tomllib.loads(text)
        return _book(raw)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, ValueError, KeyError) as error:
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise PriceBookError(f"{source}: {reason}") from error


def _book(raw: dict[str, Any]) -> PriceBook:
    effective = raw["effective_from"]
    if not isinstance(effective, datetime):
        raise ValueError("effective_from must be an instant like 2026-11-01T00:00:00Z")  # noqa: TRY004
    models = tuple(_model(dict(table)) for table in raw["models"])
    names = [name for model in models for name in (model.id, *model.aliases)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"these model names occur twice: {', '.join(twice)}")
    tiers = msgspec.convert([{"up_to_tokens": None, **tier} for tier in raw["tiers"]], tuple[Tier, ...])
    _check_tiers(tiers)
    return PriceBook(
        version=msgspec.convert(raw["version"], int),
        effective_from_us=from_rfc3339(effective.isoformat()),
        sign_up_nanousd=parse_usd(raw["grants"]["sign_up_usd"]),
        monthly_free_nanousd=parse_usd(raw["grants"]["monthly_free_usd"]),
        tiers=tiers,
        models=models,
    )


def _model(table: dict[str, Any]) -> Model:
    usd = msgspec.convert(table.pop("usd_per_mtok"), _TomlPrices)
    output = "0" if usd.output is None else usd.output
    table["prices"] = {
        "input_text": parse_usd(usd.input),
        "input_image": parse_usd(usd.image or usd.input),
        "input_cached": parse_usd(usd.cached or usd.input),
        "output_text": parse_usd(output),
        "output_reasoning": parse_usd(usd.reasoning or output),
    }
    model = msgspec.convert(table, Model)
    if not model.operations:
        raise ValueError(f"{model.id}: it must offer something: chat, fim or embeddings")
    if usd.output is None and model.generates:
        raise ValueError(f"{model.id}: usd_per_mtok needs an output price, because the model generates")
    if min(table["prices"].values()) < 0:
        raise ValueError(f"{model.id}: a price must not be negative")
    if model.context_tokens <= 0:
        raise ValueError(f"{model.id}: context_tokens must be positive")
    return model


def _check_tiers(tiers: tuple[Tier, ...]) -> None:
    ends = [tier.up_to_tokens for tier in tiers]
    if not ends or ends[-1] is not None or None in ends[:-1]:
        raise ValueError("the last tier, and only it, must have no up_to_tokens: every token needs a price")
    finite = [end for end in ends if end is not None]
    if finite != sorted(set(finite)) or (finite and finite[0] <= 0):
        raise ValueError("tiers must be in ascending order of up_to_tokens")
    if not all(0 <= tier.discount_percent <= 100 for tier in tiers):
        raise ValueError("discount_percent must lie between 0 and 100")
