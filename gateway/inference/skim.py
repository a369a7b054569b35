"""The stretch of a stream that may be passed on without looking at each chunk: pieces of an answer, and the usage so far.

Most of a stream is nothing else, and many chunks arrive together.  Only what is written just as vLLM and SGLang write it is
known to be no more than that; from the first chunk on that is not (the last one, a tool's call, an error), each is decoded.
"""

import re

import msgspec

from gateway.inference.decode import read_usage
from gateway.inference.events import Usage
from gateway.kit import sse

_REST_OF_TEXT = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
_SAYS_NOTHING = rb'"[a-z_]+": ?(?:null|\[\]|"assistant")'
_NULLS = rb'(?:, ?"[a-z_]+": ?null)*+'
_REST_OF_BODY = rb"[^{}]*+(?:\{[^{}]*+\}[^{}]*+)*+\}"
_CHUNK = re.compile(
    rb'(data: \{(?:"(?!error")[a-z_]+": ?(?:"[^"\\\n]*+"|[0-9]++|null), ?)*+"choices": ?\[\{"index": ?0, ?'
    rb'(?:"delta": ?\{(?:' + _SAYS_NOTHING + rb', ?)*+)?"(?:content|text|reasoning|reasoning_content)": ?")'
    rb'(?!")' + _REST_OF_TEXT +
    rb'("(?:(?:, ?' + _SAYS_NOTHING + rb")*+\})?" + _NULLS + rb"\}\]" + _NULLS +
    rb'(?:(, ?"usage": ?\{)(' + _REST_OF_BODY + rb"))?+" + _NULLS + rb"\}\n\n)"
)  # fmt: skip
"""One text alone in it, and not empty, so that chunks are counted by counting events.  Its groups: before the text, after it,
before the usage, the usage."""
_CHUNKS = re.compile(rb"(?>" + _CHUNK.pattern + rb")++")
_rest_of_body = re.compile(_REST_OF_BODY)
_thought = re.compile(rb'"(reasoning(?:_content)?)": ?("(?!")' + _REST_OF_TEXT + rb'")')
_text = msgspec.json.Decoder(str)


class Skimmed(msgspec.Struct, frozen=True):
    """`events` are without usage, which clients do not get on every chunk; `usage` is the last of it."""

    events: bytes
    rest: bytes
    count: int
    reasoning: list[str]
    usage: Usage | None


def skim(events: bytes) -> Skimmed | None:
    """A run of events, from the first on, that say nothing more than that; None: not even the first."""
    found = _CHUNK.match(events)
    if found is None:
        return None
    end, count = found.end(), 1
    if end < len(events):
        end, count = _alike(events, found)
    if not count:
        found = _CHUNKS.match(events)
        assert found is not None, "the first is one"
        end = found.end()
        count = events.count(sse.END, 0, end)
    return _skimmed(events, end, count, found)


def _alike(events: bytes, first: re.Match[bytes]) -> tuple[int, int]:
    """Where those end that differ from the first in their text alone, and how many they are; 0: their texts must be read to know."""
    before, after = first[1], first[2]
    if first[3] is not None:
        return 0, 0
    if not events.startswith(before, first.end()):
        return first.end(), 1
    _, *texts, last = events.split(after + before)
    text, ends, rest = last.partition(after)
    if ends:
        texts.append(text)
    found = b"".join(texts)
    if b'"' in found or b"\\" in found or b"\n" in found or b"" in texts:
        return 0, 0
    return len(events) - len(rest if ends else before + last), 1 + len(texts)


def _skimmed(events: bytes, end: int, count: int, found: re.Match[bytes]) -> Skimmed | None:
    head, usage = events[:end], None
    try:
        if found[3] is not None:
            first, *parts = head.split(found[3])
            if len(parts) != count:
                return None  # some have no usage
            usage = read_usage(b"{" + found[4])
            head = first + b"".join([_rest_of_body.sub(b"", part, 1) for part in parts])
        thoughts = _thought.findall(head) if b'"reasoning' in head else []
        reasoning = [_text.decode(text) for _, text in thoughts]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if len({name for name, _ in thoughts}) > 1:
        return None
    return Skimmed(head, events[end:], count, reasoning, usage)
