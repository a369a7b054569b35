"""From a model's `tokenizer` in the price book to the vocabulary that counts for it, one per process."""

from functools import cache
from pathlib import Path

import msgspec

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
    version = _version(path)
    if version != "v13":
        raise VocabularyUnusable(
            f"{path.name} is a tekken {version} file; only v13's chat template is known here"
        )
    return Vocabulary(path)


class _Config(msgspec.Struct):
    version: str


class _Header(msgspec.Struct):
    config: _Config


def _version(path: Path) -> str:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Header).config.version
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise VocabularyUnusable(f"{path.name} cannot be read as a tekken file: {error}") from error
