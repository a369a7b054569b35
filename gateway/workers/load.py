"""What each worker has to do for us at the moment: requests, and tokens that it may still have to read or write."""

import time
from collections.abc import Callable
from math import exp

import msgspec

RECENT_S = 30.0
"""How fast work that was given is forgotten: to a third in this time.  About as long as a conversation pauses between turns."""

TRACE = 0.01
"""So few tokens per second are none."""
PACE_S = 10.0
"""How fast what was written is forgotten, for `pace`: one looks at it to see what happens now."""

PROMPT_TOKENS = 32_768
"""Prompts are read some hundred times as fast as answers are written, and an answer has some 300 tokens."""


class Load(msgspec.Struct):
    """Of one worker, in this process."""

    requests: int = 0
    tokens: int = 0
    """That it may still have to read and write for them."""
    prompt_tokens: int = 0
    busy_since: float = 0.0
    """When it had nothing to do for us last, seconds of the monotonic clock."""
    given: float = 0.0
    """Tokens given to it lately, fading; as of `given_at`, seconds."""
    given_at: float = 0.0
    pace: float = 0.0
    """Tokens per second that it wrote for us lately, fading."""
    written: int = 0
    """By requests that ended since `pace` was brought up to date."""
    writing: set["Work"] = msgspec.field(default_factory=set)

    @property
    def busy(self) -> float:
        """In requests: reading `PROMPT_TOKENS` takes a worker about as long as writing one answer."""
        return self.requests + self.prompt_tokens / PROMPT_TOKENS

    def recent(self, now: float) -> float:
        return self.given * exp((self.given_at - now) / RECENT_S) if self.given else 0.0

    def measure(self, seconds: float) -> None:
        """Brings `pace` up to date, so many seconds after the last time: nothing is counted while an answer passes."""
        fresh = self.written + sum(work.wrote() for work in self.writing)
        self.written = 0
        if fresh or self.pace:
            kept = exp(-seconds / PACE_S)
            self.pace = self.pace * kept + fresh / seconds * (1 - kept) if self.pace + fresh > TRACE else 0.0


class Work:
    """One request's part of a worker's load, from now until `end`."""

    def __init__(
        self, load: Load, prompt_tokens: int, tokens: int, now: float, freed: Callable[[], None]
    ) -> None:
        self._load = load
        self._prompt_tokens = prompt_tokens
        self._tokens = tokens
        self._freed = freed
        self._ended = False
        self._written: Callable[[], int] = _nothing
        self._seen = 0
        load.given, load.given_at = load.recent(now) + tokens, now
        if not load.requests:
            load.busy_since = now
        load.requests += 1
        load.tokens += tokens
        load.prompt_tokens += prompt_tokens

    def watch(self, written: Callable[[], int]) -> None:
        """`written`: how many tokens of this request's answer there are so far."""
        self._written = written
        self._load.writing.add(self)

    def wrote(self) -> int:
        """Tokens since it was asked last.  A worker's final word may be less than what was guessed before."""
        before, self._seen = self._seen, max(self._seen, self._written())
        return self._seen - before

    def end(self) -> None:
        """Again: does nothing."""
        if self._ended:
            return
        self._ended = True
        self._load.written += self.wrote()
        self._written = (
            _nothing  # it knows the request, which knows this: a circle that only a collector would find
        )
        self._load.writing.discard(self)
        self._load.requests -= 1
        self._load.tokens -= self._tokens
        self._load.prompt_tokens -= self._prompt_tokens
        self._freed()


def _nothing() -> int:
    return 0


class Loads:
    """Of every worker, in this process."""

    def __init__(self) -> None:
        self._loads: dict[str, Load] = {}
        self._measured_at = time.monotonic()

    def of(self, name: str) -> Load:
        return self._loads.setdefault(name, Load())

    def measure(self, now: float) -> None:
        """Brings the pace of each up to date."""
        if (seconds := now - self._measured_at) > 0:
            self._measured_at = now
            for load in self._loads.values():
                load.measure(seconds)
