"""`tollway models`, `credits` and `receipt`: what is offered, what is left, and what one request cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from tollway import Credits, Model, Money, Receipt
from tollway.cli import show
from tollway.cli.connect import connect

_ABILITIES = ("vision", "reasoning", "function_calling")
_OTHER_CLASSES = {"input_image": "image", "input_cached": "cached", "output_reasoning": "reasoning"}
_SAME_AS = {
    "input_image": "input_text",
    "input_cached": "input_text",
    "output_reasoning": "output_text",
}


def models(as_json: show.AsJson = False) -> None:
    """What is served here: context in tokens, and US dollars per million tokens."""
    with connect() as client:
        found = client.models.list()
    if as_json:
        show.as_json(found)
        return
    own = [name for name in _OTHER_CLASSES if _differs(found, name)]
    grid = show.table(
        "model", ">context", ">input", ">output", *(f">{_OTHER_CLASSES[name]}" for name in own),
        "vision", "reasoning", "tools",
    )  # fmt: skip
    for model in found:
        prices = model.prices_nanousd_per_mtok
        context = "" if model.max_context_length is None else f"{model.max_context_length:,}"
        grid.add_row(
            show.plain(model.id),
            context,
            *(show.price(prices.get(name)) for name in ("input_text", "output_text", *own)),
            *("yes" if model.capabilities.get(name) else "·" for name in _ABILITIES),
        )
    out = show.out()
    out.print(grid)
    out.print("\nprices are US dollars per million tokens", style="dim")


def _differs(found: Sequence[Model], name: str) -> bool:
    """Whether some model has a price of its own for these tokens."""
    prices = [model.prices_nanousd_per_mtok for model in found]
    return any(name in each and each[name] != each.get(_SAME_AS[name]) for each in prices)


def credits_left(as_json: show.AsJson = False) -> None:
    """What is left to spend, and the grants it comes from."""
    with connect() as client:
        found = client.credits.get()
    if as_json:
        show.as_json(found)
        return
    out = show.out()
    out.print(f"{found.remaining} left", style="bold")
    out.print(_where_it_went(found), style="dim")
    if found.grants:
        grid = show.table("grant", ">given", ">left", "given on", "expires")
        for grant in found.grants:
            grid.add_row(
                show.plain(grant.kind), str(grant.amount), str(grant.left),
                show.moment(grant.created_at)[:10], show.moment(grant.expires_at)[:10] or "never",
            )  # fmt: skip
        out.print()
        out.print(grid)


def _where_it_went(found: Credits) -> str:
    parts = [f"{Money(found.granted_nanousd)} granted", f"{Money(found.settled_nanousd)} spent"]
    if found.held_nanousd:
        parts.append(f"{Money(found.held_nanousd)} set aside for requests that run")
    if found.credit_limit_nanousd:
        parts.append(f"{Money(found.credit_limit_nanousd)} more on invoice")
    return " · ".join(parts)


def receipt(
    request_id: Annotated[str, typer.Argument(help="As the answer named it: req_…")],
    as_json: show.AsJson = False,
) -> None:
    """The bill of one request, line by line."""
    with connect() as client:
        found = client.receipts.get(request_id)
    if as_json:
        show.as_json(found)
        return
    out = show.out()
    out.print(found.request_id, style="bold")
    out.print(_what_it_was(found), style="dim", soft_wrap=True)
    out.print()
    discounted = any(line.discount_percent for line in found.lines)
    grid = show.table("tokens of", ">tokens", ">per million", *([">discount"] if discounted else []), ">cost")
    for line in found.lines:
        discount = [f"{line.discount_percent} %"] if discounted else []
        price = show.price(line.price_nanousd_per_mtok)
        grid.add_row(line.token_class, f"{line.tokens:,}", price, *discount, str(line.cost))
    tokens = sum(line.tokens for line in found.lines)
    show.total(grid, "total", f"{tokens:,}", "", *([""] if discounted else []), str(found.cost))
    out.print(grid)
    rule = "each line is tokens x price / 1,000,000" + (", less the discount" if discounted else "")
    out.print(f"\n{rule}, rounded up to a nano-dollar", style="dim")


def _what_it_was(found: Receipt) -> str:
    how = ["streamed"] if found.streamed else []
    how += ["tokens estimated"] if found.estimated else []
    return " · ".join([show.moment(found.created_at), found.model, found.outcome, *how, found.key_id])
