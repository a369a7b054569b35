"""The command line, as a person and as a script uses it."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main as cli
from gateway.kit import schema
from gateway.kit.money import format_usd
from gateway.settings import Settings
from gateway.start import bootstrap, prepare
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.running import RunningGateway, chat
from tests.fixtures.scripted import ScriptedWorker

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    for name in ("TOLLWAY_CONFIG", "MISTRAL_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tollway-gateway", *arguments])
        monkeypatch.setenv("TOLLWAY_DATA_DIR", str(tmp_path / "data"))
        with pytest.raises(SystemExit) as ended:
            cli.main()
            sys.exit(0)
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return command


def as_json(run: Run, *arguments: str) -> Any:
    status, out, err = run(*arguments, "--json")
    assert status == 0, err
    return json.loads(out)


def test_an_account_with_exactly_its_grant(run: Run) -> None:
    account = as_json(run, "accounts", "create", "alice", "--grant", "2.50")
    assert account["name"] == "alice"
    key = as_json(run, "keys", "create", "--account", "alice", "--name", "laptop")
    assert key["key"].startswith("tw_")
    listed = as_json(run, "accounts", "list")
    assert [(row["name"], row["available_usd"]) for row in listed] == [("alice", "2.500000000")]
    assert [row["name"] for row in as_json(run, "keys", "list", "--account", account["id"])] == ["laptop"]
    as_json(run, "accounts", "grant", "alice", "1", "--reason", "thanks")
    as_json(run, "accounts", "grant", "alice", "-0.5", "--reason", "mistake")
    assert as_json(run, "accounts", "list")[0]["granted_usd"] == "3.000000000"
    assert as_json(run, "keys", "revoke", key["id"])["revoked_at"]


def test_projects_and_their_keys(run: Run) -> None:
    as_json(run, "accounts", "create", "alice")
    project = as_json(run, "projects", "create", "search", "--account", "alice", "--cap-month", "50")
    assert (project["name"], project["cap_month_usd"], project["spent_month_usd"]) == (
        "search", "50.000000000", "0.000000000",
    )  # fmt: skip
    key = as_json(run, "keys", "create", "--account", "alice", "--project", "search")
    assert key["project_id"] == project["id"]
    status, _, err = run("projects", "archive", project["id"])
    assert (status, "1 key of the project" in err) == (1, True)
    assert as_json(run, "keys", "move", key["id"], "none")["project_id"] is None
    assert as_json(run, "projects", "archive", project["id"])["archived_at"]
    status, _, err = run("keys", "move", key["id"], "search")
    assert (status, "is archived" in err) == (1, True)
    assert as_json(run, "projects", "restore", project["id"])["archived_at"] is None
    changed = as_json(
        run, "projects", "change", project["id"], "--name", "find", "--cap-month", "none", "--cap-day", "1"
    )
    assert (
        as_json(run, "projects", "list")
        == as_json(run, "projects", "list", "--account", "alice")
        == [changed]
    )
    assert (changed["name"], changed["cap_month_usd"], changed["cap_day_usd"]) == (
        "find",
        None,
        "1.000000000",
    )


def test_a_key_that_manages_keys_and_a_new_secret(run: Run) -> None:
    as_json(run, "accounts", "create", "alice")
    key = as_json(run, "keys", "create", "--account", "alice", "--cap-day", "1", "--manages-keys")
    assert key["manages_keys"]
    rotated = as_json(run, "keys", "rotate", key["id"])
    assert rotated == {**key, "key": rotated["key"], "hint": rotated["hint"]}
    assert rotated["key"] != key["key"]
    assert as_json(run, "keys", "list")[0]["hint"] == rotated["hint"]
    as_json(run, "keys", "revoke", key["id"])
    status, _, err = run("keys", "rotate", key["id"])
    assert status == 1
    assert "was revoked" in err


def test_without_a_grant_the_sign_up_grant_and_the_free_tier(run: Run) -> None:
    assert as_json(run, "accounts", "create", "bob")["credit_usd"] == "6.000000000"
    assert as_json(run, "accounts", "list")[0]["granted_usd"] == "6.000000000"


def test_people_read_tables(run: Run) -> None:
    assert run("accounts", "list")[1].strip() == "nothing yet"
    assert "6.000000000" in run("accounts", "create", "bob")[1]
    assert "bob" in run("accounts", "list")[1]
    status, out, _ = run("keys", "create", "--operator")
    assert status == 0
    assert "twop_" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["accounts", "create", "a", "--grant", "five"], "US dollars"),
        (["accounts", "create", ""], "1 to 200 characters"),
        (["accounts", "grant", "nobody", "1"], "no account 'nobody'"),
        (["accounts", "grant", "nobody", "0"], "no account 'nobody'"),
        (["keys", "create", "--account", "nobody"], "no account 'nobody'"),
        (["keys", "revoke", "key_0"], "no key 'key_0'"),
        (["keys", "rotate", "key_0"], "no key 'key_0'"),
        (["keys", "create", "--operator", "--name", ""], "1 to 200 characters"),
        (["usage", "nobody"], "no account 'nobody'"),
        (["serve", "--port", "99999"], "`port` is no TCP port"),
        (["serve", "--worker", "localhost:8000"], "write it like http://"),
    ],
)
def test_mistakes_are_one_sentence(run: Run, arguments: list[str], says: str) -> None:
    status, _, err = run(*arguments)
    assert status == 1
    assert says in err.replace("\n", " ")
    assert "Traceback" not in err


def test_the_same_name_twice(run: Run) -> None:
    as_json(run, "accounts", "create", "a")
    status, _, err = run("accounts", "create", "a")
    assert status == 1
    assert "choose another name" in err.replace("\n", " ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["keys", "create"],
        ["keys", "create", "--account", "a", "--operator"],
        ["keys", "create", "--operator", "--manages-keys"],
        ["usage", "a", "--group-by", "x"],
    ],
)
def test_wrong_usage_is_status_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments)[0] == 2


def test_usage_of_an_account(run: Run, tmp_path: Path) -> None:
    with ScriptedWorker(kind="vllm") as worker, RunningGateway(tmp_path / "data", worker.url) as gateway:
        with gateway.api(gateway.account("a")) as api:
            api.post("/v1/chat/completions", json=chat("ok tokens=5 prompt=10"))
        assert as_json(run, "usage", "a", "--group-by", "model")[0]["cost_nanousd"] == 5000


def test_migrate_up_and_down(run: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'data' / 'tollway.db'}"
    assert schema.head() in run("migrate")[1]
    assert schema.current(url) == schema.head()
    assert run("migrate", "--downgrade", "--revision", "base")[0] == 0
    assert schema.current(url) is None


def test_a_shared_database_is_not_migrated_behind_its_operators_back(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=postgres.create_database())
    prepare(settings)  # an empty one is
    prepare(settings)
    from sqlalchemy import create_engine, text

    engine = create_engine(settings.database)
    for revision, says in (("0000", "tollway-gateway migrate"), ("9999", "newer than this program")):
        with engine.begin() as conn:
            conn.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
        with pytest.raises(schema.SchemaError, match=says):
            prepare(settings)
    engine.dispose()


def test_the_first_start_shows_its_secrets_once(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    prepare(settings)
    first = bootstrap(settings)
    assert first.operator_key is not None
    assert first.operator_key.startswith("twop_")
    assert first.demo_key is not None
    again = bootstrap(settings)
    assert (again.operator_key, again.demo_key) == (None, None)
    assert first.demo_key.encode() not in (tmp_path / "tollway.db").read_bytes()


class TestDoctor:
    def test_all_is_well(self, run: Run, worker: ScriptedWorker) -> None:
        status, out, _ = run("doctor", "--worker", worker.url)
        assert status == 0
        assert "serves magistral-small-2509" in out.replace("\n", " ")

    @pytest.mark.parametrize(
        ("environ", "says"),
        [
            ({"TOLLWAY_PRT": "1"}, "no setting `prt`"),
            ({"TOLLWAY_PORT": "many"}, "Expected `int`"),
            ({"TOLLWAY_WORKERS": "http://127.0.0.1:1"}, "no answer"),
            ({"TOLLWAY_PRICE_BOOK": "nowhere.toml"}, "price book: nowhere.toml"),
            ({"TOLLWAY_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, "check database_url"),
            ({"TOLLWAY_LEASE_TTL_S": "10"}, "lease_ttl_s"),
            ({"TOLLWAY_CONFIG": "nowhere.toml"}, "does not exist"),
        ],
    )
    def test_what_is_wrong_is_named(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], says: str
    ) -> None:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        status, out, _ = run("doctor")
        assert status == 1
        assert says in " ".join(out.split())

    def test_a_worker_without_priced_models(self, run: Run) -> None:
        with ScriptedWorker(models=("mystery",)) as odd:
            status, out, _ = run("doctor", "--worker", odd.url)
        assert status == 1
        assert "mystery" in out
        assert "has a price" in out.replace("\n", " ")

    def test_a_secret_that_others_can_read(self, run: Run, tmp_path: Path, worker: ScriptedWorker) -> None:
        run("accounts", "create", "a")
        run("keys", "create", "--account", "a")
        (tmp_path / "data" / "key_secret").chmod(0o644)
        status, out, _ = run("doctor", "--worker", worker.url)
        assert status == 1
        assert "chmod 600" in out.replace("\n", " ")


def test_prices_statement_and_rerate(run: Run, tmp_path: Path) -> None:
    account = as_json(run, "accounts", "create", "alice", "--grant", "1")
    assert as_json(run, "accounts", "limit", "alice", "3")["credit_limit_usd"] == "3.000000000"
    key = as_json(run, "keys", "create", "--account", "alice", "--cap-month", "0.5")
    assert key["cap_month_usd"] == "0.500000000"
    assert as_json(run, "keys", "cap", key["id"], "--cap-month", "none")["cap_month_usd"] is None
    (book,) = as_json(run, "prices", "list")
    assert (book["version"], book["in_force"]) == (3, True)
    with ScriptedWorker(kind="vllm") as worker, RunningGateway(tmp_path / "data", worker.url) as gateway:  # noqa: SIM117
        with gateway.api(key["key"]) as api:
            cost = api.post("/v1/chat/completions", json=chat("ok tokens=5")).json()["usage"]["cost_nanousd"]
    month = time.strftime("%Y-%m", time.gmtime())
    _, out, _ = run("statement", account["id"], month)
    assert json.loads(out)["total_nanousd"] == cost
    page = tmp_path / "page.html"
    assert run("statement", "alice", month, "--format", "html", "--output", str(page))[0] == 0
    assert "alice" in page.read_text()

    other = tmp_path / "other.toml"
    text = (Path(__file__).parents[2] / "gateway/catalog/price_book.toml").read_text()
    other.write_text(
        text.replace("version = 3", "version = 4").replace('output = "0.60"', 'output = "1.20"', 1)
    )
    (row,) = as_json(run, "rerate", "--book", str(other), "--month", month)
    assert row["difference_usd"] == format_usd(5 * 600)
    assert as_json(run, "rerate", "--book", str(other), "--month", "2026-01", "--account", "alice") == []
    other.write_text(text.replace('id = "magistral-small-2509"', 'id = "renamed"'))
    _, out, _ = run("rerate", "--book", str(other), "--month", month)
    assert "no price for: magistral-small-2509" in out
    assert run("rerate", "--book", str(other), "--month", "last")[0] == 1
    later = tmp_path / "later.toml"
    later.write_text(text.replace("version = 3", "version = 4").replace("2026-01-01", "2099-01-01"))
    assert as_json(run, "prices", "publish", str(later))["version"] == 4
    assert [row["in_force"] for row in as_json(run, "prices", "list")] == [True, False]
    assert run("prices", "publish", str(other))[0] == 1
