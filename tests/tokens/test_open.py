"""A model's tokenizer by name or path: one vocabulary per process, and a clear word when there is none."""

from pathlib import Path

import pytest

from gateway.tokens.open import TEKKEN_V13, open_vocabulary
from gateway.tokens.types import VocabularyUnusable
from tests.tokens.conftest import write_bytes_vocabulary


def test_by_name_it_is_one_and_the_same_and_not_read_before_it_is_used() -> None:
    vocabulary = open_vocabulary(TEKKEN_V13)

    assert open_vocabulary(TEKKEN_V13) is vocabulary
    assert vocabulary.encode("hello") == [29706]
    assert vocabulary.is_open


def test_by_path(tmp_path: Path) -> None:
    vocabulary = open_vocabulary(str(write_bytes_vocabulary(tmp_path / "tekken.json")))

    assert not vocabulary.is_open
    assert vocabulary.count("é") == 2
    assert vocabulary.is_open


@pytest.mark.parametrize(
    "tokenizer", ["bytes", "worker", "", "tekken-v99", "/no/such/file.json", "pyproject.toml"]
)
def test_no_vocabulary(tokenizer: str) -> None:
    with pytest.raises(VocabularyUnusable, match="is no tokenizer"):
        open_vocabulary(tokenizer)
