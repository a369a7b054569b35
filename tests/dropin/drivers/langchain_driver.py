"""LangChain, unmodified: `langchain_driver.py openai` (langchain-openai) or `mistral` (langchain-mistralai)."""

import sys
from typing import Literal

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from lines import serve
from pydantic import BaseModel


def model(ask):
    limits = ask.fields or {}
    if sys.argv[1] == "openai":
        from langchain_openai import ChatOpenAI

        # It asks for usage by itself only where the base URL is OpenAI's.
        return ChatOpenAI(
            base_url=f"{ask.url}/v1", api_key=ask.key, model=ask.model, stream_usage=True, **limits
        )
    from langchain_mistralai import ChatMistralAI

    return ChatMistralAI(base_url=f"{ask.url}/mistral/v1", api_key=ask.key, model=ask.model, **limits)


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"{city}: sun"


def usage_of(message):
    names = {
        "input_tokens": "prompt_tokens",
        "output_tokens": "completion_tokens",
        "total_tokens": "total_tokens",
    }
    usage = message.usage_metadata
    return usage and {theirs: usage[ours] for ours, theirs in names.items()}


def seen(message):
    return {
        "text": message.text,
        "finish_reason": message.response_metadata["finish_reason"],
        "usage": usage_of(message),
    }


async def chat(ask):
    return seen(await model(ask).ainvoke(ask.prompt))


async def stream(ask):
    """The sum of its chunks, which is how it is used."""
    whole = None
    for chunk in model(ask).stream(ask.prompt):
        whole = chunk if whole is None else whole + chunk
    return seen(whole)


async def tools(ask):
    return await rounds(ask, lambda bound, messages: bound.ainvoke(messages))


async def streamed_tools(ask):
    async def added(bound, messages):
        whole = None
        async for chunk in bound.astream(messages):
            whole = chunk if whole is None else whole + chunk
        return whole

    return await rounds(ask, added)


async def rounds(ask, say):
    bound = model(ask).bind_tools([weather])
    messages = [HumanMessage(ask.prompt)]
    called = await say(bound, messages)
    results = [
        ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"]) for call in called.tool_calls
    ]
    answer = await say(bound, [*messages, called, *results])
    calls = [{"name": call["name"], "arguments": call["args"]} for call in called.tool_calls]
    return {"calls": calls, "text": answer.text}


class Verdict(BaseModel):
    """Yes or no."""

    colour: Literal["red", "green"]


async def structured(ask):
    held = model(ask).with_structured_output(Verdict, method="json_schema")
    return {"parsed": (await held.ainvoke(ask.prompt)).model_dump()}


serve({f.__name__: f for f in (chat, stream, tools, streamed_tools, structured)})
