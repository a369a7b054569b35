"""What a worker of completions is sent for a FIM request without `max_tokens`: as much as there is room for."""

import json

import msgspec
import pytest

from gateway.catalog.read_toml import shipped
from gateway.catalog.snapshot import Catalog
from gateway.inference.fim import as_completion, parse_fim
from gateway.inference.tally import Sizes
from gateway.tokens.types import PromptBound
from gateway.workers.types import Worker

MODEL = Catalog(shipped()).require("magistral-small-2509")
IDS = [1, 16, 1041, 14, 22177]


@pytest.mark.parametrize(
    ("contexts", "afforded", "max_tokens"),
    [
        ({}, 131_072, 131_072 - 5),
        ({MODEL.id: 40_960}, 131_072, 40_960 - 5),
        ({MODEL.id: 262_144}, 131_072, 131_072 - 5),
        ({MODEL.id: 40_960}, 7, 7),
        ({MODEL.id: 3}, 131_072, 1),
    ],
    ids=["unknown", "a shorter context", "a longer one", "what is afforded", "none: its own refusal says so"],
)
def test_max_tokens_left_out_means_what_fits(
    contexts: dict[str, int], afforded: int, max_tokens: int
) -> None:
    body = {"model": MODEL.id, "prompt": "Hello", "suffix": ")", "echo": True, "best_of": 3, "top_p": 0.9}
    request = parse_fim(json.dumps(body).encode())
    sizes = Sizes(
        model=MODEL,
        prompt=request.prompt,
        bound=PromptBound(9, 0),
        input_tokens_max=9,
        output_tokens_max=afforded,
    )
    worker = Worker(name="w", url="http://w", kind="vllm", contexts=contexts)
    completion, fitted = as_completion(request, worker, sizes, IDS)
    assert fitted.output_tokens_max == max_tokens
    sent = {name: msgspec.json.decode(raw) for name, raw in completion.fields.items()}
    assert sent == {"model": MODEL.id, "prompt": IDS, "top_p": 0.9}
