"""Where an answer appears: its text on stdout, what the model thinks dimmed on stderr, and what it cost."""

from __future__ import annotations

from tollway import Budget, TokenUsage
from tollway.cli import show
from tollway.cli.conversation import Conversation, Turn

NOT_BEGUN = "stopped before the answer began; if it cost anything, `tollway usage` says so"
_ENDS = {"length": "cut off", "stopped": "stopped, and billed for what came"}


class Screen:
    """One answer's.  Into a pipe its text goes as it came; on a terminal it cannot steer it."""

    def __init__(self) -> None:
        self._answer, self._thoughts = show.out(), show.err()
        self._thinking = False
        self._last = "\n"

    def think(self, text: str) -> None:
        self._thinking = True
        self._thoughts.out(show.plain(text), style="dim", end="")

    def say(self, text: str) -> None:
        if self._thinking:
            self._thinking = False
            self._thoughts.out("\n")  # the end of its line, and an empty one
        file = self._answer.file  # past rich, which would make spaces of tabs
        file.write(show.plain(text) if self._answer.is_terminal else text)
        file.flush()
        self._last = text[-1:] or self._last

    def end(self) -> None:
        """What comes next begins on a line of its own."""
        if self._thinking:
            self._thoughts.out("")
        if self._last != "\n":
            self._answer.out("")


def cost_line(turn: Turn, conversation: Conversation | None = None, budget: Budget | None = None) -> str:
    """Tokens, the cost of this turn, of the conversation it is in, and what is left."""
    if turn.usage is None:
        return f"stopped; its bill is still to come: tollway receipt {turn.request_id}"
    parts = [*filter(None, [_ENDS.get(turn.ended)]), *_tokens(turn.usage), str(turn.usage.cost)]
    if conversation is not None:
        parts.append(f"{conversation.cost} in all")
    if conversation is not None and budget is not None:
        parts.append(f"{budget.limit - conversation.cost} of the budget left")
    if turn.usage.credits_remaining_usd is not None:
        parts.append(f"${turn.usage.credits_remaining_usd} left")
    return " · ".join(parts)


def _tokens(usage: TokenUsage) -> list[str]:
    given = _of_which((usage.image_tokens, "image"), (usage.cached_tokens, "cached"))
    made = _of_which((usage.reasoning_tokens, "thinking"))
    return [f"{usage.prompt_tokens:,} in{given}", f"{usage.completion_tokens:,} out{made}"]


def _of_which(*counts: tuple[int, str]) -> str:
    said = ", ".join(f"{count:,} {name}" for count, name in counts if count)
    return f" ({said})" if said else ""
