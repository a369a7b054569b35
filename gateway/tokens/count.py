"""The exact count of a prompt, by class, and of text that was relayed: the numbers a bill rests on."""

from collections.abc import Iterator

from gateway.tokens.fim import encode_fim
from gateway.tokens.guard import BLANKS_MAX, has_long_blank
from gateway.tokens.images import MAGISTRAL_IMAGES, ImageRule, count_image, image_grid, read_image, shown_size
from gateway.tokens.tekken import Vocabulary
from gateway.tokens.template_v13 import Control, Image, render
from gateway.tokens.types import AnyPrompt, FimPrompt, Inputs, PromptCount, PromptRejected


def count_prompt(
    prompt: AnyPrompt,
    vocabulary: Vocabulary,
    rule: ImageRule = MAGISTRAL_IMAGES,
    *,
    exif_transpose: bool = True,
) -> PromptCount:
    """What mistral_common would encode, and so what vLLM counts.

    Raises:
        PromptRejected: a picture that cannot be measured, JSON that cannot be dumped again, a text that no
            tokenizer takes.
    """
    if isinstance(prompt, FimPrompt):
        return PromptCount(prompt_tokens=len(encode_fim(prompt, vocabulary)), image_tokens=0)
    if isinstance(prompt, Inputs):
        sizes = [len(ids) for ids in _each_input(prompt, vocabulary)]
        return PromptCount(prompt_tokens=sum(sizes), image_tokens=0, longest_tokens=max(sizes))
    text = images = unread = 0
    for piece in render(prompt):
        if isinstance(piece, str):
            text += vocabulary.count(piece)
        elif isinstance(piece, Control):
            text += 1
        else:
            tokens = count_image(piece.url, piece.where, rule, exif_transpose=exif_transpose)
            unread += tokens is None
            images += rule.tokens_max if tokens is None else tokens
    return PromptCount(prompt_tokens=text + images, image_tokens=images, images_unread=unread)


def encode_prompt(
    prompt: AnyPrompt,
    vocabulary: Vocabulary,
    rule: ImageRule = MAGISTRAL_IMAGES,
    *,
    exif_transpose: bool = True,
) -> list[int]:
    """The ids themselves, of several inputs one after the other.

    Raises:
        PromptRejected: as `count_prompt` does, and for a link: its ids nobody knows.
    """
    if isinstance(prompt, FimPrompt):
        return encode_fim(prompt, vocabulary)
    if isinstance(prompt, Inputs):
        return [token for ids in _each_input(prompt, vocabulary) for token in ids]
    ids: list[int] = []
    for piece in render(prompt):
        if isinstance(piece, str):
            ids += vocabulary.encode(piece)
        elif isinstance(piece, Control):
            ids.append(piece)
        else:
            ids += _image_ids(piece, rule, exif_transpose=exif_transpose)
    return ids


def _each_input(inputs: Inputs, vocabulary: Vocabulary) -> Iterator[list[int]]:
    """A text gets a begin of sequence, as vLLM and llama.cpp give it one; ids stay as they are."""
    for i, item in enumerate(inputs.items):
        if isinstance(item, str):
            yield [int(Control.BOS), *vocabulary.encode(item, f"input[{i}]")]
        else:
            yield item


def count_text(text: str, vocabulary: Vocabulary) -> int:
    """Tokens of an answer.  Never refuses, because what was delivered must be billed.

    Only a run of blanks that would crash the tokenizer is counted in slices, a token or two too many at each cut.
    """
    if len(text) < BLANKS_MAX or not has_long_blank(text):
        return vocabulary.count(text)
    step = BLANKS_MAX - 1
    return sum(vocabulary.count(text[at : at + step]) for at in range(0, len(text), step))


def _image_ids(image: Image, rule: ImageRule, *, exif_transpose: bool) -> list[int]:
    header = read_image(image.url, image.where)
    if header is None:
        raise PromptRejected(
            "a linked image has no known size; send it as a data: URL", image.where, "unknown_image_size"
        )
    columns, rows = image_grid(*shown_size(header, exif_transpose=exif_transpose), rule)
    row = [*[int(Control.IMG)] * columns, int(Control.IMG_BREAK)]
    return [*(row * rows)[:-1], int(Control.IMG_END)]
