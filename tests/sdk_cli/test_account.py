"""`tollway models`, `credits`, `usage`, `receipt` and `keys`: tables for people, JSON for programs."""

import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
import tollway
from tollway.cli.usage import spark_line

from gateway.keys.store import change_key
from tests.fixtures.running import RunningGateway
from tests.sdk_cli.process import Shell

M = "magistral-small-2509"


def read(shell: Shell, *arguments: str) -> Any:
    done = shell.run(*arguments, "--json")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


def rows(printed: str) -> list[list[str]]:
    """A table's cells, without its rules."""
    return [re.split(r" {2,}", line.strip()) for line in printed.splitlines() if line.strip("─ ")]


def test_models_with_their_prices(alice: Shell) -> None:
    head, model, note = rows(alice.run("models").stdout)
    assert head == ["model", "context", "input", "output", "vision", "reasoning", "tools"]
    assert model == [M, "131,072", "$0.20", "$0.60", "yes", "yes", "yes"]
    assert note == ["prices are US dollars per million tokens"]
    [card] = read(alice, "models")
    assert (card["id"], card["prices_nanousd_per_mtok"]["input_text"]) == (M, 200_000_000)


def test_credits_and_where_they_went(alice: Shell, gateway: RunningGateway, name: str) -> None:
    assert alice.run("chat", "ok").returncode == 0
    spent = tollway.Money(gateway.settled_up(name).settled_nanousd)
    left = tollway.Money(1_000_000_000) - spent
    said = alice.run("credits").stdout
    assert said.startswith(f"{left} left\n$1.000000000 granted · {spent} spent\n")
    assert rows(said)[-1][:3] == ["top_up", "$1.000000000", str(left)]
    assert rows(said)[-1][-1] == "never"
    assert read(alice, "credits")["remaining_nanousd"] == left.nanousd


def test_usage_by_day_model_and_key(alice: Shell, gateway: RunningGateway, name: str) -> None:
    assert alice.run("usage").stdout.startswith("nothing was used since ")
    assert read(alice, "usage") == []
    for _ in range(2):
        assert alice.run("chat", "ok tokens=4").returncode == 0
    cost = str(tollway.Money(gateway.settled_up(name).settled_nanousd))
    [row] = read(alice, "usage")
    assert (row["requests"], row["output_tokens"], row["cost_usd"]) == (2, 8, cost[1:])
    counts = ["2", str(row["input_tokens"]), "8", cost]
    for by, group in (("day", row["day"]), ("model", M), ("key", name)):
        printed = alice.run("usage", "--by", by)
        assert "\x1b" not in printed.stdout
        head, body, total, *_ = rows(printed.stdout)
        assert head == [by, "requests", "input", "output", "cost"]
        assert (body, total) == ([group, *counts], ["total", *counts])
        assert ("█" in printed.stdout) == (by == "day")
    assert f"the most on {row['day']}: {cost}" in alice.run("usage").stdout
    today = date.fromisoformat(row["day"])
    assert (
        alice.run("usage", "--until", str(today)).stdout
        == f"nothing was used since {today - timedelta(30)}\n"
    )
    assert read(alice, "usage", "--days", "1") == read(alice, "usage", "--since", str(today)) == [row]
    assert read(alice, "usage", "-m", "nobody") == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--days", "0"], "greater than or equal to 1"),
        (["--by", "hour"], "'hour' is not one of 'key', 'project', 'model', 'day'"),
        (["--since", "yesterday"], "'yesterday' is no day since 2000-01-01; write it like 2026-11-01"),
        (["--until", "0001-01-02"], "'0001-01-02' is no day since 2000-01-01"),
        (
            ["--since", "2026-11-02", "--until", "2026-11-02"],
            "there is no day from 2026-11-02 until 2026-11-02",
        ),
    ],
)
def test_usage_of_no_days(alice: Shell, arguments: list[str], words: str) -> None:
    done = alice.run("usage", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.endswith("see `tollway usage --help`\n")


def test_the_spark_line_has_a_bar_for_each_day() -> None:
    costs = {"2026-11-01": 1, "2026-11-02": 800, "2026-11-04": 400}
    days = [
        tollway.UsageRow(group="", requests=1, input_tokens=1, output_tokens=1, cost_nanousd=cost, day=day)
        for day, cost in costs.items()
    ]
    bars, said = spark_line(days, 80).split("\n")
    assert bars == "▁█ ▄", "a day that cost anything has a bar, one that cost nothing has none"
    assert said == "2026-11-01 to 2026-11-04, the most on 2026-11-02: $0.000000800"
    assert spark_line(days, 2).split("\n")[0] == " █", "the newest, as many as fit"


def test_a_receipt_line_by_line(alice: Shell, gateway: RunningGateway, name: str) -> None:
    assert alice.run("chat", "ok tokens=4").returncode == 0
    [event] = gateway.events(name)
    said = alice.run("receipt", event.request_id).stdout
    assert said.startswith(f"{event.request_id}\n")
    assert f"· {M} · completed · streamed" in said
    assert ["output_text", "4", "$0.60", "$0.000002400"] in rows(said)
    tokens = event.input_tokens + event.output_tokens
    assert ["total", str(tokens), str(tollway.Money(event.cost_nanousd))] in rows(said)
    assert read(alice, "receipt", event.request_id)["cost_nanousd"] == event.cost_nanousd
    gone = alice.run("receipt", "req_x\x1b]0;title\x07")
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "there is no receipt for" in gone.stderr
    assert "\x1b" not in gone.stderr


def test_keys_from_their_making_to_their_end(alice: Shell, gateway: RunningGateway) -> None:
    refused = alice.run("keys", "create", "jobs")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "manages_keys" in refused.stderr
    [own] = read(alice, "keys", "list")
    gateway.database.write_now(lambda conn: change_key(conn, own["id"], {"manages_keys": True}))

    made = alice.run("keys", "create", "jobs", "--cap-day", "$2.50")
    first = made.stdout.strip()
    assert re.fullmatch(r"tw_\w+\n", made.stdout), "alone on stdout, for a file or a program"
    assert re.match(r"key_\w+ \(jobs\) · at most \$2.50 a day\n.*shown once", made.stderr)
    key_id = made.stderr.split()[0]
    assert alice.run("credits", TOLLWAY_API_KEY=first, TOLLWAY_BASE_URL=gateway.url).returncode == 0
    listed = alice.run("keys", "list").stdout
    assert [key_id, "jobs", first[:7] + "…", "$2.50", "—", "—"] in [row[:6] for row in rows(listed)]
    assert first not in listed

    second = alice.run("keys", "rotate", key_id).stdout.strip()
    old = alice.run("credits", TOLLWAY_API_KEY=first, TOLLWAY_BASE_URL=gateway.url)
    assert (old.returncode, old.stdout) == (1, "")
    assert "`tollway login` saves another key" in old.stderr
    assert alice.run("credits", TOLLWAY_API_KEY=second, TOLLWAY_BASE_URL=gateway.url).returncode == 0

    assert alice.run("keys", "revoke", key_id).stdout == f"revoked {key_id} (jobs)\n"
    assert alice.run("credits", TOLLWAY_API_KEY=second, TOLLWAY_BASE_URL=gateway.url).returncode == 1
    assert "revoked 2" in alice.run("keys", "list").stdout
    for command in ("rotate", "revoke"):
        missing = alice.run("keys", command, "key_nobodys")
        assert (missing.returncode, missing.stdout) == (1, "")
        assert "key_nobodys" in missing.stderr


def test_rotating_the_key_one_is_logged_in_with_stays_logged_in(alice: Shell) -> None:
    [own] = read(alice, "keys", "list")
    done = alice.run("keys", "rotate", own["id"])
    assert "the new one is saved" in done.stderr
    assert alice.run("credits").returncode == 0
