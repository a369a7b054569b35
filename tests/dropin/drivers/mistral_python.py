"""The `mistralai` package, unmodified: `mistral_python.py sync` or `mistral_python.py async`."""

import json
import sys
from typing import Literal

import httpx2
from lines import done, each, entered, serve
from mistralai.client import Mistral
from mistralai.client.errors import MistralError
from mistralai.client.utils.retries import BackoffStrategy, RetryConfig
from pydantic import BaseModel

ASYNC = sys.argv[1] == "async"
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Client:
    """Either of its shells, whose methods differ by `_async`."""

    def __init__(self, ask, **options):
        self._client = Mistral(server_url=ask.url, api_key=ask.key, **options)

    async def call(self, part, method, **fields):
        owner = getattr(self._client, part)
        return await done(getattr(owner, f"{method}_async" if ASYNC else method)(**fields))


def question(ask):
    return {"model": ask.model, "messages": [{"role": "user", "content": ask.prompt}], **(ask.fields or {})}


def split(content):
    """Text and thinking: a string, or parts."""
    if not isinstance(content, list):
        return content or "", None
    text = "".join(part.text for part in content if part.type == "text")
    thoughts = [piece.text for part in content if part.type == "thinking" for piece in part.thinking]
    return text, "".join(thoughts) or None


async def chat(ask, **options):
    answer = await Client(ask, **options).call("chat", "complete", **question(ask))
    (choice,) = answer.choices
    text, reasoning = split(choice.message.content)
    return {
        "text": text,
        "reasoning": reasoning,
        "finish_reason": choice.finish_reason,
        "usage": answer.usage.model_dump(),
    }


async def stream(ask):
    return await follow(ask, "chat", **question(ask))


async def follow(ask, part, **fields):
    text, thought, reason, usage, raw = "", "", None, None, []
    async with entered(await Client(ask).call(part, "stream", **fields)) as running:
        async for event in each(running):
            raw.append(bool(event.data.choices))
            usage = event.data.usage or usage
            for choice in event.data.choices:
                more, thinking = split(choice.delta.content)
                text, thought = text + more, thought + (thinking or "")
                reason = choice.finish_reason or reason
    return {
        "text": text,
        "reasoning": thought or None,
        "finish_reason": reason,
        "usage": usage and usage.model_dump(),
        "every_chunk_has_choices": all(raw),
    }


async def tools(ask):
    fields = question(ask)
    first = await Client(ask).call("chat", "complete", **fields, tools=[WEATHER])
    assert first.choices[0].finish_reason == "tool_calls"
    message = first.choices[0].message
    return await report(ask, fields, message.tool_calls, message)


async def streamed_tools(ask):
    """It has no helper: the pieces of a call belong together by their index."""
    fields, calls = question(ask), {}
    async with entered(await Client(ask).call("chat", "stream", **fields, tools=[WEATHER])) as running:
        async for event in each(running):
            for piece in event.data.choices[0].delta.tool_calls or ():
                if piece.function.name:
                    calls[piece.index] = piece
                else:
                    calls[piece.index].function.arguments += piece.function.arguments
    said = {"role": "assistant", "content": "", "tool_calls": list(calls.values())}
    return await report(ask, fields, said["tool_calls"], said)


async def report(ask, fields, calls, message):
    results = [
        {
            "role": "tool",
            "name": call.function.name,
            "tool_call_id": call.id,
            "content": f"{json.loads(call.function.arguments)['city']}: sun",
        }
        for call in calls
    ]
    again = {**fields, "messages": [*fields["messages"], message, *results]}
    answer = await Client(ask).call("chat", "complete", **again, tools=[WEATHER])
    return {
        "calls": [
            {"name": call.function.name, "arguments": json.loads(call.function.arguments)} for call in calls
        ],
        "ids": [call.id for call in calls],
        "text": answer.choices[0].message.content,
    }


async def image(ask):
    """Its documented form: the URL as a bare string."""
    parts = [{"type": "text", "text": ask.prompt}, {"type": "image_url", "image_url": ask.picture}]
    messages = [{"role": "user", "content": parts}]
    answer = await Client(ask).call("chat", "complete", model=ask.model, messages=messages)
    return {"text": answer.choices[0].message.content, "usage": answer.usage.model_dump()}


class Verdict(BaseModel):
    colour: Literal["red", "green"]


async def structured(ask):
    answer = await Client(ask).call("chat", "parse", **question(ask), response_format=Verdict)
    parsed = answer.choices[0].message.parsed
    assert isinstance(parsed, Verdict)
    return {"parsed": parsed.model_dump(), "usage": answer.usage.model_dump()}


async def embeddings(ask):
    first, again = [
        await Client(ask).call("embeddings", "create", model=ask.model, inputs=ask.inputs) for _ in range(2)
    ]
    assert [item.index for item in first.data] == list(range(len(ask.inputs)))
    return {
        "vectors": [item.embedding for item in first.data],
        "again": [item.embedding for item in again.data],
        "usages": [each.usage.model_dump() for each in (first, again)],
    }


async def fim(ask):
    fields = {"model": ask.model, "prompt": ask.prompt, "suffix": ask.suffix, "temperature": 0}
    whole = await Client(ask).call("fim", "complete", **fields, random_seed=1, max_tokens=40)
    return {
        "text": whole.choices[0].message.content,
        "usage": whole.usage.model_dump(),
        "streamed": await follow(ask, "fim", **fields),
    }


async def models(ask):
    cards = (await Client(ask).call("models", "list")).data
    one = await Client(ask).call("models", "retrieve", model_id=ask.model)
    return {"ids": [card.id for card in cards], "one": one.model_dump(mode="json")}


async def error(ask):
    try:
        await chat(ask)
    except MistralError as raised:
        body = json.loads(raised.body)
        return {
            "type": type(raised).__name__,
            "status": raised.status_code,
            "code": body["code"],
            "param": body["param"],
            "message": body["message"],
            "request_id": raised.headers.get("x-request-id"),
            "retry_after": raised.headers.get("retry-after"),
        }
    raise AssertionError("no error")


async def broken_stream(ask):
    text = ""
    try:
        async with entered(await Client(ask).call("chat", "stream", **question(ask))) as running:
            async for event in each(running):
                text += event.data.choices[0].delta.content
    except MistralError as raised:
        return {"text": text, "type": type(raised).__name__, "message": raised.body}
    raise AssertionError("the stream ended as if nothing had happened")


async def timeout(ask):
    try:
        await chat(ask, timeout_ms=int(ask.seconds * 1000))
    except httpx2.TimeoutException as raised:
        return {"type": type(raised).__name__}
    raise AssertionError("no timeout")


async def cancel(ask):
    pieces = []
    async with entered(await Client(ask).call("chat", "stream", **question(ask))) as running:
        async for event in each(running):
            pieces.append(event.data.choices[0].delta.content)
            if len(pieces) > 5:
                break
    return {"text": "".join(pieces)}


async def retried(ask):
    """It has to be told to."""
    backoff = BackoffStrategy(100, 2000, 1.5, 10_000)
    return await chat(ask, retry_config=RetryConfig("backoff", backoff, retry_connection_errors=False))


serve({f.__name__: f for f in (chat, stream, tools, streamed_tools, image, structured, embeddings, fim, models, error,
                               broken_stream, timeout, cancel, retried)})  # fmt: skip
