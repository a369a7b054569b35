"""LlamaIndex's Mistral client, unmodified.  It takes names of models that it knows: `magistral-small-latest` is one of them."""

from typing import Literal

from lines import serve
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.mistralai import MistralAI
from pydantic import BaseModel


def llm(ask):
    return MistralAI(model="magistral-small-latest", api_key=ask.key, endpoint=ask.url)


def usage_of(usage):
    return {name: getattr(usage, name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")}


async def chat(ask):
    answer = await llm(ask).achat([ChatMessage(ask.prompt)])
    return {"text": answer.message.content, "usage": usage_of(answer.raw["usage"])}


async def stream(ask):
    text, last = "", None
    async for last in await llm(ask).astream_chat([ChatMessage(ask.prompt)]):
        text += last.delta or ""
    return {"text": text, "usage": usage_of(last.raw.data.usage)}


def weather(city: str) -> str:
    """The weather in a city."""
    return f"{city}: sun"


async def tools(ask):
    api, tool = llm(ask), FunctionTool.from_defaults(weather)
    answer = await api.achat_with_tools([tool], ask.prompt, allow_parallel_tool_calls=True)
    return await report(api, ask, answer, tool)


async def streamed_tools(ask):
    api, tool = llm(ask), FunctionTool.from_defaults(weather)
    running = await api.astream_chat_with_tools([tool], ask.prompt, allow_parallel_tool_calls=True)
    answers = [answer async for answer in running]
    return await report(api, ask, answers[-1], tool)


async def report(api, ask, answer, tool):
    calls = api.get_tool_calls_from_response(answer)
    results = [
        ChatMessage(
            weather(**call.tool_kwargs),
            role="tool",
            additional_kwargs={"tool_call_id": call.tool_id, "name": "weather"},
        )
        for call in calls
    ]
    said = await api.achat_with_tools(
        [tool], chat_history=[ChatMessage(ask.prompt), answer.message, *results]
    )
    return {
        "calls": [{"name": call.tool_name, "arguments": call.tool_kwargs} for call in calls],
        "text": said.message.content,
    }


class Verdict(BaseModel):
    """Yes or no."""

    colour: Literal["red", "green"]


async def structured(ask):
    answer = await llm(ask).as_structured_llm(Verdict).acomplete(ask.prompt)
    return {"parsed": answer.raw.model_dump()}


serve({f.__name__: f for f in (chat, stream, tools, streamed_tools, structured)})
