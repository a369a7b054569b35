"""Exact counts, off the event loop where they take long: tiktoken frees the GIL, so a thread is enough.

A prompt of 100,000 tokens takes 20 ms; the loop is not held for more than `INLINE_BYTES_MAX` costs (about 0.2 ms).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from gateway.catalog.types import Model
from gateway.errors import BadRequest
from gateway.tokens.count import count_prompt, count_text, encode_prompt
from gateway.tokens.open import open_vocabulary
from gateway.tokens.tekken import Vocabulary
from gateway.tokens.types import AnyPrompt, PromptBound, PromptCount, PromptRejected

T = TypeVar("T")
INLINE_BYTES_MAX = 4096
THREADS = 2


class Measure:
    """Counts prompts and answers of the models that this gateway can count itself."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="tokens")

    def open(self, models: list[Model]) -> None:
        """Loads these models' vocabularies ahead of traffic, in the background; others load at their first use.

        Raises:
            VocabularyUnusable: a tokenizer that is none: better at the start than at the first bill.
        """
        for tokenizer in sorted({model.tokenizer for model in models if model.counted_here}):
            self._pool.submit(open_vocabulary(tokenizer).open)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    async def prompt(self, model: Model, prompt: AnyPrompt, bound: PromptBound) -> PromptCount:
        """The exact count.

        Raises:
            BadRequest: a prompt that no tokenizer takes.
        """
        return await self._run(
            model, bound.text_tokens_max, lambda words: _refusing(lambda: count_prompt(prompt, words))
        )

    async def ids(self, model: Model, prompt: AnyPrompt, bound: PromptBound) -> list[int]:
        """The token ids themselves.  Raises BadRequest."""
        return await self._run(
            model, bound.text_tokens_max, lambda words: _refusing(lambda: encode_prompt(prompt, words))
        )

    async def texts(self, model: Model, *texts: str) -> list[int]:
        """How many tokens each text has."""
        return await self._run(
            model, sum(map(len, texts)), lambda words: [count_text(text, words) for text in texts]
        )

    async def _run(self, model: Model, size: int, work: Callable[[Vocabulary], T]) -> T:
        vocabulary = open_vocabulary(model.tokenizer)
        if size <= INLINE_BYTES_MAX and vocabulary.is_open:
            return work(vocabulary)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, vocabulary)


def _refusing(work: Callable[[], T]) -> T:
    try:
        return work()
    except PromptRejected as error:
        raise BadRequest(error.message, param=error.param, code=error.code) from error
