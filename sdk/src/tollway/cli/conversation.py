"""A conversation: what was said so far, and what it cost, however each answer ended."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import NamedTuple, Protocol

from tollway import (
    ChatFields,
    Message,
    Money,
    NotFound,
    ReasoningDelta,
    Receipt,
    TextDelta,
    TokenUsage,
    Tollway,
)

BILL_PAUSES_S = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""A stopped answer is billed once its worker has stopped; most have by the second of these looks."""


class Screen(Protocol):
    """Where an answer appears, piece by piece."""

    def think(self, text: str) -> None: ...
    def say(self, text: str) -> None: ...


class Turn(NamedTuple):
    """How one answer ended: `stop`, `length` or `stopped`.  Without `usage` its bill is still to come."""

    ended: str
    request_id: str
    usage: TokenUsage | None


class Conversation:
    """`fields` are those of every request; `system` is what the model is told first."""

    def __init__(self, client: Tollway, fields: ChatFields, system: str | None = None) -> None:
        self._client = client
        self._fields = fields
        self._before: list[Message] = [] if system is None else [{"role": "system", "content": system}]
        self._said: list[Message] = []
        self._unbilled: list[str] = []
        self.cost = Money(0)
        """Of all answers whose bill has come."""

    def forget(self) -> None:
        """Begins anew; what it cost stays."""
        self._said.clear()

    def ask(self, message: Message, screen: Screen) -> Turn:
        """One answer.  A KeyboardInterrupt stops it: the stream is closed, and what came is kept and billed.

        Raises:
            TollwayError: as `client.chat.stream` and its events do; nothing is kept.
            KeyboardInterrupt: before the answer began.
        """
        fields: ChatFields = {**self._fields, "messages": [*self._before, *self._said, message]}
        stream = self._client.chat.stream(**fields)
        pieces: list[str] = []
        try:
            with stream:
                for event in stream:
                    if isinstance(event, ReasoningDelta):
                        screen.think(event.text)
                    elif isinstance(event, TextDelta):
                        pieces.append(event.text)
                        screen.say(event.text)
                answer = stream.final()
        except KeyboardInterrupt:
            self._keep(message, "".join(pieces))
            return self._stopped(stream.request_id)
        self._keep(message, answer.text)
        self.cost += answer.cost
        self._catch_up()
        return Turn(answer.finish_reason or "stop", answer.request_id, answer.usage)

    def _keep(self, message: Message, answer: str) -> None:
        if answer:  # models refuse an empty message of theirs
            self._said += [message, {"role": "assistant", "content": answer}]

    def _stopped(self, request_id: str) -> Turn:
        receipt = None
        with suppress(KeyboardInterrupt):  # who presses it again does not want to wait for the bill
            receipt = next(filter(None, (self._bill(request_id, pause_s) for pause_s in BILL_PAUSES_S)), None)
        if receipt is None:
            self._unbilled.append(request_id)
            return Turn("stopped", request_id, None)
        self.cost += receipt.cost
        used = receipt.usage
        usage = TokenUsage(
            prompt_tokens=used.input_tokens,
            completion_tokens=used.output_tokens,
            image_tokens=used.input_image_tokens,
            cached_tokens=used.input_cached_tokens,
            reasoning_tokens=used.output_reasoning_tokens,
            cost_nanousd=receipt.cost_nanousd,
            credits_remaining_usd=self._client.credits.get().remaining.usd,
        )
        return Turn("stopped", request_id, usage)

    def _catch_up(self) -> None:
        """With bills that had not come when their answers were stopped."""
        for request_id in list(self._unbilled):
            if receipt := self._bill(request_id):
                self.cost += receipt.cost
                self._unbilled.remove(request_id)

    def _bill(self, request_id: str, pause_s: float = 0.0) -> Receipt | None:
        time.sleep(pause_s)
        try:
            return self._client.receipts.get(request_id)
        except NotFound:
            return None
