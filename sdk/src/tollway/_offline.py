"""The gateway's counts without the gateway: mistral-common with Magistral's tokenizer (`pip install tollway[tokens]`).

mistral-common ships the ranks, and not Magistral's own file: that has the same ranks, version 13's control tokens, and
pictures of 14-pixel patches (the gateway's tests prove its counts, these ones, equal).  Imported when first needed: it
takes about a second.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from tollway._core.fields import PromptFields, prompt_body
from tollway._core.request import encode
from tollway._errors import TollwayError
from tollway._types.account import Model
from tollway._types.texts import Estimate

CONTEXT_TOKENS = 131_072
"""Magistral Small 1.2's."""
_PER_MTOK = 1_000_000

_CONTROL = {
    0: "<unk>", 1: "<s>", 2: "</s>", 3: "[INST]", 4: "[/INST]", 5: "[AVAILABLE_TOOLS]", 6: "[/AVAILABLE_TOOLS]",
    7: "[TOOL_RESULTS]", 8: "[/TOOL_RESULTS]", 9: "[TOOL_CALLS]", 10: "[IMG]", 11: "<pad>", 12: "[IMG_BREAK]",
    13: "[IMG_END]", 14: "[PREFIX]", 15: "[MIDDLE]", 16: "[SUFFIX]", 17: "[SYSTEM_PROMPT]", 18: "[/SYSTEM_PROMPT]",
    19: "[TOOL_CONTENT]", 24: "[AUDIO]", 25: "[BEGIN_AUDIO]", 32: "[ARGS]", 33: "[CALL_ID]", 34: "[THINK]",
    35: "[/THINK]",
}  # fmt: skip
_CONTROL_TOKENS = 1000
_CELLS_MAX = 55
"""Of 28 pixels, a side: pictures are brought down to 1,540 pixels."""
_IMAGE_IDS = frozenset({10, 12, 13})


def estimate(fields: PromptFields, card: Model | None) -> Estimate:
    """Raises TollwayError: tollway[tokens] is missing, or the prompt cannot be counted here."""
    body = prompt_body(fields)
    if "messages" not in body:
        raise TollwayError(
            "only chats (`messages`) are counted offline; leave offline out to ask the gateway"
        )
    body = msgspec.json.decode(encode(body))  # as it would travel: plain lists and dicts
    if card is not None and card.default_system_prompt and not _opted_out(body):
        body["messages"].insert(0, {"role": "system", "content": list(card.default_system_prompt)})
    ids = _encode(body)
    images = sum(token in _IMAGE_IDS for token in ids)
    context = CONTEXT_TOKENS if card is None else card.max_context_length or CONTEXT_TOKENS
    room = max(0, context - len(ids))
    output_max = min(body.get("max_tokens") or room, room)
    return Estimate(
        prompt_tokens=len(ids),
        model=body["model"],
        text_tokens=len(ids) - images,
        image_tokens=images,
        max_tokens=output_max,
        cost_max_nanousd=None if card is None else _cost_max(len(ids) - images, images, output_max, card),
    )


def _opted_out(body: Mapping[str, Any]) -> bool:
    """Of the default system prompt: by `prompt_mode: null`, or with a system message."""
    own = any(message.get("role") in ("system", "developer") for message in body["messages"])
    return own or body.get("prompt_mode", "reasoning") is None


def _cost_max(text: int, images: int, output: int, card: Model) -> int | None:
    """At list price, rounded up as the gateway does; None: the card has no prices."""
    prices = card.prices_nanousd_per_mtok
    try:
        dearest = (
            (text, max(prices["input_text"], prices["input_cached"])),
            (images, max(prices["input_image"], prices["input_cached"])),
            (output, max(prices["output_text"], prices["output_reasoning"])),
        )
    except KeyError:
        return None
    slack = sum(price % _PER_MTOK != 0 for price in prices.values())  # what splitting into classes may add
    return slack + sum(-(-tokens * price // _PER_MTOK) for tokens, price in dearest)


def _encode(body: dict[str, Any]) -> list[int]:
    tokenizer, from_openai = _tokenizer()
    try:
        request = from_openai(
            [_with_plain_thoughts(message) for message in body["messages"]],
            body.get("tools"),
            continue_final_message=bool(body["messages"] and body["messages"][-1].get("prefix", False)),
        )
        return list(tokenizer.encode_chat_completion(request).tokens)
    except (
        Exception
    ) as error:  # mistral-common's own, pydantic's, pillow's: each says what is wrong with the prompt
        raise TollwayError(f"this prompt cannot be counted offline: {error}") from error


def _with_plain_thoughts(message: dict[str, Any]) -> dict[str, Any]:
    """The Mistral API's list of thoughts as one string: mistral-common knows no other form."""
    if not isinstance(message.get("content"), list):
        return message
    parts = []
    for part in message["content"]:
        thinking = part.get("thinking")
        whole = "".join(each["text"] for each in thinking) if isinstance(thinking, list) else thinking
        parts.append(part if thinking is None else {**part, "thinking": whole})
    return {**message, "content": parts}


@cache
def _tokenizer() -> tuple[Any, Any]:
    """mistral-common's for Magistral, and its reader of OpenAI's shape.  Raises TollwayError: it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about its optional parts
            import numpy  # noqa: PLC0415, ICN001
            from mistral_common.protocol.instruct.request import ChatCompletionRequest  # noqa: PLC0415
            from mistral_common.tokens.tokenizers import image  # noqa: PLC0415
            from mistral_common.tokens.tokenizers.mistral import MistralTokenizer  # noqa: PLC0415
    except ImportError as error:
        raise TollwayError("counting offline needs an extra: pip install 'tollway[tokens]'") from error

    no_pixels = numpy.zeros((3, 1, 1))

    class SizesOnly(image.ImageEncoder):
        """Tokens of a picture without its pixels, whose resizing would need OpenCV."""

        def __call__(self, content: Any) -> Any:
            if content.get_url().startswith(("http://", "https://")):
                columns = rows = (
                    _CELLS_MAX  # nothing is fetched: as the gateway does, the most that any picture takes
                )
            else:
                columns, rows = self._image_to_num_tokens(image.image_from_chunk(content))
            tokens = ([self.special_ids.img] * columns + [self.special_ids.img_break]) * rows
            return image.ImageEncoding(tokens=[*tokens[:-1], self.special_ids.img_end], image=no_pixels)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tekken.json"
        file.write_bytes(_magistral_file())
        tokenizer = MistralTokenizer.from_file(file)
    encoder: Any = tokenizer.instruct_tokenizer.image_encoder
    tokenizer.instruct_tokenizer.image_encoder = SizesOnly(encoder.image_config, encoder.special_ids)
    return tokenizer, ChatCompletionRequest.from_openai


def _magistral_file() -> bytes:
    """A tekken v13 file: the ranks that mistral-common ships, with Magistral's header."""
    shipped = files("mistral_common").joinpath("data", "tekken_240911.json").read_bytes()
    content = msgspec.json.decode(shipped)
    size = content["config"]["default_vocab_size"] - _CONTROL_TOKENS
    content["vocab"] = content["vocab"][:size]
    content["config"] |= {"version": "v13", "num_vocab_tokens": size}
    content["image"] = {"image_patch_size": 14, "max_image_size": 1540, "spatial_merge_size": 2}
    content["special_tokens"] = [
        {"rank": rank, "token_str": _CONTROL.get(rank, f"<SPECIAL_{rank}>"), "is_control": True}
        for rank in range(_CONTROL_TOKENS)
    ]
    return msgspec.json.encode(content)
