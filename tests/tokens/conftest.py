"""The vocabulary under test, and mistral_common itself on a v13 file derived from the one it ships."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from gateway.tokens.tekken import Vocabulary, bundled_file

CONTROL_NAMES = {
    0: "<unk>", 1: "<s>", 2: "</s>", 3: "[INST]", 4: "[/INST]", 5: "[AVAILABLE_TOOLS]", 6: "[/AVAILABLE_TOOLS]",
    7: "[TOOL_RESULTS]", 8: "[/TOOL_RESULTS]", 9: "[TOOL_CALLS]", 10: "[IMG]", 11: "<pad>", 12: "[IMG_BREAK]",
    13: "[IMG_END]", 14: "[PREFIX]", 15: "[MIDDLE]", 16: "[SUFFIX]", 17: "[SYSTEM_PROMPT]", 18: "[/SYSTEM_PROMPT]",
    19: "[TOOL_CONTENT]", 24: "[AUDIO]", 25: "[BEGIN_AUDIO]", 32: "[ARGS]", 33: "[CALL_ID]", 34: "[THINK]",
    35: "[/THINK]",
}  # fmt: skip
"""MISTRAL.md section 8."""

Encode = Callable[[dict[str, Any]], list[int]]


def write_bytes_vocabulary(path: Path, ranks: int = 256, special: int = 10) -> Path:
    """A tekken file that knows single bytes alone; more ranks than 256 are beyond the size it promises."""
    vocab = [{"rank": rank, "token_bytes": bytes([rank % 256]) * (1 + rank // 256)} for rank in range(ranks)]
    config = {
        "pattern": r"\S+|\s+",
        "default_vocab_size": 256 + special,
        "default_num_special_tokens": special,
    }
    path.write_bytes(msgspec.json.encode({"config": config, "vocab": vocab}))
    return path


@pytest.fixture(scope="session")
def bytes_vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    """The worst tokenizer there can be: a token per byte.  A bound that holds for it holds for all."""
    return Vocabulary(write_bytes_vocabulary(tmp_path_factory.mktemp("bytes") / "tekken.json"))


def derive_v13(folder: Path) -> Path:
    """A v13 file for mistral_common, which ships none: the bundled ranks under a v13 header (MISTRAL.md section 8)."""
    content = msgspec.json.decode(bundled_file().read_bytes())
    size = content["config"]["default_vocab_size"] - content["config"]["default_num_special_tokens"]
    content["vocab"] = content["vocab"][:size]
    content["config"] |= {"version": "v13", "num_vocab_tokens": size}
    content["image"] = {"image_patch_size": 14, "max_image_size": 1540, "spatial_merge_size": 2}
    content["special_tokens"] = [
        {"rank": i, "token_str": CONTROL_NAMES.get(i, f"<SPECIAL_{i}>"), "is_control": True}
        for i in range(1000)
    ]
    derived = folder / "tekken.json"
    derived.write_bytes(msgspec.json.encode(content))
    return derived


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return Vocabulary()


@pytest.fixture(scope="session")
def mistral_encodes(tmp_path_factory: pytest.TempPathFactory) -> Encode:
    return encoder_v13(tmp_path_factory.mktemp("derived"))


def encoder_v13(folder: Path) -> Encode:
    """The ids that mistral_common makes of a chat body; it raises what it refuses.

    Pictures pass through its own loader and size formula; only the resizing of pixels, which needs OpenCV, is left
    out.
    """
    derived = derive_v13(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mistral_common.protocol.instruct.request import ChatCompletionRequest
        from mistral_common.tokens.tokenizers import image
        from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

        tokenizer = MistralTokenizer.from_file(str(derived))
    image.transform_image = lambda picture, size: np.zeros((3, 1, 1))

    def encode(body: dict[str, Any]) -> list[int]:
        last = body["messages"][-1] if body["messages"] else {}
        request = ChatCompletionRequest.from_openai(
            [_as_vllm_passes(message) for message in body["messages"]],
            body.get("tools"),
            continue_final_message=last.get("prefix", False),
        )
        return tokenizer.encode_chat_completion(request).tokens

    return encode


def _as_vllm_passes(message: dict[str, Any]) -> dict[str, Any]:
    """The Mistral API's list of thoughts as one string: mistral_common knows no other form."""
    if not isinstance(message.get("content"), list):
        return message
    parts = []
    for part in message["content"]:
        thinking = part.get("thinking")
        if isinstance(thinking, list):
            parts.append({**part, "thinking": "".join(piece["text"] for piece in thinking)})
        else:
            parts.append(part)
    return {**message, "content": parts}
