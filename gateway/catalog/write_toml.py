"""A price book as TOML, as people would write it: what `read_toml` reads back as the same book."""

import json
from collections.abc import Iterator

import msgspec

from gateway.catalog.types import Model, PriceBook, Prices
from gateway.kit.clock import rfc3339
from gateway.kit.money import format_usd


def write(book: PriceBook) -> str:
    """The published book as a document.  Comments of the file that it came from are not in the ledger."""
    lines = [
        f"version = {book.version}",
        f"effective_from = {rfc3339(book.effective_from_us).replace('.000000', '')}",
        "",
        "[grants]",
        f'sign_up_usd = "{_usd(book.sign_up_nanousd)}"',
        f'monthly_free_usd = "{_usd(book.monthly_free_nanousd)}"',
    ]
    for tier in book.tiers:
        lines += ["", "[[tiers]]"]
        lines += [] if tier.up_to_tokens is None else [f"up_to_tokens = {tier.up_to_tokens:_}"]
        lines.append(f"discount_percent = {tier.discount_percent}")
    for model in book.models:
        lines += ["", "[[models]]", *_model(model)]
    return "\n".join(lines) + "\n"


def _model(model: Model) -> Iterator[str]:
    """Only what is not as it would be without it."""
    for field in msgspec.structs.fields(Model):
        value = getattr(model, field.name)
        if field.name == "prices":
            yield f"usd_per_mtok = {_table(_prices(model.prices, generates=model.generates))}"
        elif value != _default(field):
            yield f"{field.name} = {_value(value)}"


def _prices(prices: Prices, *, generates: bool) -> dict[str, object]:
    written = {"input": prices.input_text, "output": prices.output_text}
    if not generates and not prices.output_text:
        del written["output"]
    if prices.input_image != prices.input_text:
        written["image"] = prices.input_image
    if prices.input_cached != prices.input_text:
        written["cached"] = prices.input_cached
    if prices.output_reasoning != prices.output_text:
        written["reasoning"] = prices.output_reasoning
    return {name: _usd(nanousd) for name, nanousd in written.items()}


def _default(field: msgspec.structs.FieldInfo) -> object:
    made = field.default_factory
    return field.default if made is msgspec.NODEFAULT else made()


def _value(value: object) -> str:
    if isinstance(value, msgspec.Struct):
        value = {
            field.name: getattr(value, field.name)
            for field in msgspec.structs.fields(value)
            if getattr(value, field.name) != _default(field)
        }
    if isinstance(value, dict):
        return _table(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    # TOML writes strings, whole numbers and truth values as JSON does; but JSON lets DEL stand.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _table(fields: dict[str, object]) -> str:
    return f"{{ {', '.join(f'{_key(name)} = {_value(value)}' for name, value in fields.items())} }}"


def _key(name: str) -> str:
    return name if name.isascii() and name.isidentifier() else _value(name)


def _usd(nanousd: int) -> str:
    """As few decimals as say it, and two at least."""
    dollars, _, nanos = format_usd(nanousd).partition(".")
    return f"{dollars}.{nanos.rstrip('0').ljust(2, '0')}"
