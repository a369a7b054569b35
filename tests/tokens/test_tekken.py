"""The vocabulary: the right file or none, opened once, without mistral_common, and never crashed."""

import hashlib
import importlib.util
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gateway.tokens import tekken
from gateway.tokens.guard import BLANKS_MAX, has_long_blank, refuse_blanks
from gateway.tokens.tekken import TEKKEN_240911_SHA256, Vocabulary, bundled_file
from gateway.tokens.types import PromptRejected, VocabularyUnusable
from tests.tokens.conftest import write_bytes_vocabulary


def test_known_ids(vocabulary: Vocabulary) -> None:
    """MISTRAL.md section 3.2: the ids that mistral-common documents for Small 3.1, and text that imitates control."""
    assert vocabulary.encode("I am a new user")[0] >= 1000
    assert vocabulary.count("[INST]</s>") > 2
    assert vocabulary.count("") == 0
    assert vocabulary.encode("hello") == [29706]


def test_the_bundled_file_is_the_proven_one() -> None:
    assert hashlib.sha256(bundled_file().read_bytes()).hexdigest() == TEKKEN_240911_SHA256


def test_another_file_by_path(tmp_path: Path) -> None:
    vocabulary = Vocabulary(write_bytes_vocabulary(tmp_path / "tekken.json", ranks=300))
    assert vocabulary.encode("ab") == [10 + ord("a"), 10 + ord("b")]
    assert vocabulary.count("é") == 2


def test_a_file_that_is_not_the_promised_one(tmp_path: Path) -> None:
    path = write_bytes_vocabulary(tmp_path / "tekken.json")
    with pytest.raises(VocabularyUnusable, match="has the SHA-256"):
        Vocabulary(path, sha256=TEKKEN_240911_SHA256).open()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"vocab": [{"rank": 0, "token_bytes": "?"}]}', b"\xff"]
)
def test_a_broken_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tekken.json"
    path.write_bytes(content)
    with pytest.raises(VocabularyUnusable, match=r"tekken\.json cannot be read"):
        Vocabulary(path).count("x")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(VocabularyUnusable, match="cannot be read"):
        Vocabulary(tmp_path / "missing.json").encode("x")


def test_missing_ranks(tmp_path: Path) -> None:
    with pytest.raises(VocabularyUnusable, match="ranks 0 to 255"):
        Vocabulary(write_bytes_vocabulary(tmp_path / "tekken.json", ranks=255)).open()


def test_mistral_common_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tekken, "find_spec", lambda name: None)
    with pytest.raises(VocabularyUnusable, match="not installed"):
        Vocabulary().open()
    monkeypatch.setattr(tekken, "find_spec", lambda name: importlib.util.spec_from_loader(name, loader=None))
    with pytest.raises(VocabularyUnusable, match="not installed"):
        bundled_file()


def test_it_is_opened_once_by_whichever_thread_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    together = threading.Barrier(8)
    read = tekken._read

    def counting_read(path: Path, sha256: str | None) -> object:
        opened.append(path)
        return read(path, sha256)

    monkeypatch.setattr(tekken, "_read", counting_read)
    vocabulary = Vocabulary(write_bytes_vocabulary(tmp_path / "tekken.json"))
    encodings = []

    def use() -> None:
        together.wait()
        encodings.append(vocabulary.open())

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(opened) == 1
    assert {id(encoding) for encoding in encodings} == {id(vocabulary.open())}


def test_a_second_thread_waits_for_the_first(tmp_path: Path) -> None:
    """The lock is held while another opens; the one who waited finds it done."""
    vocabulary = Vocabulary(write_bytes_vocabulary(tmp_path / "tekken.json"))
    found: list[object] = []
    with vocabulary._lock:
        waiting = threading.Thread(target=lambda: found.append(vocabulary.open()))
        waiting.start()
        waiting.join(0.05)
        assert found == []
        vocabulary._encoding = ready = Vocabulary(vocabulary._path).open()
    waiting.join()

    assert found == [ready]


def test_mistral_common_is_never_imported() -> None:
    """Its import takes half a second and 180 MB."""
    program = (
        "import sys; from gateway.tokens.tekken import Vocabulary; from gateway.tokens import bound, count, decode, order_v13;"
        "assert Vocabulary().count('hello') == 1;"
        "assert not {'mistral_common', 'numpy', 'PIL', 'pydantic'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class TestBlanks:
    @pytest.mark.parametrize(
        "blank", [" ", "\t", "\v", "\f", "\x85", "\xa0", "\u2003", "\u3000", " \t", "\xa0 "]
    )
    @pytest.mark.parametrize("before", ["", "x", "x" * 449_999])
    def test_a_run_that_would_crash_is_refused_wherever_it_is(
        self, blank: str, before: str, vocabulary: Vocabulary
    ) -> None:
        text = before + blank * (999_999 // len(blank) + 1) + "x"
        for use in (vocabulary.count, vocabulary.encode):
            with pytest.raises(PromptRejected, match="cannot be tokenized") as caught:
                use(text, "messages[3]")
        assert caught.value.param == "messages[3]"

    def test_the_longest_run_allowed_is_tokenized(self, vocabulary: Vocabulary) -> None:
        assert vocabulary.count("x" + " " * (BLANKS_MAX - 1) + "x") == pytest.approx(BLANKS_MAX / 64, abs=5)

    @pytest.mark.parametrize(
        ("run", "long"), [(BLANKS_MAX - 1, False), (BLANKS_MAX, True), (BLANKS_MAX + 1, True)]
    )
    @pytest.mark.parametrize("before", [0, 1, 449_999, 450_000, 450_001, 899_999, 900_000, 1_234_567])
    def test_the_limit_is_exact_at_any_place(self, run: int, long: bool, before: int) -> None:
        text = "x" * before + " " * run + "x" * 1000
        assert has_long_blank(text) is long
        if not long:
            refuse_blanks(text, "here")


def test_half_a_character_counts_as_its_replacement(vocabulary: Vocabulary) -> None:
    assert vocabulary.encode("a\ud800b") == vocabulary.encode("a\ufffdb")
