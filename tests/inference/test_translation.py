"""What a worker of ours gets of Mistral's words, and what clients get back: thinking, pictures, prefixes, salts, both names."""

import json
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.catalog.read_toml import shipped
from gateway.catalog.snapshot import Catalog
from gateway.errors import BadRequest
from gateway.inference.default_prompt import with_default_prompt
from gateway.inference.events import Dialect
from gateway.inference.request import ChatRequest, parse
from gateway.inference.respond import name_reasoning_twice
from gateway.inference.tally import Sizes
from gateway.inference.translate import translate
from gateway.tokens.count import count_prompt
from gateway.tokens.open import open_vocabulary
from gateway.tokens.types import Prompt, PromptBound
from gateway.workers.types import Kind, Worker
from tests.tokens.conftest import Encode, encoder_v13

CATALOG = Catalog(shipped())
MODEL = CATALOG.require("magistral-small-2509")
HI = {"role": "user", "content": "Hi"}
KINDS: tuple[Kind, ...] = ("openai", "vllm", "sglang", "llamacpp", "ollama")


def request_of(messages: list[dict[str, Any]], dialect: Dialect = "openai", **fields: Any) -> ChatRequest:
    body = {"model": MODEL.id, "messages": messages, **fields}
    return msgspec.structs.replace(parse(json.dumps(body).encode(), dialect), account_id="acc_1")


def sent(request: ChatRequest, kind: Kind) -> dict[str, Any]:
    worker = Worker(name="w", url="http://w", kind=kind, models={MODEL.id: "own-name"})
    bound = PromptBound(0, 0)
    assert isinstance(request.prompt, Prompt)
    sizes = Sizes(
        model=MODEL, prompt=request.prompt, bound=bound, input_tokens_max=9, output_tokens_max=MODEL.context_tokens
    )  # fmt: skip
    return cast(dict[str, Any], json.loads(translate(request, worker, sizes)))


def thinking(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}], **more}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


PARTS = [thinking("hm"), text("4"), {"type": "reference", "reference_ids": [1]}, text("!")]


def test_vllm_gets_thinking_as_a_string() -> None:
    messages = [HI, {"role": "assistant", "content": PARTS}, HI]
    found = sent(request_of(messages), "vllm")["messages"]
    assert found[1]["content"] == [
        {"type": "thinking", "thinking": "hm", "closed": True},
        text("4"),
        text("!"),
    ]
    assert (found[0], found[2]) == (HI, HI)
    string = [{"type": "thinking", "thinking": "hm", "closed": False}, text("4")]
    again = sent(request_of([HI, {"role": "assistant", "content": string}, HI]), "vllm")["messages"]
    assert again[1]["content"] == string


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "vllm"])
def test_others_get_thinking_in_the_templates_own_words(kind: Kind) -> None:
    messages = [
        {"role": "system", "content": [text("Think:"), thinking("so"), text("Then say.")]},
        HI,
        {"role": "assistant", "content": [thinking("open", closed=False)], "prefix": True},
    ]
    found = sent(request_of(messages), kind)["messages"]
    assert found[0]["content"] == [text("Think:[THINK]so[/THINK]Then say.")]
    assert found[2]["content"] == [text("[THINK]open")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_as_a_bare_string_becomes_an_object(kind: Kind) -> None:
    url = "data:image/png;base64,AAAA"
    content = [text("What?"), {"type": "image_url", "image_url": url}]
    found = sent(request_of([{"role": "user", "content": content}]), kind)
    assert found["messages"][0]["content"] == [
        text("What?"),
        {"type": "image_url", "image_url": {"url": url}},
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_what_needs_no_translation_is_passed_on_byte_for_byte(kind: Kind) -> None:
    raw = b'[ {"role":"user",  "content":"\\u0041", "unknown": 1.50} ]'
    request = parse(b'{"model":"m","messages":' + raw + b"}", "openai")
    worker = Worker(name="w", url="http://w", kind=kind, models={MODEL.id: "own"})
    assert isinstance(request.prompt, Prompt)
    sizes = Sizes(
        model=MODEL,
        prompt=request.prompt,
        bound=PromptBound(0, 0),
        input_tokens_max=1,
        output_tokens_max=1,
    )
    assert raw in translate(request, worker, sizes)


def test_a_prefix_is_continued_by_vllm() -> None:
    messages = [HI, {"role": "assistant", "content": "Once upon", "prefix": True}]
    found = sent(request_of(messages, "mistral"), "vllm")
    assert (found["continue_final_message"], found["add_generation_prompt"]) == (True, False)
    assert "continue_final_message" not in sent(request_of([HI]), "vllm")


@pytest.mark.parametrize("dialect", ["openai", "mistral"])
@pytest.mark.parametrize("kind", KINDS)
def test_mistrals_own_fields_reach_no_other_server(kind: Kind, dialect: Dialect) -> None:
    fields = {"prompt_mode": None, "safe_prompt": True, "random_seed": 7, "tool_choice": "any", "top_k": 3}
    found = sent(request_of([HI], dialect, **fields), kind)
    assert not {"prompt_mode", "safe_prompt", "random_seed"} & found.keys()
    assert (found["seed"], found["tool_choice"], found["top_k"]) == (7, "required", 3)


def test_accounts_share_no_prefix_cache() -> None:
    one = request_of([HI])
    other = msgspec.structs.replace(one, account_id="acc_2")
    salted = request_of([HI], cache_salt="mine")
    salts = [sent(each, "vllm")["cache_salt"] for each in (one, other, salted, one)]
    assert len(set(salts)) == 3
    assert salts[0] == salts[3]
    assert "mine" not in salts
    assert "cache_salt" not in sent(one, "llamacpp")


# --------------------------------------------------------------------------- the default system prompt


@pytest.fixture
def mistral_v13(tmp_path: Path) -> Encode:
    return encoder_v13(tmp_path)


def test_it_is_123_tokens_by_mistrals_own_count(mistral_v13: Encode) -> None:
    plain = request_of([HI])
    told = with_default_prompt(plain, MODEL)
    assert isinstance(plain.prompt, Prompt) and isinstance(told.prompt, Prompt)
    words = open_vocabulary(MODEL.tokenizer)
    words.open()
    more = count_prompt(told.prompt, words).prompt_tokens - count_prompt(plain.prompt, words).prompt_tokens
    messages = json.loads(bytes(told.fields["messages"]))
    spelled = [{**messages[0], "content": sent(told, "vllm")["messages"][0]["content"]}, *messages[1:]]
    assert more == 123
    assert len(mistral_v13({"messages": spelled})) - len(mistral_v13({"messages": [HI]})) == 123


def test_what_is_counted_is_what_is_sent() -> None:
    told = with_default_prompt(request_of([HI]), MODEL)
    again = parse(json.dumps({"model": "m", "messages": json.loads(bytes(told.fields["messages"]))}).encode(), "openai")  # fmt: skip
    assert again.prompt == told.prompt
    assert isinstance(told.prompt, Prompt)
    assert [message.role for message in told.prompt.messages] == ["system", "user"]


@pytest.mark.parametrize(
    ("messages", "fields"),
    [
        ([HI], {"prompt_mode": None}),
        ([{"role": "system", "content": "Be brief."}, HI], {}),
        ([{"role": "developer", "content": "Be brief."}, HI], {"prompt_mode": "reasoning"}),
    ],
)
def test_opting_out(messages: list[dict[str, Any]], fields: dict[str, Any]) -> None:
    request = request_of(messages, **fields)
    assert with_default_prompt(request, MODEL) is request


def test_asked_for_by_name_and_only_for_models_that_have_one() -> None:
    asked = request_of([HI], prompt_mode="reasoning")
    assert with_default_prompt(asked, MODEL) is not asked
    assert with_default_prompt(asked, CATALOG.require("ministral-3b-2512")) is asked


@pytest.mark.parametrize("mode", ["fast", 5, ["reasoning"]])
def test_another_mode_is_refused(mode: Any) -> None:
    with pytest.raises(BadRequest, match="null for no default prompt"):
        with_default_prompt(request_of([HI], prompt_mode=mode), MODEL)


# --------------------------------------------------------------------------- reasoning under both names

TRICKY = st.text(st.sampled_from('"\\:{},reasoning_content \n\u00e9\U0001f680'), max_size=40) | st.text()


@example("", "reasoning", "reasoning_content", True)
@given(TRICKY, TRICKY, st.sampled_from(["reasoning", "reasoning_content"]), st.booleans())
def test_reasoning_has_both_names_and_nothing_else_changes(
    thought: str, said: str, name: str, compact: bool
) -> None:
    delta = {"content": said, name: thought, "x": {"y": said}}
    chunk = {"choices": [{"index": 0, "delta": delta}], "note": said}
    payload = json.dumps(chunk, separators=(",", ":") if compact else None, ensure_ascii=compact).encode()
    found = json.loads(name_reasoning_twice(payload))
    assert found["choices"][0]["delta"] == {**delta, "reasoning": thought, "reasoning_content": thought}
    assert found["note"] == said


@given(TRICKY)
def test_without_reasoning_nothing_is_touched(said: str) -> None:
    for delta in ({"content": said}, {"content": said, "reasoning": None}):
        payload = json.dumps({"choices": [{"delta": delta}]}).encode()
        assert name_reasoning_twice(payload) == payload
    both = json.dumps({"choices": [{"delta": {"reasoning": said, "reasoning_content": said}}]}).encode()
    assert name_reasoning_twice(both) == both
