"""Each example as its reader runs it: a program of its own, a key, a gateway; what it prints is what was charged."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tollway import Money

from tests.fixtures.capable import VECTORS, CapableWorker, Said
from tests.fixtures.running import RunningGateway

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
MENDED = (
    (EXAMPLES / "data/tolls.py")
    .read_text("utf-8")
    .replace(
        "sums[kind] += PRICE_PER_AXLE * axles", "sums[kind] = sums.get(kind, 0) + PRICE_PER_AXLE * int(axles)"
    )
)


class Reader:
    """Somebody with a key; `run` gives exit status, what was printed, and what came as an error."""

    def __init__(self, gateway: RunningGateway, name: str, tmp_path: Path) -> None:
        self._gateway, self.name, self._folder = gateway, name, tmp_path
        self._key = gateway.account(name)

    def run(self, example: str, *arguments: str) -> tuple[int, str, str]:
        environ = {**os.environ, "TOLLWAY_API_KEY": self._key, "TOLLWAY_BASE_URL": self._gateway.url}
        done = subprocess.run(
            [sys.executable, "-W", "error", str(EXAMPLES / example), *arguments],
            env=environ, cwd=self._folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        self._costs_what_it_says(done.stdout)
        return done.returncode, done.stdout, done.stderr

    def _costs_what_it_says(self, printed: str) -> None:
        said = re.search(r"^cost \$(\S+) of at most ", printed, re.MULTILINE)
        assert said is not None, printed
        assert self._gateway.settled_up(self.name).settled_nanousd == Money.from_usd(said[1]).nanousd


@pytest.fixture
def reader(capable_gateway: RunningGateway, fresh: Callable[[], str], tmp_path: Path) -> Reader:
    return Reader(capable_gateway, fresh(), tmp_path)


def asked(body: dict[str, Any]) -> str:
    """A request's last message, its pictures left out."""
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def test_debug_code(reader: Reader, capable: CapableWorker) -> None:
    half = MENDED.replace("int(axles)", "axles")

    def answer(body: dict[str, Any]) -> str:
        source = MENDED if "It still fails" in asked(body) else half
        return json.dumps({"explanation": "A sum of nothing has no entry.", "source": source})

    capable.says(answer)
    code, printed, _ = reader.run("debug_code.py")
    assert code == 0
    assert [line[:8] for line in printed.splitlines() if line.startswith("round")] == ["round 1 ", "round 2 "]
    assert "-        sums[kind] += PRICE_PER_AXLE * axles\n" in printed
    assert "+        sums[kind] = sums.get(kind, 0) + PRICE_PER_AXLE * int(axles)\n" in printed


def test_debug_code_gives_up(reader: Reader, capable: CapableWorker) -> None:
    capable.says(lambda _: json.dumps({"explanation": "I wonder.", "source": "raise SystemExit('no')"}))
    code, printed, error = reader.run("debug_code.py")
    assert code == 1
    assert printed.count("I wonder.") == 3
    assert "it still fails after 3 rounds:\nno\n" in error


@pytest.mark.parametrize("sources", [["rules.txt 1", "night_tariff.png"], ["rules.txt 99"]])
def test_ask_documents(reader: Reader, capable: CapableWorker, sources: list[str]) -> None:
    """The passage that answers is among those shown, and the page that is a picture; a made-up source is refused."""
    before = len(capable.seen)
    capable.says(lambda _: json.dumps({"answer": "10 dollars, 5 less.", "sources": sources}))
    code, printed, error = reader.run("ask_documents.py")
    assert f"ranked by {VECTORS}" in printed
    (chat,) = [each.body for each in capable.seen[before:] if "messages" in each.body]
    shown = asked(chat)
    assert "[rules.txt 1]\nTolls are paid per axle." in shown
    assert shown.count("[rules.txt") == 4
    pictures = [part for part in chat["messages"][-1]["content"] if part["type"] == "image_url"]
    assert len(pictures) == 1
    if sources == ["rules.txt 99"]:
        assert code == 1
        assert "refused: it names rules.txt 99" in error
    else:
        assert code == 0
        assert "10 dollars, 5 less.\n  [rules.txt 1] Tolls are paid" in printed
        assert "[night_tariff.png] a picture" in printed


def test_visual_reasoning(reader: Reader, capable: CapableWorker) -> None:
    capable.says(lambda _: Said("At eight; 1130 cars.", "340 and 510 and 280 are 1130."))
    code, printed, _ = reader.run("visual_reasoning.py")
    assert code == 0
    assert "-- thought --\n340 and 510 and 280 are 1130.\n\n-- answer --\nAt eight; 1130 cars.\n" in printed
    tokens, pictures = re.findall(r"in:  (\d+) tokens, (\d+) of them the picture", printed)[0]
    assert 0 < int(pictures) < int(tokens)
    lines = dict(re.findall(r"^ *(\d+) (\w+) +\$0\.\d+ per million", printed, re.MULTILINE))
    assert lines[pictures] == "input_image"


def test_agent_with_tools(reader: Reader, capable: CapableWorker) -> None:
    def answer(body: dict[str, Any]) -> Said:
        results = [message["content"] for message in body["messages"] if message["role"] == "tool"]
        if not results:
            return Said(
                reasoning="It is meter 7731, and reads 42317.", calls=(("look_up_meter", {"number": "7731"}),)
            )
        if len(results) == 1:
            last = json.loads(results[0])["last_reading_kwh"]
            return Said(calls=(("bill", {"used_kwh": 42_317 - last, "tariff": "household"}),))
        return Said(f"You owe {results[1]}.")

    capable.says(answer)
    code, printed, _ = reader.run("agent_with_tools.py")
    assert code == 0
    assert "It is meter 7731, and reads 42317.\n" in printed
    assert "\nYou owe $138.15.\n" in printed


def test_an_agent_stops_at_its_budget(reader: Reader) -> None:
    """It calls the same tool for ever, and may spend three hundredths of a cent."""
    code, _, error = reader.run("agent_with_tools.py", "--budget", "0.0003")
    assert code == 1
    assert error.startswith("BudgetExceeded: ")


def test_the_page_tells_of_each() -> None:
    page = (EXAMPLES / "README.md").read_text("utf-8")
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(re.findall(r"\]\((\w+\.py)\)", page))
