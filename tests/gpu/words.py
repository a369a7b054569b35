"""Tekken as a Hugging Face tokenizer: the same merges, in the file that `tokenizers` reads.

Made from mistral-common's wheel alone, so that a machine without a network has all that it needs.
"""

import base64
import json
from pathlib import Path
from typing import Any

from tests.tokens.conftest import derive_v13

TEMPLATE = """\
{{- bos_token -}}
{%- macro text(content) -%}
{%- if content is string -%}{{ content }}
{%- else -%}
{%- for part in content -%}
{%- if part.type == 'text' -%}{{ part.text }}{%- elif part.type == 'image' -%}[IMG]{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- for m in messages -%}
{%- if m.role == 'system' -%}[SYSTEM_PROMPT]{{ text(m.content) }}[/SYSTEM_PROMPT]
{%- elif m.role == 'user' -%}[INST]{{ text(m.content) }}[/INST]
{%- elif m.role == 'assistant' -%}
{%- if m.reasoning_content -%}[THINK]{{ m.reasoning_content }}[/THINK]{%- endif -%}
{{- text(m.content) -}}{{- eos_token -}}
{%- endif -%}
{%- endfor -%}
"""
"""Mistral's layout for text, pictures and thoughts."""

PARSED = {
    "start_anchor": "[/INST]",
    "fields": {
        # transformers calls it `reasoning_content` since 5.2x and reads the old name too.
        "thinking": {"open": "[THINK]", "close": "[/THINK]", "content": "text"},
        "content": {"close": "</s>", "content": "text"},
    },
}
"""How `transformers serve` tells thoughts from the answer; without it both are one text."""


def write_tokenizer(folder: Path, scratch: Path) -> list[str]:
    """tokenizer.json and what belongs to it; returns the words by their ids."""
    tekken = json.loads(derive_v13(scratch).read_text("utf-8"))
    special = [entry["token_str"] for entry in tekken["special_tokens"]]
    ranks = [base64.b64decode(entry["token_bytes"]) for entry in tekken["vocab"]]
    letters = _letters()
    spelled = ["".join(letters[byte] for byte in word) for word in ranks]
    content = _tokenizer(special, spelled, _merges(ranks, spelled), tekken["config"]["pattern"])
    (folder / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
        "pad_token": "<pad>", "clean_up_tokenization_spaces": False, "response_template": PARSED,
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return special + [word.decode("utf-8", "replace") for word in ranks]


def _tokenizer(
    special: list[str], spelled: list[str], merges: list[list[str]], pattern: str
) -> dict[str, Any]:
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    bytewise = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": None,
        "added_tokens": [{"id": i, "content": name, **flags} for i, name in enumerate(special)],
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, bytewise]},
        "decoder": bytewise,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "fuse_unk": False, "byte_fallback": False,
            "continuing_subword_prefix": None, "end_of_word_suffix": None, "ignore_merges": True,
            "vocab": {name: i for i, name in enumerate([*special, *spelled])}, "merges": merges,
        },
    }  # fmt: skip


def _letters() -> list[str]:
    """GPT-2's letter for each byte: itself where it can be seen, else one from beyond the first 256."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return [chr(byte) if byte in seen else chr(256 + hidden.index(byte)) for byte in range(256)]


def _merges(ranks: list[bytes], spelled: list[str]) -> list[list[str]]:
    """Every pair that makes a word of the vocabulary, the lowest rank first: tiktoken's order."""
    rank_of = {word: rank for rank, word in enumerate(ranks)}
    merges = []
    for word in ranks:
        cuts = [(rank_of.get(word[:cut]), rank_of.get(word[cut:])) for cut in range(1, len(word))]
        pairs = sorted((left, right) for left, right in cuts if left is not None and right is not None)
        merges += [[spelled[left], spelled[right]] for left, right in pairs]
    return merges
