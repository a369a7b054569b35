"""Run by the machine's own Python (with torch and transformers, without Tollway): weights.py PLAN FOLDER.

All layers run and add nothing, so cost, caches and counts are real; embeddings and head hold the chain.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import GenerationConfig, Mistral3Config, Mistral3ForConditionalGeneration


def main(plan: Path, folder: Path) -> None:
    asked = json.loads(plan.read_text("utf-8"))
    model = Mistral3ForConditionalGeneration(Mistral3Config(**asked["config"])).to(torch.bfloat16)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            tensor.fill_(1.0 if "norm" in name or name.endswith("ln_pre.weight") else 0.0)
        embeddings, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
        embeddings[:, -1] = 1  # tokens outside of the chain share an axis that leads nowhere
        axes: dict[int, int] = {}
        for before, after, strength in asked["chain"]:
            axis = axes.setdefault(before, len(axes))
            embeddings[before] = 0
            embeddings[before, axis] = 1
            head[after, axis] = strength
    model.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=11)
    model.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
