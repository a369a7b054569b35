"""The command line against the real model: an answer, its receipt and the usage agree to the nano-dollar."""

import json
import re

import tollway

from tests.fixtures.running import RunningGateway
from tests.sdk_cli.process import Shell


def test_a_question_its_bill_and_the_history(real: RunningGateway, nobody: Shell, name: str) -> None:
    key = real.account(name)
    assert nobody.run("login", "--base-url", real.url, "--key-stdin", stdin=key).returncode == 0
    answer = nobody.run("chat", "--max-tokens", "12", stdin="Say hello.")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip()
    [tokens] = re.findall(r"(\d+) out", answer.stderr)
    assert 1 <= int(tokens) <= 12
    [event] = real.events(name)
    cost = tollway.Money(event.cost_nanousd)
    assert f" · {cost} · " in answer.stderr
    assert str(cost) in nobody.run("receipt", event.request_id).stdout
    [row] = json.loads(nobody.run("usage", "--json").stdout)
    assert (row["requests"], row["output_tokens"], row["cost_usd"]) == (1, int(tokens), cost.usd)
    assert f"{cost} spent" in nobody.run("credits").stdout
