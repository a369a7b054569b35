"""Every public name has a docstring, every method an example and its errors; and the examples run, against a real gateway."""

import ast
import asyncio
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import tollway

from gateway.keys.store import change_key
from tests.docs.surface import Public, surface
from tests.fixtures.capable import CHAT, CapableWorker
from tests.fixtures.running import RunningGateway
from tests.tokens.pictures import encoded

PUBLIC = list(surface())
CALLED = [each for each in PUBLIC if each.is_called]

EXAMPLE = re.compile(
    r"Example: `([^`]+)`|^`[\w.]+`[^`]*: `([^`]+)`|^Example:\n((?: {4}.*\n?|\n)+)", re.MULTILINE
)
"""In one line, in one line after the name of the blocking twin, or in some lines."""

RAISES_NOTHING = {
    "ChatCompletion.as_message", "ToolCall.as_json", "Tool.as_json", "user", "Tollway.close", "ChatStream.close",
}  # fmt: skip
"""They rearrange what is there, or let go of it."""

NOT_RUN: dict[str, str] = {}
"""Whose example cannot run here, and why."""


@dataclass
class Toll:
    road: str
    cents: int


@dataclass
class Invoice:
    total: int


def toll(axles: int) -> str:
    """The toll for a vehicle."""
    return f"{3 * axles} dollars"


NAMES: dict[str, Callable[[tollway.Tollway], Any]] = {
    "m": lambda _: CHAT,
    "answer": lambda client: client.chat.complete(model=CHAT, messages="5 axles?", tools=[toll]),
    "key": lambda client: client.keys.create("jobs"),
    "page": lambda _: "The A1 costs 4.20.",
    "messages": lambda _: [],
    "tools": lambda _: [toll],
    "before": lambda _: encoded("PNG", 32, 32),
    "after": lambda _: encoded("JPEG", 32, 32),
    **{each.__name__: lambda _, each=each: each for each in (toll, Toll, Invoice, dataclass)},
}
"""What an example may take for granted, beside `client`, `stream` and `tollway`; made where it is named."""


def examples(public: Public) -> list[str]:
    return [textwrap.dedent(next(filter(None, found))).strip() for found in EXAMPLE.findall(public.doc)]


@pytest.mark.parametrize("public", PUBLIC, ids=lambda each: each.name)
def test_it_says_what_it_is(public: Public) -> None:
    assert public.doc
    assert public.doc[0].isupper() or public.doc[0] == "`", public.doc


@pytest.mark.parametrize("public", CALLED, ids=lambda each: each.name)
def test_a_method_has_an_example_and_names_its_errors_or_its_twin(public: Public) -> None:
    assert examples(public)
    if public.owner is not None and public.owner.__name__.startswith("Async"):
        assert f"`{public.name.removeprefix('Async')}`" in public.doc
    elif public.name in RAISES_NOTHING:
        assert "raise" not in public.doc.lower()
    else:
        assert "raise" in public.doc.lower() or "comes through" in public.doc


@pytest.fixture(scope="module")
def reader(
    capable_gateway: RunningGateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tollway.Tollway]:
    """Works with a key that manages keys, in a folder with a picture."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "sign.png").write_bytes(encoded("PNG", 320, 200))
    key = capable_gateway.account("reader-of-docstrings")
    with pytest.MonkeyPatch.context() as patch, tollway.Tollway(key, capable_gateway.url) as client:
        patch.setenv("TOLLWAY_API_KEY", key)
        patch.setenv("TOLLWAY_BASE_URL", capable_gateway.url)
        patch.chdir(folder)
        [own] = client.keys.list()
        capable_gateway.database.write_now(lambda conn: change_key(conn, own.id, {"manages_keys": True}))
        yield client


RUN = [
    pytest.param(code, id=f"{each.name}-{number}")
    for each in PUBLIC
    for number, code in enumerate(examples(each))
    if each.name not in NOT_RUN
]
ASYNC = re.compile(r"\bawait\b|\basync\b")


@pytest.mark.parametrize("code", RUN)
def test_it_runs(code: str, reader: tollway.Tollway, capable: CapableWorker) -> None:
    names: dict[str, Any] = {"tollway": tollway, "__name__": __name__}
    names |= {name: make(reader) for name, make in NAMES.items() if re.search(rf"\b{name}\b", code)}
    if ASYNC.search(code):
        asyncio.run(_run_async(code, names))
    else:
        with ExitStack() as stack:
            names["client"] = stack.enter_context(tollway.Tollway())
            if "stream." in code:
                names["stream"] = stack.enter_context(reader.chat.stream(model=CHAT, messages="Hello"))
            assert _run(code, names) is not False, "a comparison holds"
            names["client"].close()  # which may be one of its own


async def _run_async(code: str, names: dict[str, Any]) -> None:
    async with AsyncExitStack() as stack:
        names["client"] = client = await stack.enter_async_context(tollway.AsyncTollway())
        if "stream." in code:
            names["stream"] = await stack.enter_async_context(
                client.chat.stream(model=CHAT, messages="Hello")
            )
        done = _run(code, names)
        if inspect.isawaitable(done):
            await done


def _run(code: str, names: dict[str, Any]) -> Any:
    """What an expression gives; of top-level awaits a coroutine."""
    try:
        compiled = compile(code, "docstring", "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError:
        compiled = compile(code, "docstring", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return eval(compiled, names)


def test_nobody_is_on_a_list_for_nothing() -> None:
    assert RAISES_NOTHING | NOT_RUN.keys() <= {each.name for each in PUBLIC}
    assert len(CALLED) > 40, "the search itself is not broken"
