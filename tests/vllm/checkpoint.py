"""A tiny checkpoint in Mistral's own format and Magistral's shape (vision, thinking), whose reply is known in advance.

Like tests/fixtures/tiny_model.py a bigram automaton: each token of the reply has an axis of the embedding space, and
the head maps each axis to the next token.  All layers run and add nothing, so cost, caches and counts are real.
"""

import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from mistral_common.tokens.tokenizers.tekken import Tekkenizer

from tests.tokens.conftest import derive_v13

REPLY = "[THINK]The user wants something short; so be brief[/THINK]Hello! This is a tiny local model."
"""No token may occur twice: a bigram automaton cannot count."""
THINK, END_THINK, EOS = 34, 35, 2
STARTS = (4, 8)
"""`[/INST]` and `[/TOOL_RESULTS]`: what a prompt may end with."""
VOCABULARY, DIM, HEADS, HEAD_DIM, FFN = 131_072, 64, 2, 32, 64
V_DIM, V_FFN, PATCH, MERGE, LONGEST = 32, 64, 14, 2, 1540
CONTEXT = 131_072


def build(folder: Path) -> Path:
    """`folder` with params.json, tekken.json and consolidated.safetensors."""
    tekken = derive_v13(folder)
    (folder / "params.json").write_text(json.dumps(_params()))
    _write_safetensors(folder / "consolidated.safetensors", _weights(_reply_ids(tekken)))
    return folder


def _reply_ids(tekken: Path) -> list[int]:
    words = Tekkenizer.from_file(tekken)
    ids: list[int] = []
    for piece in re.split(r"(\[/?THINK\])", REPLY):
        control = {"[THINK]": [THINK], "[/THINK]": [END_THINK]}.get(piece)
        ids += control or words.encode(piece, bos=False, eos=False)
    assert len(set(ids)) == len(ids) < DIM - 1, "the reply repeats a token, or is too long: reword it"
    return ids


def _params() -> dict[str, Any]:
    vision = {
        "hidden_size": V_DIM, "num_channels": 3, "image_size": LONGEST, "max_image_size": LONGEST, "patch_size": PATCH,
        "rope_theta": 10_000.0, "intermediate_size": V_FFN, "num_hidden_layers": 1, "num_attention_heads": 2,
        "adapter_bias": False, "mm_projector_id": "patch_merge", "spatial_merge_size": MERGE,
        "add_pre_mm_projector_layer_norm": True, "image_token_id": 10, "image_break_token_id": 12, "image_end_token_id": 13,
    }  # fmt: skip
    return {
        "dim": DIM, "n_layers": 1, "head_dim": HEAD_DIM, "hidden_dim": FFN, "n_heads": HEADS, "n_kv_heads": HEADS,
        "rope_theta": 1e9, "norm_eps": 1e-5, "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT,
        "vision_encoder": vision,
    }  # fmt: skip


def _weights(reply: list[int]) -> dict[str, Any]:
    embeddings, head = np.zeros((VOCABULARY, DIM), np.float32), np.zeros((VOCABULARY, DIM), np.float32)
    embeddings[:, DIM - 1] = 1  # tokens outside of the chain share an axis that leads nowhere
    for axis, (before, after) in enumerate(zip([STARTS[0], *reply], [*reply, EOS], strict=True)):
        embeddings[before] = np.eye(DIM)[axis]
        head[after, axis] = 10.0
    embeddings[STARTS[1]] = embeddings[STARTS[0]]

    def block(prefix: str, dim: int, ffn: int) -> dict[str, Any]:
        squares = {
            f"{prefix}.attention.{name}.weight": np.zeros((dim, dim)) for name in ("wq", "wk", "wv", "wo")
        }
        norms = {f"{prefix}.{name}.weight": np.ones(dim) for name in ("attention_norm", "ffn_norm")}
        ups = {f"{prefix}.feed_forward.{name}.weight": np.zeros((ffn, dim)) for name in ("w1", "w3")}
        return squares | norms | ups | {f"{prefix}.feed_forward.w2.weight": np.zeros((dim, ffn))}

    return {
        "tok_embeddings.weight": embeddings,
        "norm.weight": np.ones(DIM),
        "output.weight": head,
        **block("layers.0", DIM, FFN),
        "vision_encoder.patch_conv.weight": np.zeros((V_DIM, 3, PATCH, PATCH)),
        "vision_encoder.ln_pre.weight": np.ones(V_DIM),
        **block("vision_encoder.transformer.layers.0", V_DIM, V_FFN),
        "pre_mm_projector_norm.weight": np.ones(V_DIM),
        "patch_merger.merging_layer.weight": np.zeros((V_DIM, V_DIM * MERGE * MERGE)),
        "vision_language_adapter.w_in.weight": np.zeros((DIM, V_DIM)),
        "vision_language_adapter.w_out.weight": np.zeros((DIM, DIM)),
    }


def _write_safetensors(path: Path, tensors: dict[str, Any]) -> None:
    """bfloat16 is the upper half of a float32; every number here is exact in it."""
    header: dict[str, Any] = {}
    blobs, offset = [], 0
    for name, tensor in tensors.items():
        blob = (np.ascontiguousarray(tensor, np.float32).view(np.uint32) >> 16).astype(np.uint16).tobytes()
        header[name] = {
            "dtype": "BF16",
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(struct.pack("<Q", len(head)) + head + b"".join(blobs))
