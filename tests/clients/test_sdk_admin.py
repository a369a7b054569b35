"""`tollway.admin` against a real gateway, blocking and with asyncio: an operator's whole day, and no route without a method."""

import asyncio
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import pytest
import tollway
from tollway import Money
from tollway.admin import Admin, AsyncAdmin

from gateway.api.openapi.document import operations
from tests.fixtures.running import RunningGateway
from tests.fixtures.scripted import ScriptedWorker

M = "magistral-small-2509"
SPARE = "http://127.0.0.1:9"
NEXT_PRICES = re.sub(
    r"^version = .*\neffective_from = .*$",
    "version = 99\neffective_from = 2099-01-01T00:00:00Z",
    resources.files("gateway.catalog").joinpath("price_book.toml").read_text("utf-8"),
    count=1,
    flags=re.MULTILINE,
)


class Operator:
    """`ask` does something with whichever client this is; `asked` has what went over the wire."""

    def __init__(self, kind: str, gateway: RunningGateway) -> None:
        self.kind, self.gateway, self._key = kind, gateway, gateway.operator()
        self.asked: set[tuple[str, str]] = set()

    def ask(self, act: Callable[[Any], Any]) -> Any:
        if self.kind == "blocking":
            with httpx.Client(event_hooks={"request": [self._note]}, trust_env=False) as http:
                return act(Admin(self._key, self.gateway.url, http_client=http))

        async def note(request: httpx.Request) -> None:
            self._note(request)

        async def run() -> Any:
            async with httpx.AsyncClient(event_hooks={"request": [note]}, trust_env=False) as http:
                acted = act(AsyncAdmin(self._key, self.gateway.url, http_client=http))
                return await acted if inspect.isawaitable(acted) else acted

        return asyncio.run(run())

    def _note(self, request: httpx.Request) -> None:
        self.asked.add((request.method, request.url.path))


@pytest.fixture(params=["blocking", "asyncio"])
def operator(request: pytest.FixtureRequest, tmp_path: Path, worker: ScriptedWorker) -> Iterator[Operator]:
    with RunningGateway(tmp_path / "data", worker.url) as gateway:
        yield Operator(request.param, gateway)


def test_a_day(operator: Operator) -> None:
    """From an account's opening to its bill; at its end every route of the admin API was asked."""
    request_id, cost = _an_account_spends(operator)
    _its_bill(operator, request_id, cost)
    _the_books_are_right(operator, cost)
    _who_did_it(operator)
    _prices(operator)
    _workers(operator)
    _payments(operator)
    assert "tollway_requests_in_flight" in operator.ask(lambda admin: admin.metrics())
    there_are = [(each.method.upper(), each.path) for each in operations() if each.tag == "admin"]
    assert len(there_are) > 20
    for method, template in there_are:
        path = re.compile(re.sub(r"{\w+}", "[^/]+", template))
        assert any(verb == method and path.fullmatch(asked) for verb, asked in operator.asked), (
            f"{method} {template} has no method, or none that this test calls"
        )


def _payments(operator: Operator) -> None:
    """This gateway takes none, and says so; with Stripe: tests/billing."""
    status = operator.ask(lambda admin: admin.payments.status())
    assert not status.outbox and not status.suspensions
    assert list(operator.ask(lambda admin: admin.payments.invoices())) == []
    with pytest.raises(tollway.ServerError, match="stripe_api_key"):
        operator.ask(lambda admin: admin.payments.reconcile())
    with pytest.raises(tollway.APIStatusError):
        operator.ask(lambda admin: admin.payments.retry("inv:none"))
    with pytest.raises(tollway.NotFound):
        operator.ask(lambda admin: admin.payments.lift_suspension("acme", "dp_none"))


def _an_account_spends(operator: Operator) -> tuple[str, Money]:
    ask = operator.ask
    account = ask(lambda admin: admin.accounts.create("Gauß & Söhne", grant_usd="0.5"))
    assert ask(lambda admin: admin.accounts.list()) == [account]
    given = ask(
        lambda admin: admin.accounts.grant(
            account.name, "0.25", kind="promotion", reason="hello", priority=3,
            expires_at=datetime(2098, 1, 1, tzinfo=UTC),
        )
    )  # fmt: skip
    assert (given.amount, given.kind, given.reason, given.priority) == (
        Money.from_usd("0.25"),
        "promotion",
        "hello",
        3,
    )
    assert given.expires_at == "2098-01-01T00:00:00.000000Z"
    limit = ask(lambda admin: admin.accounts.set_credit_limit(account.id, 2))
    assert limit.credit_limit == Money.from_usd(2)
    balance = ask(lambda admin: admin.accounts.credits(account.id))
    assert (balance.available, len(balance.grants)) == (Money.from_usd("2.75"), 2)
    assert balance.grants[1].left_nanousd == 250_000_000
    project = ask(lambda admin: admin.projects.create(account.name, "builds", cap_day_usd="1"))
    made = ask(
        lambda admin: admin.keys.create(
            account.name, "ci", cap_day_usd="0.000001", manages_keys=True, project="builds"
        )
    )
    assert (made.manages_keys, made.cap_day_usd, made.project_id) == (True, "0.000001000", project.id)
    changed = ask(lambda admin: admin.keys.change(made.id, cap_day_usd=None, policy="local-only"))
    assert (changed.cap_day_usd, changed.policy, changed.manages_keys) == (None, "local-only", True)
    _is_limited(operator, account.name, made.id)
    turned = ask(lambda admin: admin.keys.rotate(made.id))
    with tollway.Tollway(turned.key, operator.gateway.url) as client:
        answer = client.chat.complete(model=M, messages="ok", max_tokens=50, prompt_mode=None)
    operator.gateway.settled_up(account.name)
    [spent] = ask(lambda admin: admin.projects.list(account.name))
    assert (spent.spent_day, spent.name) == (answer.cost, "builds")
    [row] = ask(lambda admin: admin.usage.list("project", project_id=project.id))
    assert (row.project_name, row.cost) == ("builds", answer.cost)
    assert ask(lambda admin: admin.keys.revoke(made.id)).revoked_at is not None
    assert ask(lambda admin: admin.projects.change(project.id, archived=True)).archived_at is not None
    assert {key.name for key in ask(lambda admin: admin.keys.list())} == {"op", "ci"}
    return answer.request_id, answer.cost


def _is_limited(operator: Operator, account: str, key_id: str) -> None:
    ask = operator.ask
    limits = ask(
        lambda admin: admin.accounts.set_limits(account, requests_per_minute=50, concurrency="unlimited")
    )
    assert (limits.requests_per_minute, limits.concurrency, limits.own.concurrency) == (50, None, "unlimited")
    assert ask(lambda admin: admin.accounts.limits(account)) == limits
    of_key = ask(
        lambda admin: admin.keys.set_limits(key_id, requests_per_minute=40, input_tokens_per_minute=None)
    )
    assert (of_key.key_id, of_key.own.requests_per_minute) == (key_id, 40)
    assert ask(lambda admin: admin.keys.limits(key_id)) == of_key


def _its_bill(operator: Operator, request_id: str, cost: Money) -> None:
    ask, month = operator.ask, datetime.now(UTC).strftime("%Y-%m")
    receipt = ask(lambda admin: admin.receipts.get(request_id))
    [account] = ask(lambda admin: admin.accounts.list())
    assert (receipt.cost, receipt.account_id) == (cost, account.id)
    [row] = ask(lambda admin: admin.usage.list())
    assert (row.account_name, row.requests, row.cost) == (account.name, 1, cost)
    [row] = ask(
        lambda admin: admin.usage.list("key", account=account.id, model=M, since="2026-01-01T00:00:00Z")
    )
    assert (row.key_name, row.cost, row.account_id) == ("ci", cost, None)
    statement = ask(lambda admin: admin.accounts.statement(account.name, month))
    assert (statement.total, statement.requests, statement.final) == (cost, 1, False)
    assert sum((line.cost for line in statement.lines), Money(0)) == cost
    assert sum((applied.amount for applied in statement.applied), Money(0)) == cost
    assert statement.due == Money(0)
    page = ask(lambda admin: admin.accounts.statement_file(account.name, month, "html"))
    assert page.startswith(b"<!doctype html>")
    assert "Gauß &amp; Söhne".encode() in page


def _the_books_are_right(operator: Operator, cost: Money) -> None:
    report = operator.ask(lambda admin: admin.ledger.audit())
    assert (report.ok, report.accounts, report.events, report.settled) == (True, 1, 1, cost)
    assert all(row.worker for row in operator.ask(lambda admin: admin.ledger.drift()))


def _who_did_it(operator: Operator) -> None:
    page = operator.ask(lambda admin: admin.log.list(action="account.", limit=3))
    assert [line.action for line in page.data] == ["account.limits", "account.limit", "account.grant"]
    assert (page.has_more, page.data[1].after) == (True, {"credit_limit_nanousd": 2_000_000_000})
    [opened] = operator.ask(
        lambda admin: admin.log.list(
            "Gauß & Söhne", "2026-01-01T00:00:00Z", actor="key:", action="account.", after=page.last_id
        )
    )
    assert (opened.action, opened.before, opened.target) == ("account.open", None, "Gauß & Söhne")


def _prices(operator: Operator) -> None:
    book = operator.ask(lambda admin: admin.prices.publish(NEXT_PRICES))
    assert (book.version, book.effective_from) == (99, "2099-01-01T00:00:00.000000Z")
    first, last = operator.ask(lambda admin: admin.prices.list())
    assert (first.in_force, last.in_force) == (True, False)
    assert {model.id: model.prices["input_text"] for model in last.models}[M] == 200_000_000
    assert last.tiers[-1].up_to_tokens is None


def _workers(operator: Operator) -> None:
    ask = operator.ask
    [own] = ask(lambda admin: admin.workers.list())
    added = ask(lambda admin: admin.workers.add(SPARE, models=[M], weight=2, concurrency_max=4))
    assert [worker.name for worker in added] == [own.name, SPARE]
    changed = ask(lambda admin: admin.workers.change(SPARE, cordoned=True, concurrency_max=None))[1]
    assert (changed.cordoned, changed.weight, changed.concurrency_max) == (True, 2, None)
    assert [worker.name for worker in ask(lambda admin: admin.workers.remove(SPARE))] == [own.name]


def test_refusals(operator: Operator) -> None:
    with pytest.raises(tollway.NotFound, match="nobody"):
        operator.ask(lambda admin: admin.accounts.credits("nobody"))
    operator.ask(lambda admin: admin.accounts.create("acme"))
    with pytest.raises(tollway.Conflict, match="acme"):
        operator.ask(lambda admin: admin.accounts.create("acme"))
    with pytest.raises(tollway.BadRequest, match="month"):
        operator.ask(lambda admin: admin.accounts.statement("acme", "November"))
    with pytest.raises(ValueError, match="a lot"):
        operator.ask(lambda admin: admin.accounts.grant("acme", "a lot"))
    with pytest.raises(tollway.Conflict, match="correction"):
        operator.ask(lambda admin: admin.accounts.grant("acme", "-1000", kind="correction"))
    with pytest.raises(ValueError, match="timezone"):
        operator.ask(lambda admin: admin.usage.list(since=datetime(2026, 1, 1)))  # noqa: DTZ001
    with pytest.raises(tollway.BadRequest, match="toml"):
        operator.ask(lambda admin: admin.prices.publish("prices"))


def test_whose_key(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = operator.gateway.account("acme")
    with Admin(customer, operator.gateway.url) as admin, pytest.raises(tollway.PermissionDenied):
        admin.accounts.list()
    monkeypatch.setenv("TOLLWAY_API_KEY", customer)
    monkeypatch.delenv("TOLLWAY_ADMIN_KEY", raising=False)
    for client in (Admin, AsyncAdmin):
        with pytest.raises(tollway.TollwayError, match="TOLLWAY_ADMIN_KEY"):
            client()
    monkeypatch.setenv("TOLLWAY_ADMIN_KEY", operator.gateway.operator())
    monkeypatch.setenv("TOLLWAY_BASE_URL", operator.gateway.url)
    with Admin() as admin:
        assert [account.name for account in admin.accounts.list()] == ["acme"]


def test_both_have_the_same_methods() -> None:
    blocking, waiting = Admin("twop_k"), AsyncAdmin("twop_k")
    for name, resource in vars(blocking).items():
        if name.startswith("_"):
            continue
        twin = getattr(waiting, name)
        for method in (each for each in dir(resource) if not each.startswith("_")):
            here, there = getattr(resource, method), getattr(twin, method)
            assert inspect.iscoroutinefunction(there)
            assert inspect.signature(here) == inspect.signature(there), f"{name}.{method}"


def test_the_package_does_without_it() -> None:
    """Importing tollway is quick: this is only for operators."""
    code = "import sys, tollway; sys.exit('tollway.admin' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
