"""The `openai` package, unmodified: `openai_python.py sync` or `openai_python.py async`."""

import json
import sys
from typing import Literal

import openai
from lines import done, each, entered, serve
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


def client(ask, **options):
    kind = openai.AsyncOpenAI if ASYNC else openai.OpenAI
    return entered(kind(base_url=f"{ask.url}/v1", api_key=ask.key, **options))


def question(ask):
    return {"model": ask.model, "messages": [{"role": "user", "content": ask.prompt}], **(ask.fields or {})}


async def chat(ask):
    async with client(ask) as api:
        answer = await done(api.chat.completions.create(**question(ask)))
    (choice,) = answer.choices
    reasoning = getattr(choice.message, "reasoning", None)
    assert reasoning == getattr(choice.message, "reasoning_content", None), "either name"
    return {
        "text": choice.message.content,
        "reasoning": reasoning,
        "finish_reason": choice.finish_reason,
        "usage": answer.usage.model_dump(),
        "request_id": answer._request_id,
    }


async def stream(ask):
    text, thought, reason, usage, raw = "", "", None, None, []
    async with client(ask) as api:
        options = {} if ask.without_usage else {"stream_options": {"include_usage": True}}
        async for chunk in each(
            await done(api.chat.completions.create(**question(ask), stream=True, **options))
        ):
            raw.append(bool(chunk.choices))
            usage = chunk.usage or usage
            for choice in chunk.choices:
                text += choice.delta.content or ""
                thought += getattr(choice.delta, "reasoning", None) or ""
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
    async with client(ask) as api:
        first = await done(api.chat.completions.create(**fields, tools=[WEATHER]))
        message = first.choices[0].message
        assert first.choices[0].finish_reason == "tool_calls"
        return await report(api, fields, message.tool_calls, message)


async def streamed_tools(ask):
    """By its own helper, which puts the pieces together."""
    fields = question(ask)
    async with client(ask) as api, entered_stream(api, fields) as running:
        async for _ in each(running):
            pass
        message = (await done(running.get_final_completion())).choices[0].message
        return await report(api, fields, message.tool_calls, message)


def entered_stream(api, fields):
    return entered(api.chat.completions.stream(**fields, tools=[WEATHER]))


async def report(api, fields, calls, message):
    results = [
        {
            "role": "tool",
            "tool_call_id": call.id,
            "content": f"{json.loads(call.function.arguments)['city']}: sun",
        }
        for call in calls
    ]
    said = {
        "role": "assistant",
        "tool_calls": [call.model_dump(include={"id", "type", "function"}) for call in calls],
    }
    if message.content:
        said["content"] = message.content
    again = {**fields, "messages": [*fields["messages"], said, *results]}
    answer = await done(api.chat.completions.create(**again, tools=[WEATHER]))
    calls = [{"name": call.function.name, "arguments": json.loads(call.function.arguments)} for call in calls]
    return {"calls": calls, "text": answer.choices[0].message.content}


async def image(ask):
    parts = [{"type": "text", "text": ask.prompt}, {"type": "image_url", "image_url": {"url": ask.picture}}]
    async with client(ask) as api:
        answer = await done(
            api.chat.completions.create(model=ask.model, messages=[{"role": "user", "content": parts}])
        )
    return {"text": answer.choices[0].message.content, "usage": answer.usage.model_dump()}


class Verdict(BaseModel):
    colour: Literal["red", "green"]


async def structured(ask):
    async with client(ask) as api:
        answer = await done(api.chat.completions.parse(**question(ask), response_format=Verdict))
    parsed = answer.choices[0].message.parsed
    assert isinstance(parsed, Verdict)
    return {"parsed": parsed.model_dump(), "usage": answer.usage.model_dump()}


async def embeddings(ask):
    """It asks for base64 unless told otherwise, and unpacks it."""
    async with client(ask) as api:
        packed = await done(api.embeddings.create(model=ask.model, input=ask.inputs))
        floats = await done(api.embeddings.create(model=ask.model, input=ask.inputs, encoding_format="float"))
        ids = await done(api.embeddings.create(model=ask.model, input=[[1, 2, 3], [4]]))
    assert [item.index for item in packed.data] == list(range(len(ask.inputs)))
    assert (len(ids.data), ids.usage.prompt_tokens) == (2, 4)
    return {
        "vectors": [item.embedding for item in packed.data],
        "again": [item.embedding for item in floats.data],
        "usages": [each.usage.model_dump() for each in (packed, floats, ids)],
    }


async def models(ask):
    async with client(ask) as api:
        cards = [card async for card in each(api.models.list())]
        one = await done(api.models.retrieve(ask.model))
    return {"ids": [card.id for card in cards], "one": one.model_dump()}


async def error(ask):
    async with client(ask, max_retries=ask.retries or 0) as api:
        try:
            await done(api.chat.completions.create(**question(ask)))
        except openai.APIStatusError as raised:
            return {
                "type": type(raised).__name__,
                "status": raised.status_code,
                "code": raised.code,
                "param": raised.param,
                "message": raised.message,
                "request_id": raised.request_id,
                "retry_after": raised.response.headers.get("retry-after"),
            }
    raise AssertionError("no error")


async def broken_stream(ask):
    text = ""
    async with client(ask) as api:
        try:
            async for chunk in each(await done(api.chat.completions.create(**question(ask), stream=True))):
                text += chunk.choices[0].delta.content or ""
        except openai.APIError as raised:
            return {"text": text, "type": type(raised).__name__, "message": raised.message}
    raise AssertionError("the stream ended as if nothing had happened")


async def timeout(ask):
    async with client(ask, max_retries=0, timeout=ask.seconds) as api:
        try:
            await done(api.chat.completions.create(**question(ask)))
        except openai.APITimeoutError as raised:
            return {"type": type(raised).__name__}
    raise AssertionError("no timeout")


async def cancel(ask):
    pieces = []
    async with (
        client(ask) as api,
        entered(await done(api.chat.completions.create(**question(ask), stream=True))) as running,
    ):
        async for chunk in each(running):
            pieces.append(chunk.choices[0].delta.content or "")
            if len(pieces) > 5:
                break
    return {"text": "".join(pieces)}


async def retried(ask):
    """Two retries are its default."""
    return await chat(ask)


serve({f.__name__: f for f in (chat, stream, tools, streamed_tools, image, structured, embeddings, models, error,
                               broken_stream, timeout, cancel, retried)})  # fmt: skip
