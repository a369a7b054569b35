"""A scripted worker that does exactly what a client has to cope with: tool calls in pieces, reasoning, pictures, oddities.

As `tests/fixtures/scripted.py`, whose verbs it has as well.  `Actor` spells like vLLM, `MistralActor` like the Mistral API.
"""

import contextlib
import json
import uuid
from typing import Any

from tests.dropin.oddities import ODDITIES, Oddity, Payload, without
from tests.fixtures.scripted import CHUNK, ScriptedWorker, Seen, _start_stream, _write_chunk, answer_with

WORDS = "Hello, world!"
THOUGHT, ANSWER = "2+2 is 4.", "It is 4."
DEPRECATION = "x-model-deprecation-timestamp"


class Actor(ScriptedWorker):
    """Each verb makes one message; how it is spelled, whole or in pieces, is the dialect's."""

    def __init__(self, models: tuple[str, ...], kind: str = "vllm") -> None:
        super().__init__(models, kind)
        self._refused: set[str] = set()

    def script_of(self, body: Payload) -> str:
        last = body["messages"][-1]
        if last["role"] == "tool":
            return "report"
        return super().script_of(body)

    # ------------------------------------------------------------------ what it does

    async def _do_say(self, writer: Any, body: Payload, seen: Seen, options: dict[str, str]) -> None:
        """A message in the worst way a server may spell it: `how=`, one of ODDITIES."""
        odd = ODDITIES[options.get("how", "nothing")]
        await self._act(writer, body, seen, {"content": WORDS}, "stop", odd)

    async def _do_think(self, writer: Any, body: Payload, seen: Seen, options: dict[str, str]) -> None:
        message = {"reasoning": THOUGHT, "content": ANSWER}
        await self._act(writer, body, seen, message, "stop")

    async def _do_tool(
        self, writer: Any, body: Payload, seen: Seen, options: dict[str, str], *, in_one_piece: bool = False
    ) -> None:
        """Calls the first tool, once for each value: `tool city=Paris,Rome`."""
        name = body["tools"][0]["function"]["name"]
        calls = [
            {"id": self._call_id(), "type": "function", "function": {"name": name, "arguments": json.dumps({key: value})}}
            for key, values in options.items()
            for value in values.split(",")
        ]  # fmt: skip
        message = {"content": None, "tool_calls": calls, "in_one_piece": in_one_piece}
        await self._act(writer, body, seen, message, "tool_calls")

    async def _do_call(self, writer: Any, body: Payload, seen: Seen, options: dict[str, str]) -> None:
        """The same, and a stream has each call in one piece."""
        await self._do_tool(writer, body, seen, options, in_one_piece=True)

    async def _do_report(self, writer: Any, body: Payload, seen: Seen, options: dict[str, str]) -> None:
        """Repeats what the tools said; refuses a result of a call that it never made."""
        results = [message for message in body["messages"] if message["role"] == "tool"]
        made = [call for message in body["messages"] for call in message.get("tool_calls") or ()]
        if {call["id"] for call in made} != {result["tool_call_id"] for result in results}:
            answer_with(writer, 400, {"error": {"message": "results and calls do not belong together"}})
            return
        said = "; ".join(_text(result["content"]) for result in results)
        await self._act(writer, body, seen, {"content": f"Reported: {said}"}, "stop")

    async def _do_see(self, writer: Any, body: Payload, seen: Seen, options: dict[str, str]) -> None:
        urls = [
            part["image_url"]["url"]
            for part in body["messages"][-1]["content"]
            if part["type"] == "image_url"
        ]
        said = f"I see {len(urls)} picture, {urls[0].partition(';')[0].removeprefix('data:')}"
        await self._act(writer, body, seen, {"content": said}, "stop")

    async def _do_flaky(self, writer: Any, body: Payload, seen: Seen, options: dict[str, str]) -> None:
        """Busy the first time that it is asked this; `status=`."""
        if options["for"] in self._refused:
            await self._act(writer, body, seen, {"content": WORDS}, "stop")
            return
        self._refused.add(options["for"])
        answer_with(writer, int(options["status"]), {"error": {"message": "busy"}}, "1")

    # ------------------------------------------------------------------ how it is said

    def _call_id(self) -> str:
        return f"chatcmpl-tool-{uuid.uuid4().hex}"

    async def _act(
        self,
        writer: Any,
        body: Payload,
        seen: Seen,
        message: Payload,
        reason: str,
        odd: Oddity = ODDITIES["nothing"],
    ) -> None:
        usage = self._counts(body, message)
        head = {"id": "c1", "created": 1, "model": body["model"]}
        if odd.status != 200:
            answer_with(writer, odd.status, odd.body)
        elif not body.get("stream") or odd.whole:
            choice = {
                "index": 0,
                "message": {"role": "assistant", **self._spelled(message)},
                "finish_reason": reason,
            }
            whole = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
            self._answer(writer, odd.change(whole))
        else:
            self._begin(writer)
            for payload in self._pieces(body, head, message, reason, usage):
                if odd.comments:
                    _write_chunk(writer, b": keepalive\n\n")
                changed = odd.change(payload)
                if changed["choices"] or changed.get("usage"):
                    await self._chunk(writer, seen, changed)
            if odd.done:
                await self._end(writer)
            else:
                writer.write(b"0\r\n\r\n")
                await writer.drain()

    def _counts(self, body: Payload, message: Payload) -> Payload:
        images = str(body["messages"]).count("'type': 'image_url'")
        usage: Payload = {"prompt_tokens": 20, "completion_tokens": 6, "total_tokens": 26}
        usage["prompt_tokens_details"] = {"cached_tokens": 0, "multimodal_tokens": {"image": 2 * images}}
        usage["completion_tokens_details"] = {"reasoning_tokens": 3 if "reasoning" in message else 0}
        return usage

    def _spelled(self, message: Payload) -> Payload:
        return without("in_one_piece")(message)

    def _answer(self, writer: Any, whole: Payload) -> None:
        answer_with(writer, 200, whole)

    def _begin(self, writer: Any) -> None:
        _start_stream(writer)

    def _pieces(
        self, body: Payload, head: Payload, message: Payload, reason: str, usage: Payload
    ) -> list[Payload]:
        """As vLLM: usage on every chunk where asked for, a name on a call's first piece only, a last chunk without choices."""
        deltas: list[Payload] = [{"role": "assistant", "content": ""}]
        deltas += [{"reasoning": piece} for piece in _halves(message.get("reasoning") or "")]
        deltas += [{"content": piece} for piece in _halves(message.get("content") or "")]
        for index, call in enumerate(message.get("tool_calls", ())):
            function = call["function"]
            if message["in_one_piece"]:
                deltas.append({"tool_calls": [{**call, "index": index}]})
                continue
            first = {**call, "index": index, "function": {**function, "arguments": ""}}
            deltas.append({"tool_calls": [first]})
            deltas += [
                {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
                for piece in _halves(function["arguments"])
            ]
        options = body.get("stream_options") or {}
        found = [_chunk(head, delta, None) for delta in deltas] + [_chunk(head, {}, reason)]
        if options.get("continuous_usage_stats"):
            for n, chunk in enumerate(found):
                chunk["usage"] = {"prompt_tokens": 20, "completion_tokens": min(n, 6)}
        return [*found, {**head, "object": CHUNK, "choices": [], "usage": usage}]


class MistralActor(Actor):
    """Lists of parts while it thinks, a name and an id on every piece of a call, usage on the last chunk, padding."""

    def __init__(self, models: tuple[str, ...]) -> None:
        super().__init__(models, kind="plain")
        self.list_status = 503  # its models are the price book's

    def _call_id(self) -> str:
        return uuid.uuid4().hex[:9]

    def _spelled(self, message: Payload) -> Payload:
        if "reasoning" not in message:
            return super()._spelled(message)
        thinking = {
            "type": "thinking",
            "thinking": [{"type": "text", "text": message["reasoning"]}],
            "closed": True,
        }
        return {"content": [thinking, {"type": "text", "text": message["content"]}]}

    def _answer(self, writer: Any, whole: Payload) -> None:
        raw = json.dumps({**whole, "p": "abc"}).encode()
        head = f"HTTP/1.1 200 X\r\ncontent-type: application/json\r\n{DEPRECATION}: 2027-01-01T00:00:00Z\r\n"
        writer.write(f"{head}content-length: {len(raw)}\r\n\r\n".encode() + raw)

    def _begin(self, writer: Any) -> None:
        head = f"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n{DEPRECATION}: 2027-01-01T00:00:00Z\r\n"
        writer.write(f"{head}transfer-encoding: chunked\r\n\r\n".encode())

    def _pieces(
        self, body: Payload, head: Payload, message: Payload, reason: str, usage: Payload
    ) -> list[Payload]:
        deltas: list[Payload] = [{"role": "assistant", "content": ""}]
        text = _halves(message.get("content") or "")
        if "reasoning" in message:
            one, two = _halves(message["reasoning"])
            deltas.append({"content": [_thinking(one)]})
            closed = {**_thinking(two), "closed": True}
            deltas.append({"content": [closed, {"type": "text", "text": text.pop(0)}]})
        deltas += [{"content": piece} for piece in text]
        for index, call in enumerate(message.get("tool_calls", ())):
            one, two = _halves(call["function"]["arguments"])
            name = call["function"]["name"]
            deltas.append(
                {
                    "tool_calls": [
                        {"id": call["id"], "function": {"name": name, "arguments": one}, "index": index}
                    ]
                }
            )
            deltas.append({"tool_calls": [{"id": "null", "function": {"name": "", "arguments": two}, "index": index}]})  # fmt: skip
        found = [_chunk(head, delta, None) for delta in deltas]
        found.append({**_chunk(head, {"content": ""}, reason), "usage": usage})
        return [{**chunk, "p": "abc"} for chunk in found]


def _chunk(head: Payload, delta: Payload, reason: str | None) -> Payload:
    return {**head, "object": CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def _thinking(text: str) -> Payload:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


def _halves(text: str) -> list[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]] if text else []


def _text(content: Any) -> str:
    if isinstance(content, str):
        with contextlib.suppress(ValueError):
            return str(json.loads(content))
        return content
    return "".join(part["text"] for part in content)
