"""What an account may spend, over HTTP: grants, limits, caps, `max_cost_usd`, prices to come, statements."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.fixtures.running import RunningGateway, chat, eventually
from tests.fixtures.scripted import ScriptedWorker

Name = Callable[[], str]
BOOK = Path("gateway/catalog/price_book.toml").read_text("utf-8")
PATH = "/v1/chat/completions"
ASK = chat("ok tokens=5", max_tokens=5)


@pytest.fixture
def admin(gateway: RunningGateway) -> Iterator[httpx.Client]:
    with gateway.api(gateway.operator()) as api:
        yield api


@pytest.fixture
def account(admin: httpx.Client, fresh: Name) -> str:
    name = fresh()
    assert admin.post("/admin/v1/accounts", json={"name": name, "grant_usd": "1"}).status_code == 201
    return name


def key(admin: httpx.Client, account: str, **caps: str) -> dict[str, str]:
    made = admin.post("/admin/v1/keys", json={"account": account, **caps})
    assert made.status_code == 201, made.text
    return made.json()  # type: ignore[no-any-return]


def test_a_grant_that_expires_pays_first(gateway: RunningGateway, admin: httpx.Client, account: str) -> None:
    later = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    grant = {"amount_usd": "0.5", "kind": "promotion", "expires_at": later, "priority": 1}
    given = admin.post(f"/admin/v1/accounts/{account}/grants", json=grant).json()
    assert (given["priority"], given["expires_at"][:10]) == (1, later[:10])
    with gateway.api(key(admin, account)["key"]) as api:
        cost = api.post(PATH, json=ASK).json()["usage"]["cost_nanousd"]
        credit = api.get("/v1/credits").json()
    left = {each["kind"]: each["left_nanousd"] for each in credit["grants"]}
    assert left == {"top_up": 10**9, "promotion": 5 * 10**8 - cost}
    assert credit["remaining_nanousd"] == 15 * 10**8 - cost


@pytest.mark.parametrize(
    ("grant", "words"),
    [
        ({"amount_usd": "1", "expires_at": "2020-01-01T00:00:00Z"}, "in the future"),
        ({"amount_usd": "1", "expires_at": "tomorrow"}, "expires_at"),
        ({"amount_usd": "-1", "kind": "top_up"}, "only a correction"),
        ({"amount_usd": "1", "kind": "expiry"}, "kind must be one of"),
    ],
)
def test_what_is_no_grant_is_explained(
    admin: httpx.Client, account: str, grant: dict[str, str], words: str
) -> None:
    answer = admin.post(f"/admin/v1/accounts/{account}/grants", json=grant)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_a_correction_beyond_what_is_there_is_a_conflict(admin: httpx.Client, account: str) -> None:
    grant = {"amount_usd": "-2", "kind": "correction"}
    assert admin.post(f"/admin/v1/accounts/{account}/grants", json=grant).status_code == 409


def test_a_postpaid_account_goes_on_to_its_limit(
    gateway: RunningGateway, admin: httpx.Client, fresh: Name
) -> None:
    name = fresh()
    admin.post("/admin/v1/accounts", json={"name": name, "grant_usd": "0"})
    with gateway.api(key(admin, name)["key"]) as api:
        assert api.post(PATH, json=ASK).status_code == 402
        limit = f"/admin/v1/accounts/{name}/credit_limit"
        assert admin.put(limit, json={"credit_limit_usd": "2"}).json()["credit_limit_usd"] == "2.000000000"
        assert api.post(PATH, json=ASK).status_code == 200
        month = time.strftime("%Y-%m", time.gmtime())
        statement = api.get(f"/v1/statements/{month}").json()
        assert statement["applied_nanousd"] == 0
        assert statement["total_nanousd"] > 0
    assert admin.put(limit, json={"credit_limit_usd": "-2"}).status_code == 400
    assert admin.put(limit, json={"credit_limit_usd": "0"}).status_code == 409


def test_a_key_with_a_cap_stops_at_it_and_goes_on_when_it_is_raised(
    gateway: RunningGateway, admin: httpx.Client, account: str
) -> None:
    made = key(admin, account, cap_day_usd="0.00002")
    assert made["cap_day_usd"] == "0.000020000"
    with gateway.api(made["key"]) as api:
        while (answer := api.post(PATH, json=ASK)).status_code == 200:
            pass
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (402, "key_cap_reached")
        assert "cap per day" in error["message"]
        with gateway.api(key(admin, account)["key"]) as other:
            assert other.post(PATH, json=ASK).status_code == 200, "the account has plenty"
        patched = admin.patch(
            f"/admin/v1/keys/{made['id']}", json={"cap_day_usd": None, "cap_total_usd": "1"}
        )
        assert (patched.json()["cap_day_usd"], patched.json()["cap_total_usd"]) == (None, "1.000000000")
        assert api.post(PATH, json=ASK).status_code == 200
        assert admin.patch(f"/admin/v1/keys/{made['id']}", json={}).json() == patched.json()
    assert admin.patch(f"/admin/v1/keys/{made['id']}", json={"cap_day_usd": "-1"}).status_code == 400
    assert admin.patch("/admin/v1/keys/key_none", json={"cap_day_usd": "1"}).status_code == 404


class TestMaxCost:
    def test_it_clamps_the_answer(self, gateway: RunningGateway, worker: ScriptedWorker, fresh: Name) -> None:
        with gateway.api(gateway.account(fresh())) as api:
            body = chat("ok tokens=3", max_cost_usd="0.0001")
            prompt = api.post("/v1/tokenize", json=chat("ok tokens=3")).json()["prompt_tokens"]
            answer = api.post(PATH, json=body)
            assert answer.status_code == 200
            sent = worker.seen[-1].body
            assert "max_cost_usd" not in sent
            assert sent["max_tokens"] == 50, "the worst case fits"
            answer = api.post(PATH, json=chat("ok tokens=3", max_cost_usd=0.00001))
        affordable = (10_000 - prompt * 200) // 600
        assert answer.headers["x-tollway-max-tokens"] == str(affordable)
        assert worker.seen[-1].body["max_tokens"] == affordable
        assert answer.json()["usage"]["cost_nanousd"] <= 10_000

    def test_less_than_the_prompt_and_one_token_is_refused(
        self, gateway: RunningGateway, fresh: Name
    ) -> None:
        name = fresh()
        with gateway.api(gateway.account(name)) as api:
            answer = api.post(PATH, json=chat("ok", max_cost_usd="0.000000001"))
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["available_nanousd"]) == (
            402,
            "max_cost_exceeded",
            1,
        )
        assert gateway.settled_up(name).settled_nanousd == 0

    @pytest.mark.parametrize(
        "wrong", ["much", 0, "-1", 1e-20, 1e30, "1e999999999", "NaN", "0.0000000001", True, {}]
    )
    def test_what_is_no_amount(self, gateway: RunningGateway, fresh: Name, wrong: object) -> None:
        with gateway.api(gateway.account(fresh())) as api:
            answer = api.post(PATH, json=chat("ok", max_cost_usd=wrong))
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "max_cost_usd"


def test_a_price_entered_today_applies_from_when_it_says(tmp_path: Path) -> None:
    """And the gateway that runs picks it up; what was rated before keeps its version."""
    with ScriptedWorker(kind="vllm") as worker, RunningGateway(tmp_path, worker.url) as gateway:  # noqa: SIM117
        with gateway.api(gateway.operator()) as admin, gateway.api(gateway.account("a")) as api:
            old = api.post(PATH, json=ASK)
            soon = datetime.now(UTC) + timedelta(seconds=6)
            toml = BOOK.replace("version = 3", "version = 4").replace('output = "0.60"', 'output = "1.20"', 1)
            early = admin.post("/admin/v1/prices", json={"toml": toml})
            assert early.status_code == 400
            assert "in the future" in early.json()["error"]["message"]
            toml = toml.replace("2026-01-01T00:00:00Z", soon.isoformat(timespec="seconds"), 1)
            assert admin.post("/admin/v1/prices", json={"toml": toml}).json()["version"] == 4
            stale = admin.post("/admin/v1/prices", json={"toml": toml.replace("version = 4", "version = 1")})
            assert stale.status_code in (400, 409)
            assert admin.post("/admin/v1/prices", json={"toml": "version ="}).status_code == 400

            def version() -> int:
                return int(_receipt(api, api.post(PATH, json=ASK))["price_version"])

            assert version() == 3
            eventually(lambda: version() == 4, "the new prices are in force", 20)
            new = api.post(PATH, json=ASK)
            assert new.json()["usage"]["cost_nanousd"] - old.json()["usage"]["cost_nanousd"] == 5 * 600
            assert _receipt(api, old)["price_version"] == 3
            listed = admin.get("/admin/v1/prices").json()["data"]
            assert [(book["version"], book["in_force"]) for book in listed] == [(3, False), (4, True)]


def _receipt(api: httpx.Client, answer: httpx.Response) -> dict[str, object]:
    return api.get(f"/v1/receipts/{answer.headers['x-request-id']}").json()  # type: ignore[no-any-return]


def test_a_statement_as_json_page_and_pdf(gateway: RunningGateway, admin: httpx.Client, account: str) -> None:
    with gateway.api(key(admin, account)["key"]) as api:
        cost = api.post(PATH, json=ASK).json()["usage"]["cost_nanousd"]
        month = time.strftime("%Y-%m", time.gmtime())
        found = api.get(f"/v1/statements/{month}")
        assert (found.json()["total_nanousd"], found.json()["applied_nanousd"]) == (cost, cost)
        assert found.json()["requests"] == 1
        page = api.get(f"/v1/statements/{month}", params={"format": "html"})
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert account in page.text
        pdf = api.get(f"/v1/statements/{month}", params={"format": "pdf"})
        assert pdf.content.startswith(b"%PDF-")
        assert api.get("/v1/statements/2026-13").status_code == 400
        assert api.get(f"/v1/statements/{month}", params={"format": "docx"}).status_code == 400
    theirs = admin.get(f"/admin/v1/accounts/{account}/statements/{month}")
    assert theirs.json() == found.json()


def test_without_the_extra_a_pdf_is_refused_with_the_command(
    gateway: RunningGateway, admin: httpx.Client, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from gateway.statements import pdf

    pdf._typst.cache_clear()
    monkeypatch.setitem(sys.modules, "typst", None)
    answer = admin.get(f"/admin/v1/accounts/{account}/statements/2026-11", params={"format": "pdf"})
    assert answer.status_code == 501
    assert "pip install 'tollway-gateway[pdf]'" in answer.json()["error"]["message"]
