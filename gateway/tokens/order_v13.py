"""What tekken v13's template forbids, asked before a worker is: a 400 that says where, instead of the worker's own.

The rules are mistral_common's for serving (MISTRAL.md section 3.3), except that a function's JSON schema is not
judged.  Counting does not depend on them: a worker with a milder template may serve what is refused here.
"""

import re
from itertools import groupby

from gateway.tokens.template_v13 import role_of
from gateway.tokens.types import Message, Part, Prompt, PromptRejected

_MAY_FOLLOW = {
    "system": {"user", "assistant", "system"},
    "user": {"assistant", "system", "user"},
    "assistant": {"assistant", "user", "tool"},
    "tool": {"assistant", "tool", "user"},
}
_PARTS = {
    "system": {"text", "thinking", "reference"},
    "user": {"text", "image_url", "reference"},
    "assistant": {"text", "thinking", "reference"},
    "tool": {"text", "reference"},
}
_CALLING = frozenset({"assistant", "tool"})
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def refuse_disorder(prompt: Prompt) -> None:
    """Raises PromptRejected."""
    messages = prompt.messages
    if not messages:
        raise PromptRejected("there must be at least one message", "messages")
    for i, tool in enumerate(prompt.tools):
        assert tool.function is not None, "Prompt refuses tools without a function"
        _check_name(tool.function.name, f"tools[{i}].function.name")
    roles = [role_of(message) for message in messages]
    _check_ends(messages, roles)
    for i, message in enumerate(messages):
        if i and roles[i] not in _MAY_FOLLOW[roles[i - 1]]:
            raise PromptRejected(
                f"a {message.role} message cannot follow a {messages[i - 1].role} message",
                f"messages[{i}].role",
            )
        _check_content(message, roles[i], f"messages[{i}]")
        if roles[i] in _CALLING:
            _check_calls(message, roles[i], f"messages[{i}]")
    if not _CALLING.isdisjoint(roles):
        _check_results(messages)
        _check_assistants(messages)


def _check_ends(messages: tuple[Message, ...], roles: list[str]) -> None:
    if len(messages) == 1 and roles[0] not in {"user", "system"}:
        raise PromptRejected("a lone message is a user's or a system's", "messages[0].role")
    for i, message in enumerate(messages):
        is_last = i == len(messages) - 1
        if roles[i] == "assistant" and is_last and not message.prefix:
            raise PromptRejected(
                "the last message is a user's or a tool's, or an assistant's with prefix", f"messages[{i}]"
            )
        if roles[i] == "assistant" and message.prefix and not is_last:
            raise PromptRejected("only the last message can be a prefix", f"messages[{i}].prefix")


def _check_content(message: Message, role: str, where: str) -> None:
    if message.content is None and role != "assistant":
        raise PromptRejected(f"a {message.role} message needs content", f"{where}.content")
    parts: list[Part] = message.content if isinstance(message.content, list) else []
    for j, part in enumerate(parts):
        if part.type not in _PARTS[role]:
            raise PromptRejected(
                f"a {message.role} message takes no {part.type}", f"{where}.content[{j}].type"
            )
    if role != "assistant":
        return
    if message.reasoning_content not in {None, message.thought}:
        raise PromptRejected("reasoning and reasoning_content differ", f"{where}.reasoning_content")
    if message.thought is not None and any(part.type == "thinking" for part in parts):
        raise PromptRejected("thinking is given twice, as a part and as reasoning", f"{where}.content")


def _check_calls(message: Message, role: str, where: str) -> None:
    if role == "tool":
        _check_id(message.tool_call_id, f"{where}.tool_call_id")
        if message.name is not None:
            _check_name(message.name, f"{where}.name")
    else:
        for j, call in enumerate(message.tool_calls or ()):
            assert call.function is not None, "Prompt refuses calls without a function"
            _check_id(call.id, f"{where}.tool_calls[{j}].id")
            _check_name(call.function.name, f"{where}.tool_calls[{j}].function.name")


def _check_id(call_id: str | None, where: str) -> None:
    if call_id in {None, "", "null"}:
        raise PromptRejected("a tool call and its result share an id; it is missing here", where)


def _check_name(name: str, where: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise PromptRejected("a function's name is 1 to 64 letters, digits, underscores and dashes", where)


def _check_results(messages: tuple[Message, ...]) -> None:
    """Each call before the next assistant message has one result; only the last calls may still wait.

    Calls of a conversation's very first message are not known to mistral_common, so their results answer nothing.
    """
    called: set[str | None] = set()
    answered: set[str | None] = set()
    for i, message in enumerate(messages[1:], start=1):
        role = role_of(message)
        if role == "tool":
            if message.tool_call_id not in called - answered:
                raise PromptRejected(
                    "this result answers no call, or one that has its result", f"messages[{i}].tool_call_id"
                )
            answered.add(message.tool_call_id)
        elif role == "assistant":
            if called != answered:
                raise PromptRejected("a tool call before this message has no result", f"messages[{i}]")
            ids = [call.id for call in message.tool_calls or ()]
            called, answered = set(ids), set()
            if len(called) != len(ids):
                raise PromptRejected("two tool calls share an id", f"messages[{i}].tool_calls")


def _check_assistants(messages: tuple[Message, ...]) -> None:
    """An assistant's turn, which may be several messages, says or calls something."""
    for role, turn in groupby(enumerate(messages), key=lambda numbered: role_of(numbered[1])):
        numbered = list(turn)
        if role == "assistant" and not any(_says_something(message) for _, message in numbered):
            raise PromptRejected(
                "an assistant message needs content or tool calls", f"messages[{numbered[0][0]}]"
            )


def _says_something(message: Message) -> bool:
    if message.tool_calls or message.thought is not None:
        return True
    if isinstance(message.content, list):
        return any(part.type == "thinking" or part.text for part in message.content)
    return bool(message.content)
