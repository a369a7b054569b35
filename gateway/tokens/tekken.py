"""Mistral's vocabulary: the 130,072 byte pairs that mistral-common ships, as a tiktoken encoding.

Only the wheel's data file is used: importing mistral_common takes 0.5 s and 180 MB, this 0.15 s and 55 MB (19 MB of
JSON take msgspec 25 ms, so a cache of our own would save nothing).  Magistral Small 1.2's own file is not on any
package registry; that its ranks are these is the evidence of MISTRAL.md section 3.2.
"""

import hashlib
import threading
from importlib.util import find_spec
from pathlib import Path

import msgspec
import tiktoken

from gateway.kit.memory import give_back
from gateway.tokens.guard import refuse_blanks
from gateway.tokens.types import VocabularyUnusable

TEKKEN_240911_SHA256 = "1948e2d48b0e7377f1bb5f1210f1ae5f984934e75713fc07e2452729b8365316"
"""Of `tekken_240911.json` in mistral-common 1.13.1: the file from which a released v13 file was rebuilt to the byte."""


class _Token(msgspec.Struct, gc=False):
    rank: int
    token_bytes: bytes


class _Config(msgspec.Struct):
    pattern: str
    default_vocab_size: int
    default_num_special_tokens: int


class _File(msgspec.Struct):
    config: _Config
    vocab: list[_Token]


class Vocabulary:
    """Counts and encodes plain text; a control token's name in a text is text like any other.

    Opened at the first use, once, by whichever thread comes first; `open` does it ahead of traffic.
    """

    def __init__(self, path: Path | None = None, sha256: str | None = None) -> None:
        """`path` is a tekken file; without one, mistral-common's is used and must be the proven one."""
        self._path = path
        self._sha256 = TEKKEN_240911_SHA256 if path is None else sha256
        self._lock = threading.Lock()
        self._encoding: tiktoken.Encoding | None = None
        self._control_tokens = 0

    @property
    def is_open(self) -> bool:
        return self._encoding is not None

    def open(self) -> tiktoken.Encoding:
        """Raises VocabularyUnusable."""
        if self._encoding is None:
            with self._lock:
                if self._encoding is None:
                    file = _read(self._path or bundled_file(), self._sha256)
                    self._control_tokens = file.config.default_num_special_tokens
                    self._encoding = _encoding(file)
                    del file
                    give_back()
        return self._encoding

    def count(self, text: str, where: str = "messages") -> int:
        """Raises PromptRejected: a text that would crash the tokenizer.

        A lone surrogate, which can come only from an escape inside a tool call's own JSON, counts as U+FFFD:
        tiktoken replaces it, in a worker as here.
        """
        refuse_blanks(text, where)
        return len(self.open().encode_ordinary(text))

    def encode(self, text: str, where: str = "messages") -> list[int]:
        """The model's ids, which begin after the control tokens.  Raises PromptRejected as `count` does."""
        refuse_blanks(text, where)
        ids = self.open().encode_ordinary(text)
        return [self._control_tokens + token for token in ids]


def bundled_file() -> Path:
    """Found without importing the package.  Raises VocabularyUnusable: it is not installed."""
    package = find_spec("mistral_common")
    if package is None or package.origin is None:
        raise VocabularyUnusable("the vocabulary is in the package mistral-common, which is not installed")
    return Path(package.origin).parent / "data" / "tekken_240911.json"


def _read(path: Path, sha256: str | None) -> _File:
    try:
        content = path.read_bytes()
        file = msgspec.json.decode(content, type=_File)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise VocabularyUnusable(f"{path.name} cannot be read as a tekken vocabulary: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 not in {None, found}:
        raise VocabularyUnusable(
            f"{path.name} has the SHA-256 {found}, not {sha256}: counts may differ from the model's"
        )
    return file


def _encoding(file: _File) -> tiktoken.Encoding:
    size = file.config.default_vocab_size - file.config.default_num_special_tokens
    ranks = {token.token_bytes: token.rank for token in file.vocab if token.rank < size}
    if sorted(ranks.values()) != list(range(size)):
        raise VocabularyUnusable(f"the vocabulary should have the ranks 0 to {size - 1}, each once")
    encoding = tiktoken.Encoding(
        name="tekken", pat_str=file.config.pattern, mergeable_ranks=ranks, special_tokens={}
    )
    encoding._mergeable_ranks = {}  # noqa: SLF001 - a copy of what its core has, 13 MB, for pickling alone
    return encoding
