r"""From a body's bytes to a Prompt, and from msgspec's complaints to a refusal that says where.

A lone surrogate (`"\ud800"`) is no character; msgspec refuses it anywhere in a body, but in words that mislead
("input data was truncated"), so it gets its own.
"""

import re

import msgspec

from gateway.tokens.types import Message, Prompt, PromptRejected, Tool

_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_MISSING = re.compile(r"missing required field `(\w+)`")


class _Body(msgspec.Struct, frozen=True):
    messages: list[Message]
    tools: list[Tool] | None = None


_body = msgspec.json.Decoder(_Body)


def decode_prompt(body: bytes) -> Prompt:
    """Raises PromptRejected."""
    try:
        view = _body.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise explain(error, body) from error
    return Prompt(messages=tuple(view.messages), tools=tuple(view.tools or ()))


def explain(error: msgspec.DecodeError | UnicodeDecodeError | RecursionError, body: bytes) -> PromptRejected:
    """What is wrong with a body, and where, in words for whoever sent it."""
    if isinstance(error, RecursionError):
        return PromptRejected("the body is nested too deeply", "body", "invalid_json")
    if isinstance(error, msgspec.ValidationError):
        problem, _, path = str(error).partition(" - at `$")
        where = path.rstrip("`").removeprefix(".")
        missing = _MISSING.search(problem)
        if missing is not None:
            where = f"{where}.{missing[1]}" if where else missing[1]
        return PromptRejected(problem, where or "body")
    lone = _LONE_SURROGATE.search(body)
    if lone is not None:
        return PromptRejected(
            f"{lone[0].decode()} is half a character (a lone surrogate); send the whole pair, or UTF-8",
            "body",
            "invalid_json",
        )
    return PromptRejected(f"the body is not valid JSON: {error}", "body", "invalid_json")
