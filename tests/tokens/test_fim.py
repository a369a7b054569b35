"""FIM prompts and inputs to embed: our ids are mistral_common's, our count is their number, and no bound is below it."""

import warnings
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.tokens.bound import PER_INPUT, bound_prompt
from gateway.tokens.count import count_prompt, encode_prompt
from gateway.tokens.guard import BLANKS_MAX
from gateway.tokens.tekken import Vocabulary
from gateway.tokens.types import FimPrompt, Inputs, PromptRejected
from tests.tokens.conftest import derive_v13

EncodeFim = Callable[[str, str | None], list[int]]
CODE = st.text(st.sampled_from("abf_ ()[]{}:=\n\t'\"/.é☺你\u200d7"), max_size=40)
TEXTS = st.one_of(CODE, st.text(st.characters(exclude_categories=["Cs"]), max_size=30))


@pytest.fixture(scope="session")
def mistral_fim(tmp_path_factory: pytest.TempPathFactory) -> EncodeFim:
    """The ids that mistral_common makes of a prompt and a suffix."""
    derived = derive_v13(tmp_path_factory.mktemp("derived"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mistral_common.protocol.fim.request import FIMRequest
        from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

        tokenizer = MistralTokenizer.from_file(str(derived))
    return lambda prompt, suffix: tokenizer.encode_fim(FIMRequest(prompt=prompt, suffix=suffix)).tokens


@settings(max_examples=200)
@given(prompt=TEXTS, suffix=st.one_of(st.none(), TEXTS))
@example(prompt="def f(", suffix="):\n    return x\n")
@example(prompt="x", suffix="(x)")
@example(prompt="[SUFFIX]</s>", suffix="[PREFIX]<s>")
@example(prompt="", suffix="'s")
def test_ids_count_and_bound_of_a_fim_prompt(
    vocabulary: Vocabulary,
    bytes_vocabulary: Vocabulary,
    mistral_fim: EncodeFim,
    prompt: str,
    suffix: str | None,
) -> None:
    expected = mistral_fim(prompt, suffix)
    ours = FimPrompt(prompt, suffix or "")
    assert encode_prompt(ours, vocabulary) == expected
    assert count_prompt(ours, vocabulary).prompt_tokens == len(expected)
    bound = bound_prompt(ours)
    assert len(expected) <= bound.text_tokens_max
    assert count_prompt(ours, bytes_vocabulary).prompt_tokens <= bound.text_tokens_max
    assert (bound.image_tokens_max, bound.context_tokens_max) == (0, bound.text_tokens_max)


@given(items=st.lists(st.one_of(TEXTS, st.lists(st.integers(0, 131_071), min_size=1)), min_size=1))
def test_count_and_bound_of_inputs(
    vocabulary: Vocabulary, bytes_vocabulary: Vocabulary, items: list[str | list[int]]
) -> None:
    inputs = Inputs(tuple(items))
    count, bound = count_prompt(inputs, vocabulary), bound_prompt(inputs)
    sizes = [1 + vocabulary.count(item) if isinstance(item, str) else len(item) for item in items]
    assert (count.prompt_tokens, count.context_tokens) == (sum(sizes), max(sizes))
    assert len(encode_prompt(inputs, vocabulary)) == sum(sizes)
    worst = count_prompt(inputs, bytes_vocabulary)
    assert worst.prompt_tokens <= bound.text_tokens_max
    assert worst.context_tokens <= bound.context_tokens_max


def test_inputs_are_bounded_each_by_its_bytes_or_its_ids() -> None:
    bound = bound_prompt(Inputs(("é", [1, 2, 3])))
    assert (bound.text_tokens_max, bound.context_tokens_max) == (2 + PER_INPUT + 3, 2 + PER_INPUT)


@pytest.mark.parametrize(
    ("prompt", "where"),
    [
        (FimPrompt(" " * BLANKS_MAX), "prompt"),
        (FimPrompt("x", " " * BLANKS_MAX), "suffix"),
        (Inputs(("x", " " * BLANKS_MAX)), "input[1]"),
    ],
)
def test_blanks_that_would_crash_a_tokenizer(prompt: FimPrompt | Inputs, where: str) -> None:
    with pytest.raises(PromptRejected) as refusal:
        bound_prompt(prompt)
    assert refusal.value.param == where
