"""pydantic-ai, unmodified: `pydantic_ai_driver.py openai` or `pydantic_ai_driver.py mistral`."""

import sys
from typing import Literal

from lines import serve
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.messages import ToolCallPart


def agent(ask, **options):
    if sys.argv[1] == "openai":
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        model = OpenAIChatModel(ask.model, provider=OpenAIProvider(base_url=f"{ask.url}/v1", api_key=ask.key))
    else:
        from pydantic_ai.models.mistral import MistralModel
        from pydantic_ai.providers.mistral import MistralProvider

        model = MistralModel(ask.model, provider=MistralProvider(base_url=ask.url, api_key=ask.key))
    return Agent(model, model_settings=ask.fields or {}, **options)


def seen(result, text):
    usage = result.usage
    usage = usage() if callable(usage) else usage
    tokens = {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens}
    return {
        "text": text,
        "finish_reason": result.response.finish_reason,
        "usage": {**tokens, "total_tokens": usage.total_tokens},
    }


async def chat(ask):
    result = await agent(ask).run(ask.prompt)
    return seen(result, result.output)


async def stream(ask):
    async with agent(ask).run_stream(ask.prompt) as result:
        text = "".join([piece async for piece in result.stream_text(delta=True)])
    return seen(result, text)


def weather(city: str) -> str:
    """The weather in a city."""
    return f"{city}: sun"


async def tools(ask):
    result = await agent(ask, tools=[weather]).run(ask.prompt)
    return called(result, result.output)


async def streamed_tools(ask):
    async with agent(ask, tools=[weather]).run_stream(ask.prompt) as result:
        text = "".join([piece async for piece in result.stream_text(delta=True)])
    return called(result, text)


def called(result, text):
    parts = [
        part for message in result.all_messages() for part in message.parts if isinstance(part, ToolCallPart)
    ]
    return {
        "calls": [{"name": part.tool_name, "arguments": part.args_as_dict()} for part in parts],
        "text": text,
    }


class Verdict(BaseModel):
    """Yes or no."""

    colour: Literal["red", "green"]


async def structured(ask):
    held = (
        Verdict if sys.argv[1] == "mistral" else NativeOutput(Verdict)
    )  # of Mistral's models it only knows tools
    result = await agent(ask, output_type=held).run(ask.prompt)
    return {"parsed": result.output.model_dump()}


serve({f.__name__: f for f in (chat, stream, tools, streamed_tools, structured)})
