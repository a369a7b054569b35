"""Counting without the gateway gives the gateway's numbers."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import tollway
from tollway import _offline

from tests.fixtures.running import RunningGateway
from tests.tokens.pictures import png

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "tokens" / "vectors.json").read_text("utf-8")
)["cases"]
M = "magistral-small-2509"


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_it_counts_what_the_vectors_say(case: dict[str, Any]) -> None:
    with tollway.Tollway("tw_k") as client:
        found = client.estimate(offline=True, model=M, messages=case["messages"], tools=case.get("tools"))
    assert (found.prompt_tokens, found.image_tokens) == (case["prompt_tokens"], case["image_tokens"])


PROMPTS: list[dict[str, Any]] = [
    {"messages": "Hello"},
    {"messages": "Hello", "prompt_mode": None},
    {"messages": [{"role": "system", "content": "Be brief."}, tollway.user("Hi", tollway.image(png(300, 200)))]},
    {"messages": [tollway.user("Look", tollway.image("https://example.org/a.png"))], "max_tokens": 10},
    {"messages": [{"role": "user", "content": "2+2"}, {"role": "assistant", "content": "4", "reasoning": "Well."},
                  {"role": "user", "content": "And?"}]},
    {"messages": [{"role": "user", "content": "2+2"},
                  {"role": "assistant", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
                                                    {"type": "text", "text": "4"}]},
                  {"role": "user", "content": "And?"}]},
]  # fmt: skip


@pytest.mark.parametrize("prompt", PROMPTS, ids=str)
def test_with_the_models_card_it_is_the_gateways_own_estimate(
    gateway: RunningGateway, fresh: Any, prompt: dict[str, Any]
) -> None:
    with tollway.Tollway(gateway.account(fresh()), gateway.url) as client:
        card = client.models.get(M)
        asked = client.estimate(model=M, **prompt)
        found = client.estimate(offline=True, card=card, model=M, **prompt)
    assert (found.prompt_tokens, found.text_tokens, found.image_tokens) == (
        asked.prompt_tokens,
        asked.text_tokens,
        asked.image_tokens,
    )
    assert (found.max_tokens, found.cost_max) == (asked.max_tokens, asked.cost_max)
    assert found.cost_max is not None
    assert (found.cost_likely, found.available, found.affordable) == (None, None, None), (
        "only the gateway knows"
    )


def test_without_a_card_there_is_no_price() -> None:
    with tollway.Tollway("tw_k") as client:
        found = client.estimate(offline=True, model=M, messages="Hello", max_tokens=5)
        other = tollway.Model("m", prices_nanousd_per_mtok={"input_text": 1})
        assert client.estimate(offline=True, card=other, model=M, messages="Hello").cost_max is None
    assert (found.cost_max, found.max_tokens, found.prompt_tokens) == (None, 5, 4)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"prompt": "def f("}, "only chats"),
        ({"messages": []}, "cannot be counted offline"),
        ({"messages": [{"role": "nobody", "content": "x"}]}, "cannot be counted offline"),
        (
            {"messages": [tollway.user("x", tollway.image("data:image/png;base64,AAAA"))]},
            "cannot be counted offline",
        ),
    ],
)
def test_what_cannot_be_counted_here_says_so(fields: dict[str, Any], why: str) -> None:
    with tollway.Tollway("tw_k") as client, pytest.raises(tollway.TollwayError, match=why):
        client.estimate(offline=True, model=M, **fields)


def test_without_the_extra_it_says_which_package_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mistral_common.protocol.instruct.request", None)
    _offline._tokenizer.cache_clear()
    try:
        with (
            tollway.Tollway("tw_k") as client,
            pytest.raises(tollway.TollwayError, match=r"tollway\[tokens\]"),
        ):
            client.estimate(offline=True, model=M, messages="Hello")
    finally:
        _offline._tokenizer.cache_clear()
