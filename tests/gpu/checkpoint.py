"""A tiny Magistral in Hugging Face's format and layout, whose reply is known in advance.

Like tests/vllm/checkpoint.py a bigram automaton: each token of the reply has an axis of the embedding space, and the
head maps each axis to the next token.  `ENDLESS` forbids the end: then the answer begins again, for ever.
"""

import json
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.gpu.machine import Machine
from tests.gpu.words import write_tokenizer

REPOSITORY = "mistralai/Magistral-Small-2509"
"""Its name on the hub: what people give `transformers serve`, and an alias in the price book."""
THOUGHT = " the user wants something short so be brief and kind"
ANSWER = " one two three four five six seven eight nine ten red green blue black white north south east west"
"""Words of one token each, none twice: a bigram automaton cannot count, and the text has one reading as tokens."""
THINK, END_THINK, EOS, INST_END = 34, 35, 2, 4
REPLY_TOKENS = 2 + len(THOUGHT.split()) + len(ANSWER.split()) + 1
"""As the worker counts them: with both markers of the thought and the end of the sequence."""
MARKS = 2
"""What a cut stream has generated beyond its text: both markers; the end it never reached."""
ENDLESS: dict[str, Any] = {"logit_bias": {str(EOS): -100.0}}
"""The worker takes floats alone."""
DIM, HEADS, HEAD_DIM, FFN, LAYERS = 64, 2, 32, 64, 2
V_DIM, V_FFN, PATCH, MERGE, LONGEST = 32, 64, 14, 2, 1540
CONTEXT = 131_072
COMMIT = "0" * 40


def build(home: Path, machine: Machine) -> Path:
    """A hub cache with the one model in it, as if it had been downloaded; returns the cache's home."""
    repository = home / "hub" / f"models--{REPOSITORY.replace('/', '--')}"
    folder, scratch = repository / "snapshots" / COMMIT, home / "scratch"
    for made in (folder, scratch, repository / "refs", repository / "blobs"):
        made.mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    words = write_tokenizer(folder, scratch)
    (folder / "processor_config.json").write_text(json.dumps(_processor()))
    chain = _chain(words)
    (scratch / "plan.json").write_text(json.dumps({"config": _config(len(words)), "chain": chain}))
    script = str(Path(__file__).with_name("weights.py"))
    made = subprocess.run(
        [machine.python, script, str(scratch / "plan.json"), str(folder)],
        capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-3000:]
    return home


def _chain(words: list[str]) -> list[tuple[int, int, float]]:
    """(token, the one after it, how strongly)."""
    id_of = {word: i for i, word in enumerate(words)}
    thought = [id_of[f" {word}"] for word in THOUGHT.split()]
    answer = [id_of[f" {word}"] for word in ANSWER.split()]
    path = [INST_END, THINK, *thought, END_THINK, *answer, EOS]
    assert len(set(path)) == len(path) < DIM, "the reply repeats a token, or is too long: reword it"
    again = (answer[-1], answer[0], 5.0)
    return [*((before, after, 10.0) for before, after in pairwise(path)), again]


def _config(vocabulary: int) -> dict[str, Any]:
    text = {
        "model_type": "mistral", "vocab_size": vocabulary, "hidden_size": DIM, "intermediate_size": FFN,
        "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": HEADS, "head_dim": HEAD_DIM,
        "max_position_embeddings": CONTEXT, "sliding_window": None, "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e9},
    }  # fmt: skip
    vision = {
        "model_type": "pixtral", "hidden_size": V_DIM, "intermediate_size": V_FFN, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": LONGEST, "patch_size": PATCH,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
    }  # fmt: skip
    return {
        "text_config": text, "vision_config": vision, "image_token_index": 10, "spatial_merge_size": MERGE,
        "multimodal_projector_bias": False, "projector_hidden_act": "gelu", "vision_feature_layer": -1,
        "bos_token_id": 1, "eos_token_id": EOS, "pad_token_id": 11, "tie_word_embeddings": False,
    }  # fmt: skip


def _processor() -> dict[str, Any]:
    pictures = {
        "image_processor_type": "PixtralImageProcessor", "size": {"longest_edge": LONGEST},
        "patch_size": {"height": PATCH, "width": PATCH},
    }  # fmt: skip
    return {
        "processor_class": "PixtralProcessor", "image_processor": pictures, "patch_size": PATCH,
        "spatial_merge_size": MERGE, "image_token": "[IMG]", "image_break_token": "[IMG_BREAK]",
        "image_end_token": "[IMG_END]",
    }  # fmt: skip
