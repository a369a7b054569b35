"""Every public name has a docstring, every method an example and its errors; and the examples run, against a real gateway."""

import ast
import asyncio
import inspect
import re
import textwrap
import uuid
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import tollway
import tollway.admin
import tollway.webhooks

from gateway.keys.create import create_key
from gateway.keys.types import DATA_SCOPES
from gateway.start import key_secret
from tests.docs.surface import Public, surface
from tests.fixtures.capable import CHAT, CapableWorker
from tests.fixtures.paid import invoiced, paid_gateway, save_card
from tests.fixtures.running import RunningGateway
from tests.sdk.test_webhooks import BODY as MESSAGE
from tests.sdk.test_webhooks import SECRET, signed
from tests.tokens.pictures import encoded

PUBLIC = list(surface())
CALLED = [each for each in PUBLIC if each.is_called]

EXAMPLE = re.compile(
    r"Example: `([^`]+)`|^`[\w.]+`[^`]*: `([^`]+)`|^Example:\n((?: {4}.*\n?|\n)+)", re.MULTILINE
)
"""In one line, in one line after the name of the blocking twin, or in some lines."""

RAISES_NOTHING = {
    "ChatCompletion.as_message", "ToolCall.as_json", "Tool.as_json", "user", "Tollway.close", "ChatStream.close",
    "Admin.close",
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
    "invoice": lambda client: client.invoices.list().data[0],
    "project": lambda client: client.projects.create(uuid.uuid4().hex),
    "alert": lambda client: client.alerts.create("credit_days", thresholds=[7]),
    "page": lambda _: "The A1 costs 4.20.",
    "messages": lambda _: [],
    "tools": lambda _: [toll],
    "secret": lambda _: SECRET,
    "body": lambda _: MESSAGE,
    "headers": lambda _: signed(MESSAGE, secret=SECRET),
    "before": lambda _: encoded("PNG", 32, 32),
    "after": lambda _: encoded("JPEG", 32, 32),
    **{each.__name__: lambda _, each=each: each for each in (toll, Toll, Invoice, dataclass, Path)},
}
"""What an example may take for granted, beside `client`, `admin`, `stream` and `tollway`; made where it is named."""
DEAD = "http://127.0.0.1:9"
"""Where nobody listens: the operators' examples add it."""


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
def taking(_capable: CapableWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """As `capable_gateway`, and it takes cards."""
    options = {"mistral_url": _capable.url, "mistral_api_key": "mistral-secret", "first_byte_timeout_s": 30.0}
    with paid_gateway(tmp_path_factory.mktemp("taking"), _capable.url, **options) as (running, _):
        yield running


@pytest.fixture(scope="module")
def reader(taking: RunningGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tollway.Tollway]:
    """Works with a key that manages keys and pays, in a folder with a picture."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "sign.png").write_bytes(encoded("PNG", 320, 200))
    taking.account("reader-of-docstrings")
    account_id, secret = taking.balance("reader-of-docstrings").account_id, key_secret(taking.settings)
    _, key = taking.database.write_now(
        lambda conn: create_key(conn, kind="account", account_id=account_id, name="reads", key_secret=secret,
                                caps={"scopes": DATA_SCOPES}, manages_keys=True)
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch, tollway.Tollway(key, taking.url) as client:
        patch.setenv("TOLLWAY_API_KEY", key)
        patch.setenv("TOLLWAY_BASE_URL", taking.url)
        patch.setenv("TOLLWAY_ADMIN_KEY", taking.operator())
        patch.chdir(folder)
        (folder / "prices.toml").write_text(next_prices(), "utf-8")
        taking.account("acme")
        client.credits.top_up(10)
        save_card(taking, account_id)
        invoiced(taking, account_id, "2026-10")
        yield client


def next_prices() -> str:
    """A version that takes effect when no test runs any more.  Publishing it again changes nothing."""
    here = resources.files("gateway.catalog").joinpath("price_book.toml").read_text("utf-8")
    later = "version = 99\neffective_from = 2099-01-01T00:00:00Z"
    return re.sub(r"^version = .*\neffective_from = .*$", later, here, count=1, flags=re.MULTILINE)


def prepared(code: str) -> str:
    """An operator's example, for a gateway on which another one may have run: a worker that is there or not."""
    with tollway.admin.Admin() as admin:
        there = any(worker.name == DEAD for worker in admin.workers.list())
        if "workers.add" in code and there:
            admin.workers.remove(DEAD)
        if DEAD in code and "workers.add" not in code and not there:
            admin.workers.add(DEAD)
    return code


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
    code = prepared(code) if re.search(r"\badmin\b", code) else code
    code = re.sub("gauss|noether|indexing", f"new-{uuid.uuid4().hex[:8]}", code)  # names are taken once
    if ASYNC.search(code):
        asyncio.run(_run_async(code, names))
    else:
        with ExitStack() as stack:
            names["client"] = stack.enter_context(tollway.Tollway())
            names["admin"] = stack.enter_context(tollway.admin.Admin())
            if "stream." in code:
                names["stream"] = stack.enter_context(reader.chat.stream(model=CHAT, messages="Hello"))
            assert _run(code, names) is not False, "a comparison holds"
            names["client"].close()  # which may be one of its own


async def _run_async(code: str, names: dict[str, Any]) -> None:
    async with AsyncExitStack() as stack:
        names["client"] = client = await stack.enter_async_context(tollway.AsyncTollway())
        names["admin"] = await stack.enter_async_context(tollway.admin.AsyncAdmin())
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
