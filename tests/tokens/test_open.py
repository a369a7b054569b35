"""A price book names its tokenizers; one that is none is found at the start."""

from pathlib import Path

import pytest

from gateway.tokens.open import open_vocabulary
from gateway.tokens.tekken import Vocabulary, bundled_file
from gateway.tokens.types import VocabularyUnusable
from tests.tokens.conftest import derive_v13


def test_one_vocabulary_per_process() -> None:
    assert open_vocabulary("tekken-v13") is open_vocabulary("tekken-v13")


def test_another_v13_file_counts_the_same(tmp_path: Path, vocabulary: Vocabulary) -> None:
    other = open_vocabulary(str(derive_v13(tmp_path)))
    text = "Le péage est à 12 €, n'est-ce pas? 道路 🚗"
    assert other.encode(text) == vocabulary.encode(text)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.json", None, "is no tokenizer"),
        ("x.json", "{", "cannot be read"),
        ("x.json", "{}", "cannot be read"),
    ],
)
def test_what_is_no_tokenizer(tmp_path: Path, name: str, content: str | None, says: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(VocabularyUnusable, match=says):
        open_vocabulary(str(path))
    with pytest.raises(VocabularyUnusable, match="is no tokenizer"):
        open_vocabulary("gpt2")


def test_another_template_is_not_guessed() -> None:
    with pytest.raises(VocabularyUnusable, match="only v13"):
        open_vocabulary(str(bundled_file()))
