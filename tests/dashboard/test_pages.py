"""What pages say is what the ledger has."""

import csv
import io
import re
from collections.abc import Callable, Iterator

import pytest
import tollway
from sqlalchemy import update

from gateway.catalog.types import TOKEN_CLASSES
from gateway.kit.money import parse_usd
from gateway.metering.tables import usage_events
from gateway.statements.words import exact
from tests.dashboard.browsing import Browser, signed_in
from tests.fixtures.running import RunningGateway, eventually

Name = Callable[[], str]
M = "magistral-small-2509"


@pytest.fixture
def name(fresh: Name) -> str:
    return fresh()


@pytest.fixture
def key(gateway: RunningGateway, name: str) -> str:
    return gateway.account(name)


@pytest.fixture
def owner(gateway: RunningGateway, key: str, name: str) -> Iterator[Browser]:
    assert key
    with signed_in(gateway, f"{name}@example.com", **{name: "owner"}) as browser:
        yield browser


def base(gateway: RunningGateway, name: str) -> str:
    return f"/dashboard/accounts/{gateway.balance(name).account_id}"


def ask(gateway: RunningGateway, key: str, text: str = "ok") -> tollway.ChatCompletion:
    with tollway.Tollway(key, gateway.url) as client:
        return client.chat.complete(model=M, messages=text, prompt_mode=None, max_tokens=50)


def test_from_nothing_to_the_first_request(
    gateway: RunningGateway, owner: Browser, name: str, key: str
) -> None:
    home = base(gateway, name)
    empty = owner.page("/dashboard")
    assert "Nothing was asked yet." in empty
    assert gateway.url in owner.page(f"{home}/start")
    answer = ask(gateway, key)
    eventually(lambda: "<svg" in owner.page(home).split("Cost by day")[1], "the chart appears", timeout_s=3)
    page = owner.page(home)
    assert f"/requests/{answer.request_id}" in page
    assert f'title="{exact(answer.cost.nanousd)}"' in page
    receipt = owner.page(f"{home}/requests/{answer.request_id}")
    assert f"<strong>{exact(answer.cost.nanousd)}</strong>" in receipt
    assert "derived again just now, and the same" in receipt
    assert (
        owner.get(f"{home}/requests", params={"request_id": answer.request_id})
        .headers["location"]
        .endswith(answer.request_id)
    )


def test_a_receipt_that_was_touched_says_so(
    gateway: RunningGateway, owner: Browser, name: str, key: str
) -> None:
    answer = ask(gateway, key)
    gateway.settled_up(name)
    touched = (
        update(usage_events).where(usage_events.c.request_id == answer.request_id).values(worker="another")
    )
    gateway.database.write_now(lambda conn: conn.execute(touched))
    page = owner.page(f"{base(gateway, name)}/requests/{answer.request_id}")
    assert "derived again just now, and different" in page


def test_the_explorer_and_its_csv_add_up(
    gateway: RunningGateway, owner: Browser, name: str, key: str
) -> None:
    costs = [ask(gateway, key, f"ok tokens={number + 1}").cost.nanousd for number in range(5)]
    with pytest.raises(tollway.BadRequest):
        ask(gateway, key, "bad_status status=400")
    home = base(gateway, name)

    def rows() -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(owner.get(f"{home}/usage.csv").text)))

    eventually(lambda: sum(int(row["requests"]) for row in rows()) == 6, "all is summed", timeout_s=3)
    assert sum(parse_usd(row["cost_usd"]) for row in rows()) == sum(costs)
    assert sum(int(row["unbilled_requests"]) for row in rows()) == 1
    parts = [f"{name}_usd" for name in (*TOKEN_CLASSES, "unsplit")]
    assert sum(parse_usd(row[part]) for row in rows() for part in parts) == sum(costs)
    assert sum(int(row["completed_requests"]) for row in rows()) == 5
    assert sum(int(row["worker_refused_requests"]) for row in rows()) == 1
    for query in (
        "",
        "?group=token+class",
        "?group=outcome",
        "?group=outcome&measure=requests",
        "?measure=tokens&group=token+class",
        "?period=hour&since=&group=key&measure=requests",
        f"?model={M}",
    ):
        wanted = query.replace("since=", f"since={rows()[0]['day']}")
        page = owner.page(f"{home}/usage{wanted}")
        total, by_class = page.split("<tfoot>")[1:]
        assert exact(sum(costs)) in total, query
        assert exact(sum(costs)) in by_class, query
        assert {"worker refused</span>" in page, "16 %" in page} == {True}, query
        assert ("not split by" in page) == (query == "?group=outcome"), query
    assert "Output, text <span>" in owner.page(f"{home}/usage?group=token+class").split("legend")[1]
    endings = owner.page(f"{home}/usage?group=outcome&measure=requests").split("legend")[1]
    assert "completed <span>5" in endings
    overview = owner.page(home).split("How requests ended, 30 days")[1].split("Last requests")[0]
    assert "worker refused" in overview
    nothing = owner.page(f"{home}/usage?since=2020-01-01&until=2020-01-31")
    assert "Nothing in this time." in nothing


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("since=yesterday", "since"), ("measure=love", "Invalid enum value"), ("since=2026-01-02&until=2026-01-01", "1 to 400"),
        ("period=hour&since=2026-01-01&until=2026-02-01", "1 to 14"), ("since=0001-01-01", "1 to 400"),
    ],
)  # fmt: skip
def test_addresses_that_ask_for_what_there_is_not(
    gateway: RunningGateway, owner: Browser, name: str, query: str, why: str
) -> None:
    answer = owner.get(f"{base(gateway, name)}/usage?{query}")
    assert answer.status_code == 400
    assert "That cannot be shown" in answer.text
    assert why in answer.text or "isoformat" in answer.text


def test_requests_in_pieces(gateway: RunningGateway, owner: Browser, name: str, key: str) -> None:
    for _ in range(52):
        ask(gateway, key)
    gateway.settled_up(name)
    first = owner.page(f"{base(gateway, name)}/requests?model={M}")
    assert first.count("/requests/req_") == 50
    [older] = re.findall(r'href="([^"]+)" rel="next"', first)
    assert owner.page(older.replace("&amp;", "&")).count("/requests/req_") == 2


def test_a_key_from_its_making_to_its_end(gateway: RunningGateway, owner: Browser, name: str) -> None:
    home = base(gateway, name)
    keys = f"{home}/keys"
    made = owner.fill(keys, keys, name="jobs <script>", cap_day="0.00001")
    assert made.status_code == 200
    [secret] = re.findall(r'id="secret">(tw_\w+)<', made.text)
    assert "jobs &lt;script&gt;" in made.text
    assert secret not in owner.page(keys), "once"
    ask(gateway, secret)
    with pytest.raises(tollway.KeyCapReached):
        for _ in range(20):
            ask(gateway, secret, "ok tokens=50")
    [key_id] = re.findall(r'/keys/(key_\w+)">jobs &lt;', owner.page(keys))
    one = f"{keys}/{key_id}"
    capless = owner.fill(one, f"{one}/caps", name="jobs", cap_day="", cap_month="$3", cap_total="")
    assert capless.status_code == 303
    assert "of $3.00" in owner.page(capless.headers["location"])
    eventually(lambda: ask(gateway, secret) is not None, "the cap is gone")
    wrong = owner.fill(one, f"{one}/caps", name="jobs", cap_day="lots")
    assert (wrong.status_code, "the cap of a day" in wrong.text) == (400, True)
    [turned] = re.findall(r'id="secret">(tw_\w+)<', owner.fill(one, f"{one}/rotate").text)
    with pytest.raises(tollway.AuthenticationFailed):
        ask(gateway, secret)
    ask(gateway, turned)
    assert "revoked, for good" in owner.page(owner.fill(one, f"{one}/revoke").headers["location"])
    with pytest.raises(tollway.AuthenticationFailed):
        ask(gateway, turned)
    log = owner.page(f"{home}/log")
    for action in ("key.create", "key.change", "key.rotate", "key.revoke"):
        assert action in log
    assert secret not in log
    assert turned not in log


def test_billing_shows_what_was_given_and_what_is_due(
    gateway: RunningGateway, owner: Browser, name: str, key: str
) -> None:
    cost = ask(gateway, key).cost.nanousd
    home = base(gateway, name)
    eventually(lambda: ".pdf" in owner.page(f"{home}/billing"), "the month is listed", timeout_s=3)
    page = owner.page(f"{home}/billing")
    [month] = re.findall(rf'href="{home}/billing/(\d{{4}}-\d\d)"', page)
    assert exact(cost) in owner.page(f"{home}/billing/{month}")
    assert owner.get(f"{home}/billing/{month}.pdf").content.startswith(b"%PDF")
    assert owner.get(f"{home}/billing/November").status_code == 400


def test_an_operator_opens_accounts_and_gives_credit(gateway: RunningGateway, name: str, fresh: Name) -> None:
    with signed_in(gateway, f"op-{name}@example.com", operator=True) as operator:
        there = "/dashboard/operator/accounts"
        assert operator.fill(there, there, name=name, grant="2.5").status_code == 303
        account_id = gateway.balance(name).account_id
        grants = f"/dashboard/operator/accounts/{account_id}/grants"
        assert operator.fill(there, grants, amount="1", kind="promotion", reason="welcome").status_code == 303
        assert gateway.balance(name).granted_nanousd == 3_500_000_000
        assert operator.fill(there, grants, amount="-99", kind="correction").status_code == 409
        assert "welcome" in operator.page(f"/dashboard/accounts/{account_id}/billing")
        assert "account.grant" in operator.page(f"/dashboard/accounts/{account_id}/log")
        report = operator.page("/dashboard/operator/ledger?check=true")
        assert "follows from the immutable rows" in report or "1 difference:" in report
        workers = "/dashboard/operator/workers"
        [worker] = set(re.findall(r'name="name" value="([^"]+)"', operator.page(workers)))
        assert operator.fill(workers, workers).status_code == 303
        assert "drained" in operator.page(workers)
        assert operator.fill(workers, workers).status_code == 303
        assert worker in operator.page(workers)
        assert "In all" not in operator.page("/dashboard/operator/prices")


def test_members(gateway: RunningGateway, owner: Browser, name: str) -> None:
    home = base(gateway, name)
    members = f"{home}/members"
    invited = owner.fill(members, members, email=f"New-{name}@Example.com", role="viewer")
    [link] = re.findall(r'id="link">http://[^/]+(/dashboard/link/[\w-]+)<', invited.text)
    with Browser(gateway) as newcomer:
        assert newcomer.fill(link, link).status_code == 303
        assert newcomer.get(home).status_code == 200
        assert newcomer.get(members).status_code == 403
        [person_id] = [
            each for each, form in re.findall(r'members/(per_\w+)" class="inline">(.*?)</form>', owner.page(members), re.DOTALL)
            if f"new-{name}@example.com" in form
        ]  # fmt: skip
        assert owner.fill(members, f"{members}/{person_id}", role="admin").status_code == 303
        assert newcomer.get(members).status_code == 200
        assert newcomer.fill(members, members, email=f"x-{name}@example.com", role="owner").status_code == 403
        again = owner.fill(members, members, email=f"new-{name}@example.com", role="viewer")
        assert (again.status_code, "a member already" in again.text) == (409, True)
        mine = next(
            each for each in re.findall(r"members/(per_\w+)", owner.page(members)) if each != person_id
        )
        alone = owner.fill(members, f"{members}/{mine}", role="none")
        assert (alone.status_code, "at least one owner" in alone.text) == (409, True)
        assert owner.fill(members, f"{members}/{person_id}", role="none").status_code == 303
        assert newcomer.get(home).status_code == 404
    log = owner.page(f"{home}/log")
    assert all(action in log for action in ("member.invite", "member.change", "member.remove"))


def test_pages_need_nothing_from_elsewhere(gateway: RunningGateway, owner: Browser, name: str) -> None:
    answer = owner.get(base(gateway, name))
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert not re.findall(r'(?:src|href)="(?!/dashboard)', answer.text.replace('href="#content"', ""))
    assert " style=" not in answer.text
    assert " onclick" not in answer.text
    for address in re.findall(r'(?:src|href)="(/dashboard/static/[^"]+)"', answer.text):
        static = owner.get(address)
        assert (static.status_code, "immutable" in static.headers["cache-control"]) == (200, True)
    assert owner.get("/dashboard/static/..%2frender.py").status_code == 404
    assert owner.get("/dashboard/static/nothing.css").status_code == 404
