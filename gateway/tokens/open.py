"""From a model's `tokenizer` in the price book to the vocabulary that counts for it, one per process."""

from functools import cache
from pathlib import Path

from gateway.tokens.tekken import Vocabulary
from gateway.tokens.types import VocabularyUnusable

TEKKEN_V13 = "tekken-v13"


@cache
def open_vocabulary(tokenizer: str) -> Vocabulary:
    """`tekken-v13`, or a tekken file's path; opened at its first use.

    Raises:
        VocabularyUnusable: it names no vocabulary.
    """
    if tokenizer == TEKKEN_V13:
        return Vocabulary()
    path = Path(tokenizer)
    if path.suffix != ".json" or not path.is_file():
        raise VocabularyUnusable(
            f"{tokenizer!r} is no tokenizer: use {TEKKEN_V13}, the path of a tekken.json, worker, or bytes"
        )
    return Vocabulary(path)
