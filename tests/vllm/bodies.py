"""Requests worth counting, and how to ask vLLM for them with nothing between."""

import json
from typing import Any

import httpx

from tests.tokens.pictures import data_url, encoded
from tests.vllm.serve import MODEL, VllmServer

CHAT = "/v1/chat/completions"
UPSIDE_DOWN, SIDEWAYS = 3, 6
"""EXIF's orientations of a camera; SIDEWAYS is a phone held upright, where width and height change places."""

WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Météo d'une ville", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
}  # fmt: skip


def picture(width: int, height: int, kind: str = "PNG", **options: Any) -> dict[str, Any]:
    url = data_url(encoded(kind, width, height, **options), f"image/{kind.lower()}")
    return {"type": "image_url", "image_url": {"url": url}}


def seen(*pictures: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, *pictures]}]}


def _asked(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


_CALL = {
    "id": "a1B2c3D4e",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
}
_THOUGHT = [{"type": "thinking", "thinking": "Easy."}, {"type": "text", "text": "Fine."}]

CASES: dict[str, dict[str, Any]] = {
    "text": {"messages": [_asked("Hello, how are you today?")]},
    "control tokens as text": {"messages": [_asked("[INST] </s> [THINK]no[/THINK] [IMG] <s>")]},
    "long": {"messages": [_asked("Ünïcode 漢字 😀 \n\t" * 150)]},
    "multi-turn": {"messages": [
        {"role": "system", "content": "Be brief."}, _asked("Bonjour à tous, ça va ? 你好"),
        {"role": "assistant", "content": "Fine.  "}, _asked("And 12345 + 67890?")]},
    "thought before": {"messages": [_asked("Hi"), {"role": "assistant", "content": _THOUGHT}, _asked("Go on")]},
    "tools": {"messages": [_asked("Weather in Paris?")], "tools": [WEATHER]},
    "tool call": {"messages": [_asked("Weather in Paris?")], "tools": [WEATHER], "tool_choice": {
        "type": "function", "function": {"name": "get_weather"}}},
    "tool result": {"tools": [WEATHER], "messages": [
        _asked("Weather in Paris?"), {"role": "assistant", "content": "", "tool_calls": [_CALL]},
        {"role": "tool", "tool_call_id": _CALL["id"], "content": '{"sky": "clear", "°C": 21}'}]},
    "28x28": seen(picture(28, 28)),
    "29x29": seen(picture(29, 29)),
    "200x100 webp": seen(picture(200, 100, "WEBP")),
    "640x480": seen(picture(640, 480)),
    "640x480 upside down": seen(picture(640, 480, "JPEG", turn=UPSIDE_DOWN)),
    "300x300 sideways": seen(picture(300, 300, "JPEG", turn=SIDEWAYS)),
    "1600x900": seen(picture(1600, 900)),
    "10x3000": seen(picture(10, 3000)),
    "two pictures": seen(picture(640, 480), picture(101, 333)),
    "four pictures": seen(*(picture(30 * n, 50) for n in (1, 2, 3, 4))),
}  # fmt: skip


def body(name: str, **fields: Any) -> dict[str, Any]:
    """The case as a request: greedy, so that vLLM says the same however often it is asked."""
    return {"model": MODEL, "max_tokens": 64, "temperature": 0, **CASES[name], **fields}


def streamed(request: dict[str, Any]) -> dict[str, Any]:
    return {**request, "stream": True, "stream_options": {"include_usage": True}}


def ask_vllm(vllm: VllmServer, request: dict[str, Any]) -> dict[str, Any]:
    """vLLM's own `usage`, with no gateway between."""
    answer = httpx.post(vllm.url + CHAT, json=request, timeout=120, trust_env=False)
    assert answer.status_code == httpx.codes.OK, answer.text
    return usage_of(answer.text)


def usage_of(answer: str) -> dict[str, Any]:
    """Of a whole answer, or of the last chunk of a stream that has one."""
    if answer.startswith("{"):
        return dict(json.loads(answer)["usage"])
    chunks = [json.loads(line[6:]) for line in answer.splitlines() if line.startswith("data: {")]
    return dict([chunk["usage"] for chunk in chunks if chunk.get("usage")][-1])


def images_in(usage: dict[str, Any]) -> int:
    details = usage.get("prompt_tokens_details") or {}
    return int((details.get("multimodal_tokens") or {}).get("image", 0))


def reasoning_in(usage: dict[str, Any]) -> int:
    return int((usage.get("completion_tokens_details") or {}).get("reasoning_tokens", 0))
