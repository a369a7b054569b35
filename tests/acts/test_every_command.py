"""Every command that changes something says so in the log, as whoever the operating system says it is."""

import getpass
from pathlib import Path

import pytest
import typer

from gateway.cli import main as cli
from gateway.cli import show
from gateway.kit.db import opened
from gateway.people import store
from gateway.people.types import Entry, Lines
from gateway.settings import Settings
from tests.cli.test_cli import Run, as_json, run
from tests.clients.test_sdk_admin import NEXT_PRICES

__all__ = ["run"]

READS = {"accounts list", "keys list", "people list", "projects list", "prices list", "usage", "drift", "audit", "statement", "rerate", "log",
         "doctor", "stripe status", "stripe reconcile", "stripe outbox"}  # fmt: skip
RUNS = {"serve", "demo", "join", "migrate"}
"""What they change, they change through routes, or it is the schema."""
BEFORE_STRIPE = {"stripe sync", "stripe retry"}
"""Their lines are looked for in tests/cli/test_stripe.py, where there is a Stripe."""
CHANGES: dict[str, tuple[list[str], str]] = {
    "accounts create": (["acme", "--grant", "2"], "account.open"),
    "accounts grant": (["acme", "1", "--expires", "2099-01-01T00:00:00Z"], "account.grant"),
    "accounts limit": (["acme", "3"], "account.limit"),
    "accounts limits": (
        ["acme", "--requests-per-minute", "60", "--concurrency", "unlimited"],
        "account.limits",
    ),
    "keys create": (["--account", "acme"], "key.create"),
    "keys cap": (["{key}", "--cap-day", "1"], "key.change"),
    "projects create": (["search", "--account", "acme"], "project.create"),
    "keys move": (["{key}", "search"], "key.change"),
    "projects change": (["{project}", "--cap-day", "1"], "project.change"),
    "keys policy": (["{key}", "local-only"], "key.change"),
    "keys limits": (["{key}", "--requests-per-minute", "30"], "key.limits"),
    "keys allow": (["{key}", "--scope", "chat", "--ip", "10.0.0.0/8"], "key.change"),
    "keys rotate": (["{key}"], "key.rotate"),
    "keys revoke": (["{key}"], "key.revoke"),
    "projects archive": (["{project}"], "project.change"),
    "projects restore": (["{project}"], "project.change"),
    "prices publish": (["{book}"], "prices.publish"),
    "people add": (["ada@example.com", "--account", "acme"], "member.invite"),
    "people link": (["ada@example.com"], "link.make"),
    "people sign-out": (["ada@example.com"], "session.end"),
    "people unlink": (["ada@example.com"], "identity.unlink"),
    "people disable": (["ada@example.com"], "person.disable"),
}


def commands() -> set[str]:
    root = typer.main.get_command(cli.app)
    found = set()
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        found |= {f"{name} {each}" for each in below} if below else {name}
    return found


def log(folder: Path) -> list[Entry]:
    with opened(Settings(data_dir=folder).database) as database:
        return database.read_now(lambda conn: store.list_entries(conn, Lines(), limit=1000))


def test_no_command_is_forgotten() -> None:
    assert commands() == READS | RUNS | BEFORE_STRIPE | set(CHANGES), "does the log say who did it?"


def test_every_change_is_in_the_log(run: Run, tmp_path: Path) -> None:
    book, key, project = tmp_path / "next.toml", "", ""
    book.write_text(NEXT_PRICES)
    for command, (arguments, action) in CHANGES.items():
        given = [each.format(key=key, book=book, project=project) for each in arguments]
        status, out, err = run(*command.split(), *given)
        assert status == 0, (command, out, err)
        written = {(line.action, line.actor) for line in log(tmp_path / "data")[:3]}
        assert (action, f"cli:{getpass.getuser()}") in written, command
        if command == "keys create":
            [key] = [each["id"] for each in as_json(run, "keys", "list")]
        if command == "projects create":
            [project] = [each["id"] for each in as_json(run, "projects", "list")]
    lines = log(tmp_path / "data")
    assert (lines[-1].actor, lines[-1].action, lines[-1].target) == ("start", "prices.publish", "version 3")
    shown = as_json(run, "log", "--action", "account.", "--account", "acme")
    assert [line["action"] for line in shown] == [
        "account.limits",
        "account.limit",
        "account.grant",
        "account.open",
    ]
    assert len(as_json(run, "log", "--limit", "2")) == 2
    assert "cli:" in run("log", "--actor", "cli:")[1]


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert show.actor().removeprefix("cli:").isdigit()
