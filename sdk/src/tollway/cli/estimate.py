"""`tollway estimate`: what files would cost, each as one message; nothing runs and nothing is charged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer

from tollway import Estimate, Message, Model, Money, PromptFields, Tollway, TollwayError, image, user
from tollway.cli import show
from tollway.cli.connect import chat_model, connect, is_logged_in

AT_ONCE = 8
"""Files that the gateway counts at the same time."""
OFFLINE_MODEL = "magistral-small-2509"
"""Whose tokenizer counts offline."""

Row = tuple[str, Estimate | TollwayError]


def estimate(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Texts and pictures (PNG, JPEG, GIF, WebP).")
    ],
    model: show.ModelName = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="The longest answer.", show_default=False)
    ] = None,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Count here, with Magistral's tokenizer; files stay on this machine."),
    ] = False,
    as_json: show.AsJson = False,
) -> None:
    """What files would cost at most, each as one message.  Exit status 1 if one cannot be counted."""
    with _client(offline=offline) as client:
        card = _prices(client, model or OFFLINE_MODEL) if offline else chat_model(client, model)
        name = card.id if card else model or OFFLINE_MODEL

        def count(path: str) -> Estimate | TollwayError:
            fields: PromptFields = {"model": name, "messages": [], "max_tokens": max_tokens}
            try:
                fields["messages"] = [_message(path)]
                return client.estimate(offline=offline, card=card, **fields)
            except TollwayError as error:
                return error

        if offline:
            client.estimate(offline=True, model=name, messages="x")  # or says what is not installed
        rows = _count_all(files, count, at_once=1 if offline else AT_ONCE)
    if as_json:
        show.as_json(_fields(name, rows))
    else:
        _print(name, rows, offline=offline)
    if any(isinstance(found, TollwayError) for _, found in rows):
        raise typer.Exit(1)


def _client(*, offline: bool) -> Tollway:
    """Offline nobody need be logged in."""
    if not offline:
        return connect()
    return Tollway(None if is_logged_in() else "nobody", max_retries=0)


def _prices(client: Tollway, name: str) -> Model | None:
    """All that a count offline asks for; it does without if there is nobody to ask."""
    try:
        return client.models.get(name)
    except TollwayError as error:
        show.remark(f"tokens only, for the prices are not known: {error.message}")
        return None


def _message(path: str) -> Message:
    """What the file holds, told by its content.  Raises TollwayError."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise TollwayError(f"cannot be read: {error.strerror}") from error
    try:
        return user(image(content))
    except ValueError:
        pass  # no picture, so it is a text, or nothing that can be counted
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise TollwayError("neither UTF-8 text nor a PNG, JPEG, GIF or WebP picture") from error
    return user(text)


def _count_all(
    files: Sequence[str], count: Callable[[str], Estimate | TollwayError], at_once: int
) -> list[Row]:
    """In the order of the files."""
    rows: list[Row] = []
    with show.progress("counting", len(files)) as step, ThreadPoolExecutor(at_once) as pool:
        try:
            for path, found in zip(files, pool.map(count, files), strict=True):
                rows.append((path, found))
                step()
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    return rows


def _total(rows: Sequence[Row]) -> tuple[list[Estimate], Money | None]:
    """What could be counted, and what that costs; None: the prices are not known."""
    counted = [found for _, found in rows if isinstance(found, Estimate)]
    costs = [each.cost_max_nanousd for each in counted if each.cost_max_nanousd is not None]
    return counted, Money(sum(costs)) if len(costs) == len(counted) else None


def _print(name: str, rows: Sequence[Row], *, offline: bool) -> None:
    counted, cost = _total(rows)
    problems = len(counted) < len(rows)
    grid = show.table(
        "file", ">text", ">image", ">longest answer", ">costs at most", *(["problem"] if problems else [])
    )
    for path, found in rows:
        cells = _cells(found) if isinstance(found, Estimate) else ("", "", "", "")
        problem = [show.plain(found.message)] if isinstance(found, TollwayError) else [""] * problems
        grid.add_row(show.plain(path), *cells, *problem)
    text, pictures = sum(each.text_tokens for each in counted), sum(each.image_tokens for each in counted)
    said = f"total of {len(counted)}" if problems else "total"
    show.total(grid, said, f"{text:,}", f"{pictures:,}", "", _money(cost), *([""] if problems else []))
    out = show.out()
    out.print(grid)
    out.print(
        f"\ntokens of {name}{', counted here' if offline else ''}{'; cost at list price' if cost else ''}",
        style="dim",
    )
    available = next((each.available for each in counted if each.available is not None), None)
    if available is not None and cost is not None:
        enough = "enough for all of it" if cost <= available else "not enough for all of it"
        out.print(f"{available} left, {enough}", style="dim")


def _cells(found: Estimate) -> tuple[str, str, str, str]:
    return (
        f"{found.text_tokens:,}",
        f"{found.image_tokens:,}",
        f"{found.max_tokens:,}",
        _money(found.cost_max),
    )


def _money(amount: Money | None) -> str:
    return "—" if amount is None else str(amount)


def _fields(name: str, rows: Sequence[Row]) -> dict[str, Any]:
    counted, cost = _total(rows)
    total = {"prompt_tokens": sum(each.prompt_tokens for each in counted), **_cost_fields(cost)}
    return {"model": name, "files": [_file_fields(*row) for row in rows], "total": total}


def _file_fields(path: str, found: Estimate | TollwayError) -> dict[str, Any]:
    if isinstance(found, TollwayError):
        return {"file": path, "error": found.message}
    counts = {
        name: getattr(found, name) for name in ("prompt_tokens", "text_tokens", "image_tokens", "max_tokens")
    }
    return {"file": path, **counts, **_cost_fields(found.cost_max)}


def _cost_fields(cost: Money | None) -> dict[str, Any]:
    return {
        "cost_max_nanousd": None if cost is None else cost.nanousd,
        "cost_max_usd": None if cost is None else cost.usd,
    }
