"""Tools from typed Python functions, and the answers to what a model calls."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tollway._schema import schema_of
from tollway._types.chat import ChatCompletion, ToolCall

_WRONG = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Tool:
    """A Python function that a model may call; calling it calls the function.  `tollway.tool` makes one."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name: str = function.__name__
        self.description, said = _read_docstring(inspect.getdoc(function) or "")
        self._arguments = _arguments_of(function)
        self.parameters = schema_of(self._arguments)
        for name, field in self.parameters.get("properties", {}).items():
            if name in said:
                field.setdefault("description", said[name])
        self.parameters.pop("title", None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def as_json(self) -> dict[str, Any]:
        """As the API writes it in `tools`.

        Example: `tollway.tool(toll).as_json()["function"]["parameters"]`
        """
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}

    def run(self, arguments: str) -> Any:
        """Calls the function with a tool call's arguments, checked against its types; of an `async def` a coroutine.

        Raises:
            msgspec.ValidationError: they do not fit; what the function raises comes through.

        Example: `tollway.tool(toll).run('{"axles": 5}')`
        """
        given = msgspec.json.decode(arguments or "{}", type=self._arguments)
        return self.function(**{name: getattr(given, name) for name in given.__struct_fields__})


AnyTool = Tool | Callable[..., Any] | Mapping[str, Any]
"""A tool, a function to make one of, or a tool in OpenAI's shape."""


def tool(function: Callable[..., Any]) -> Tool:
    """A typed function as a tool: its name, its docstring (with `Args:`), and the JSON schema of its parameters.

    Raises:
        TypeError: a parameter has no type, a type has no JSON schema, or it is not passed by name.

    Example:
        @tollway.tool
        def toll(axles: int, night: bool = False) -> str:
            '''The toll for a vehicle, in dollars.'''
            return f"${axles * 2 if night else axles * 3}.00"
    """
    return Tool(function)


def as_tools(tools: Iterable[AnyTool]) -> list[Tool | Mapping[str, Any]]:
    """Functions become tools.  Raises what `tool` raises."""
    return [each if isinstance(each, Tool | Mapping) else tool(each) for each in tools]


def run_tools(answer: ChatCompletion, tools: Sequence[AnyTool]) -> list[dict[str, Any]]:
    """Runs what the answer calls, in its order, and returns the messages to send back, one for each call.

    A tool that does not exist and arguments that do not fit are told to the model, which can mend them; what a function
    raises comes through to you.

    Raises:
        TypeError: a function is `async def`: see `run_tools_async`.

    Example: `messages += [answer.as_message(), *tollway.run_tools(answer, tools)]`
    """
    mine = _by_name(tools)
    for call in answer.tool_calls:
        if call.name in mine and inspect.iscoroutinefunction(mine[call.name].function):
            raise TypeError(f"{call.name} is async: use `await tollway.run_tools_async(answer, tools)`")
    return [_message(call, _result(call, mine)) for call in answer.tool_calls]


async def run_tools_async(answer: ChatCompletion, tools: Sequence[AnyTool]) -> list[dict[str, Any]]:
    """`run_tools` for functions of which some or all are `async def`; what they raise comes through.

    Example: `messages += [answer.as_message(), *await tollway.run_tools_async(answer, tools)]`
    """
    mine, messages = _by_name(tools), []
    for call in answer.tool_calls:
        result = _result(call, mine)
        messages.append(_message(call, await result if isinstance(result, Awaitable) else result))
    return messages


def _by_name(tools: Sequence[AnyTool]) -> dict[str, Tool]:
    return {each.name: each for each in as_tools(tools) if isinstance(each, Tool)}


def _result(call: ToolCall, mine: dict[str, Tool]) -> Any:
    if call.name not in mine:
        return f"There is no tool {call.name!r}; there are: {', '.join(sorted(mine)) or 'none'}."
    try:
        return mine[call.name].run(call.arguments)
    except msgspec.DecodeError as error:  # also a ValidationError
        return f"The arguments of {call.name} do not fit: {error}"


def _message(call: ToolCall, result: Any) -> dict[str, Any]:
    text = result if isinstance(result, str) else msgspec.json.encode(result).decode()
    return {"role": "tool", "tool_call_id": call.id, "name": call.name, "content": text}


def _arguments_of(function: Callable[..., Any]) -> type[msgspec.Struct]:
    """A struct whose fields are the function's parameters."""
    hints = typing.get_type_hints(function, include_extras=True)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in _WRONG:
            raise TypeError(
                f"{function.__name__}: {parameter} cannot be passed by name, as tools' arguments are"
            )
        if name not in hints:
            raise TypeError(f"{function.__name__}: give {name} a type, so that a model knows what to pass")
        given = parameter.default is not inspect.Parameter.empty
        fields.append((name, hints[name], parameter.default) if given else (name, hints[name]))
    return msgspec.defstruct(function.__name__, fields, kw_only=True, forbid_unknown_fields=True)


def _read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """What stands before `Args:`, and what that section says of each name (Google's style)."""
    description, _, rest = text.partition("\nArgs:\n")
    said: dict[str, str] = {}
    name = ""
    for line in rest.splitlines():
        if line and not line.startswith(" "):
            break  # the next section
        head, colon, tail = line.strip().partition(":")
        if colon and line.startswith("    ") and not line.startswith("     "):
            name = head.split("(")[0].strip()
            said[name] = tail.strip()
        elif name and line.strip():
            said[name] += f" {line.strip()}"
    return description.strip(), said
