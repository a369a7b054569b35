"""`tollway chat` at a terminal: turns, Ctrl-C, commands, and what it all cost."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import tollway

from tests.fixtures.running import RunningGateway, eventually
from tests.fixtures.scripted import ScriptedWorker
from tests.sdk_cli.process import CTRL_D, Shell, Terminal
from tests.tokens.pictures import encoded

PROMPT = r"\n> "


def ask(terminal: Terminal, text: str) -> str:
    """What appeared until it was ready for more."""
    terminal.type(f"{text}\n")
    terminal.expect(r"\r\n")  # the echo
    return terminal.expect(PROMPT)


def in_all(appeared: str) -> str:
    [cost] = re.findall(r"\$\d\.\d{9} · (\$\d\.\d{9}) in all · ", appeared)
    return cost


def test_each_turn_says_its_cost_and_the_sum(
    alice: Shell, gateway: RunningGateway, worker: ScriptedWorker, name: str
) -> None:
    with alice.sit_at("chat") as terminal:
        greeting = terminal.expect(PROMPT)
        assert "$0.20 in, $0.60 out per million tokens · $1.000000000 left" in greeting
        first = ask(terminal, "ok tokens=2")
        assert "tok tok" in first
        second = ask(terminal, "ok think=1 tokens=3")
        assert "\x1b[2mhm hm\x1b[0m" in second, "dimmed"
        terminal.type(CTRL_D)
        assert terminal.ends() == 0
    events = gateway.events(name)
    costs = [tollway.Money(event.cost_nanousd) for event in events]
    assert f"2 out · {costs[0]} · {costs[0]} in all" in first
    assert in_all(second) == str(costs[0] + costs[1])
    assert [message["content"] for message in worker.seen[-1].body["messages"]][-3:] == [
        "ok tokens=2", "tok tok ", "ok think=1 tokens=3",
    ]  # fmt: skip


def test_ctrl_c_stops_an_answer_and_not_the_conversation(
    alice: Shell, gateway: RunningGateway, worker: ScriptedWorker, name: str
) -> None:
    with alice.sit_at("chat", "--no-reasoning-prompt") as terminal:
        terminal.expect(PROMPT)
        terminal.type("ok tokens=1000 delay=0.05\n")
        terminal.expect("tok tok tok")
        terminal.interrupt()
        stopped = terminal.expect(PROMPT)
        assert "stopped, and billed for what came" in stopped
        assert in_all(stopped) == str(tollway.Money(gateway.settled_up(name).settled_nanousd))
        before = len(worker.seen)
        terminal.type("hang\n")
        eventually(lambda: len(worker.seen) > before, "the worker was asked")
        terminal.interrupt()
        assert "stopped before the answer began" in terminal.expect(PROMPT)
        assert "the worker refused the request" in ask(terminal, "bad_status status=400")
        again = ask(terminal, "ok tokens=1")
        assert [message["role"] for message in worker.seen[-1].body["messages"]] == [
            "user", "assistant", "user",
        ], "what was stopped was said, what failed was not"  # fmt: skip
        assert in_all(again) == str(tollway.Money(gateway.settled_up(name).settled_nanousd))
        terminal.interrupt()
        assert "Ctrl-D or /quit ends" in terminal.expect(PROMPT)
        terminal.type("/quit\n")
        assert terminal.ends() == 0


def test_commands_and_pictures(alice: Shell, worker: ScriptedWorker, tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(encoded("PNG", 28, 28))
    with alice.sit_at("chat", "--budget", "0.5") as terminal:
        terminal.expect(PROMPT)
        assert "gone.png cannot be read: No such file" in ask(terminal, "/image gone.png")
        assert "1 for the next message" in ask(terminal, f"/image '{tmp_path}/a b.png'")
        seen = ask(terminal, "what is it?")
        assert "(2 image)" in seen
        assert re.search(r"\$0\.49\d{7} of the budget left", seen)
        assert len(worker.seen[-1].body["messages"][-1]["content"]) == 2
        assert "there is no /foo: /image PATH" in ask(terminal, "/foo")
        assert "begun anew" in ask(terminal, "/reset")
        ask(terminal, "ok")
        assert worker.seen[-1].body["messages"][-1] == {"role": "user", "content": "ok"}
        assert len([each for each in worker.seen[-1].body["messages"] if each["role"] == "user"]) == 1
        terminal.type(CTRL_D)
        assert terminal.ends() == 0


def test_no_escapes_with_no_color(alice: Shell) -> None:
    with alice.sit_at("chat", "ok think=1", NO_COLOR="1") as terminal:
        assert terminal.ends() == 0
        assert "hm hm\r\n\r\ntok tok" in terminal.seen
        assert "\x1b" not in terminal.seen


class Rude(ScriptedWorker):
    """Says what would rename the window."""

    async def _chunks(self, body: Any, options: dict[str, str], count: int) -> AsyncIterator[dict[str, Any]]:
        async for chunk in super()._chunks(body, options, count):
            if chunk["choices"][0]["delta"].get("content"):
                chunk["choices"][0]["delta"]["content"] = "a\x1b]0;title\x07b"
            yield chunk


def test_a_model_cannot_steer_the_terminal(nobody: Shell, tmp_path: Path, name: str) -> None:
    """On a terminal what it says comes without control characters, into a pipe as it is."""
    with Rude(kind="vllm") as worker, RunningGateway(tmp_path / "data", worker.url) as gateway:
        there = {"TOLLWAY_API_KEY": gateway.account(name), "TOLLWAY_BASE_URL": gateway.url}
        with nobody.sit_at("chat", "ok tokens=1", **there) as terminal:
            assert terminal.ends() == 0
            assert terminal.seen.startswith("a]0;titleb\r\n")
        assert nobody.run("chat", "ok tokens=1", **there).stdout == "a\x1b]0;title\x07b\n"
