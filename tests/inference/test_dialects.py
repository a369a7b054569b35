"""One internal event type, two spellings: what each worker's dialect becomes for each client's."""

import json
from typing import Any

import msgspec
import pytest

from gateway.catalog.read_toml import shipped
from gateway.catalog.snapshot import Catalog
from gateway.errors import BadRequest, WorkerFailed
from gateway.inference.decode import decode
from gateway.inference.events import Dialect
from gateway.inference.meter import Meter
from gateway.inference.request import dialect_of, parse
from gateway.inference.respond import Responder, leave_out_null_usage
from gateway.inference.skim import skim
from gateway.inference.tally import Sizes
from gateway.inference.translate import translate
from gateway.kit import sse
from gateway.tokens.types import PromptBound
from gateway.workers.types import Kind, Worker

USAGE = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "cost_nanousd": 3200}


def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more}  # fmt: skip
    return json.dumps(body).encode()


def speak(
    client: Dialect, worker: Dialect, chunks: list[bytes], *, include_usage: bool = False
) -> list[dict[str, Any]]:
    """A stream through meter and responder, as relay.py drives them; returns what the client reads."""
    meter = Meter("vllm")
    responder = Responder(client=client, worker=worker, include_usage=include_usage)
    out = b""
    for payload in chunks:
        event = meter.observe(payload)
        if meter.finished:
            responder.keep_back(payload)
        else:
            out += responder.chunk(payload, event) or b""
    assert meter.finished
    out += responder.tail(USAGE)
    lines = [line.removeprefix(b"data: ") for line in out.split(b"\n\n") if line]
    assert lines.pop() == b"[DONE]"
    return [json.loads(line) for line in lines]


VLLM = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning": "2+2"}),
    chunk({"reasoning": " is"}),
    chunk({"content": "4"}),
    chunk({"content": "!"}),
    chunk({}, "stop"),
    json.dumps(
        {
            "id": "c",
            "created": 1,
            "model": "m",
            "choices": [],
            "usage": {"prompt_tokens": 10, "completion_tokens": 2},
        }
    ).encode(),
]
MISTRAL_API = [
    chunk({"role": "assistant", "content": ""}, p="abc"),
    chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "2+2"}]}]}),
    chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": " is"}], "closed": True}, {"type": "text", "text": "4"}]}),
    chunk({"content": "!"}),
    chunk({"content": ""}, "stop", usage={"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}),
]  # fmt: skip
TOOLS = [
    chunk({"role": "assistant", "content": None}),
    chunk({"tool_calls": [{"index": 0, "id": "call-abc_123456789", "type": "function", "function": {"name": "f", "arguments": '{"a"'}}]}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
    chunk({}, "tool_calls"),
]  # fmt: skip


def test_mistral_clients_see_thinking_chunks_from_vllms_reasoning() -> None:
    seen = speak("mistral", "openai", VLLM)
    contents = [c["choices"][0]["delta"]["content"] for c in seen]
    assert contents[1] == [{"type": "thinking", "thinking": [{"type": "text", "text": "2+2"}]}]
    assert contents[3:5] == ["4", "!"]
    assert all("finish_reason" in c["choices"][0] for c in seen), "on every chunk"
    assert [("usage" in c) for c in seen] == [False] * (len(seen) - 1) + [True], (
        "on the last, and nowhere else"
    )
    assert seen[-1]["usage"] == USAGE
    assert seen[-1]["choices"][0]["finish_reason"] == "stop"


def test_openai_clients_see_reasoning_from_the_mistral_apis_thinking() -> None:
    seen = speak("openai", "mistral", MISTRAL_API, include_usage=True)
    deltas = [c["choices"][0]["delta"] for c in seen if c["choices"]]
    assert "".join(d.get("reasoning", "") for d in deltas) == "2+2 is"
    assert "".join(d.get("reasoning_content", "") for d in deltas) == "2+2 is"
    assert "".join(d.get("content", "") for d in deltas) == "4!"
    assert all(isinstance(d.get("content", ""), str) for d in deltas)
    assert seen[-1]["choices"] == []
    assert seen[-1]["usage"] == USAGE
    assert not any("usage" in c for c in seen[:-1])


def test_openai_clients_that_did_not_ask_see_no_usage() -> None:
    assert not any("usage" in c for c in speak("openai", "mistral", MISTRAL_API))
    assert not any("usage" in c for c in speak("openai", "openai", VLLM))


@pytest.mark.parametrize(
    ("client", "worker", "stream"), [("openai", "openai", VLLM), ("mistral", "mistral", MISTRAL_API)]
)
def test_alike_dialects_pass_untouched(client: Dialect, worker: Dialect, stream: list[bytes]) -> None:
    seen = speak(client, worker, stream)
    for chunk in seen:
        for choice in chunk["choices"]:  # which OpenAI's clients get under both of its names
            assert choice["delta"].pop("reasoning_content", None) == choice["delta"].get("reasoning")
    assert seen[:4] == [json.loads(payload) for payload in stream[:4]]
    if client == "mistral":
        assert seen[-1] == {**json.loads(stream[-1]), "usage": USAGE}


@pytest.mark.parametrize("said", ["Hi", '"usage":null,', ',"usage": null'])
def test_a_null_usage_is_left_out_for_mistrals_clients_and_nothing_else(said: str) -> None:
    for fields in ({"usage": None, "delta": said}, {"delta": said, "usage": None}, {"delta": said}):
        for separators in (None, (",", ":")):
            payload = json.dumps(fields, separators=separators).encode()
            assert json.loads(leave_out_null_usage(payload)) == {"delta": said}


def test_tool_calls_for_mistral_clients_always_have_a_name_and_nine_characters_of_id() -> None:
    calls = [
        c["choices"][0]["delta"]["tool_calls"][0]
        for c in speak("mistral", "openai", TOOLS)
        if "tool_calls" in c["choices"][0]["delta"]
    ]
    assert [call["function"]["name"] for call in calls] == ["f", ""]
    assert [call["id"] for call in calls] == ["123456789", "null"]
    assert "".join(call["function"]["arguments"] for call in calls) == '{"a":1}'


def test_tool_calls_from_the_mistral_api_for_openai_clients() -> None:
    mistral = [
        chunk(
            {"tool_calls": [{"id": "D681PevKs", "function": {"name": "f", "arguments": '{"a":'}, "index": 0}]}
        ),
        chunk({"tool_calls": [{"id": "null", "function": {"name": "", "arguments": "1}"}, "index": 0}]}),
        chunk({"content": ""}, "tool_calls"),
    ]
    calls = [c["choices"][0]["delta"]["tool_calls"][0] for c in speak("openai", "mistral", mistral)[:2]]
    assert calls[0]["id"] == "D681PevKs"
    assert calls[0]["function"] == {"name": "f", "arguments": '{"a":'}
    assert "id" not in calls[1]
    assert calls[1]["function"] == {"arguments": "1}"}


def whole(client: Dialect, worker: Dialect, message: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "extra": 1,
                       "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
                       "usage": {"prompt_tokens": 10, "completion_tokens": 2}}).encode()  # fmt: skip
    responder = Responder(client=client, worker=worker, include_usage=False)
    return dict(json.loads(responder.whole(body, decode(body), USAGE)))


def test_whole_answers_between_dialects() -> None:
    for_mistral = whole("mistral", "openai", {"role": "assistant", "content": "4", "reasoning": "2+2"})
    assert for_mistral["choices"][0]["message"]["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "2+2"}], "closed": True}, {"type": "text", "text": "4"},
    ]  # fmt: skip
    thought = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "2+2"}]},
        {"type": "text", "text": "4"},
    ]
    for_openai = whole("openai", "mistral", {"role": "assistant", "content": thought})
    message = for_openai["choices"][0]["message"]
    assert (message["content"], message["reasoning"], message["reasoning_content"]) == ("4", "2+2", "2+2")
    call = {"id": "abc", "function": {"name": "f", "arguments": {"a": 1}}}
    only_tools = whole("openai", "mistral", {"role": "assistant", "content": "", "tool_calls": [call]})
    assert only_tools["choices"][0]["message"]["content"] is None
    assert only_tools["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"a":1}'
    for each in (for_mistral, for_openai, whole("openai", "openai", {"role": "assistant", "content": "x"})):
        assert each["usage"] == USAGE
    assert whole("openai", "openai", {"content": "x"})["extra"] == 1, "unknown fields pass"


@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", b"[]", b'{"choices": 5}', b'{"error": {"message": "dead"}}', b'{"usage": {"prompt_tokens": -1}}',
     b'{"usage": {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}}}', b'{"choices":[{"delta":{"content":"\xff"}}]}',
     b'{"usage": {"prompt_tokens": 99999999999999}}', b'{"usage": {"prompt_tokens": 1.5}}'],
)  # fmt: skip
def test_what_no_worker_should_send(body: bytes) -> None:
    with pytest.raises(WorkerFailed, match="nothing was charged"):
        decode(body)


def test_a_model_cannot_fake_its_usage_in_its_answer() -> None:
    meter = Meter("vllm")
    said = '{"usage":{"prompt_tokens":0},"finish_reason":"stop","error":{}}'
    found = skim(sse.encode(chunk({"content": said})))
    assert found is not None, "escaped inside a string, it need not be looked at"
    assert found.usage is None
    meter.observe(chunk({"content": said}))
    assert not meter.finished
    assert meter.usage is None


# ---------------------------------------------------------------------- what the worker is sent

BODY = {"model": "magistral-small-latest", "messages": [{"role": "user", "content": "x"}], "stream": True,
        "max_tokens": 9, "random_seed": 3, "prompt_mode": "reasoning", "safe_prompt": False, "tool_choice": "any",
        "stream_options": {"include_usage": False, "other": 1}, "custom": "ü"}  # fmt: skip


def sent(kind: Kind, dialect: Dialect, limit: int = 7, **changes: Any) -> dict[str, Any]:
    request = parse(json.dumps({**BODY, **changes}).encode(), dialect)
    worker = Worker(name="w", url="http://w", kind=kind, models={"m": "own-name"})
    model = msgspec.structs.replace(Catalog(shipped()).require("magistral-small-2509"), id="m")
    sizes = Sizes(
        model=model,
        prompt=request.prompt,
        bound=PromptBound(9, 0),
        input_tokens_max=9,
        output_tokens_max=limit,
    )
    return dict(json.loads(translate(request, worker, sizes)))


def test_a_mistral_client_in_front_of_vllm() -> None:
    body = sent("vllm", "mistral")
    assert (body["model"], body["max_tokens"], body["seed"], body["tool_choice"]) == (
        "own-name",
        7,
        3,
        "required",
    )
    assert body["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}
    assert not {"random_seed", "prompt_mode", "safe_prompt"} & set(body)
    assert body["custom"] == "ü"


def test_a_mistral_client_in_front_of_the_mistral_api() -> None:
    body = sent("mistral", "mistral")
    assert body["random_seed"] == 3
    assert body["prompt_mode"] == "reasoning"
    assert "stream_options" not in body, "it knows no such field; usage comes unasked"


def test_an_openai_client_in_front_of_the_mistral_api() -> None:
    body = sent("mistral", "openai", seed=5, random_seed=None)
    assert "stream_options" not in body


def test_llama_cpp_counts_as_it_goes() -> None:
    assert sent("llamacpp", "openai")["timings_per_token"] is True
    assert "timings_per_token" not in sent("llamacpp", "openai", stream=False)


def test_max_tokens_left_out_stays_out_unless_the_balance_is_short() -> None:
    assert "max_tokens" not in sent("vllm", "openai", 131_072, max_tokens=None)
    assert sent("vllm", "openai", 500, max_tokens=None)["max_tokens"] == 500


def test_no_other_word_lifts_the_limits() -> None:
    """llama.cpp would write 99 tokens three times, and the hold is for 50 of them, once."""
    for kind in ("llamacpp", "vllm", "openai", "mistral"):
        body = sent(kind, "openai", 50, n_predict=99, n_cmpl=3)  # type: ignore[arg-type]
        assert body["max_tokens"] == 50
        assert not {"n_predict", "n_cmpl"} & body.keys()


def test_clients_are_told_apart_by_their_name() -> None:
    assert dialect_of("mistral-client-python/3.7.0") == "mistral"
    assert dialect_of("mistral-client-typescript/2.7.0") == "mistral"
    assert dialect_of("OpenAI/Python 3.51.0") == "openai"
    assert dialect_of("") == "openai"
    assert dialect_of("python-httpx/0.28.1", "/mistral/v1/chat/completions") == "mistral"
    assert dialect_of("python-httpx/0.28.1", "/v1/chat/completions") == "openai"


def test_the_smaller_limit_wins() -> None:
    request = parse(json.dumps({**BODY, "max_completion_tokens": 4}).encode(), "openai")
    assert request.output_tokens_max == 4
    with pytest.raises(BadRequest):
        parse(json.dumps({**BODY, "max_completion_tokens": 0}).encode(), "openai")
