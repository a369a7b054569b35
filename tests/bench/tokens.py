"""How fast the bound and the exact count are, beside mistral-common's own encode, for texts and for a large picture."""

import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from gateway.inference.request import parse
from gateway.tokens.bound import bound_prompt
from gateway.tokens.count import count_prompt
from gateway.tokens.open import open_vocabulary
from gateway.tokens.types import Prompt
from tests.tokens.conftest import derive_v13
from tests.tokens.pictures import data_url, encoded

WORDS = (
    "road",
    "Straße",
    "péage",
    "道路",
    "дорога",
    "toll",
    "pays",
    "counts",
    "0x3f",
    "(",
    ")",
    "return",
    "\n",
    "and",
    "🚗",
)
REPEATS = 7


def text_of(tokens: int, seed: int) -> str:
    """Fresh each time: repeated text would be served from caches."""
    dice = random.Random(seed)
    return " ".join(dice.choice(WORDS) + str(dice.randint(0, 999)) for _ in range(tokens // 4))


def body_of(content: Any) -> bytes:
    return json.dumps(
        {"model": "magistral-small-2509", "messages": [{"role": "user", "content": content}]}
    ).encode()


def median_us(work: Callable[[int], Any]) -> float:
    times = []
    for number in range(REPEATS):
        begun = time.perf_counter()
        work(number)
        times.append((time.perf_counter() - begun) * 1e6)
    return statistics.median(times)


def rows(theirs: MistralTokenizer) -> list[tuple[str, int, float, float, float, float]]:
    """Name, tokens, and microseconds: parse, bound, exact count, mistral-common."""
    vocabulary = open_vocabulary("tekken-v13")
    vocabulary.open()
    found = []
    for tokens in (1_000, 10_000, 100_000):
        bodies = [body_of(text_of(tokens, 100 * tokens + number)) for number in range(3 * REPEATS)]
        prompts = [parse(body, "openai").prompt for body in bodies]
        requests = [
            ChatCompletionRequest.from_openai(messages=json.loads(body)["messages"]) for body in bodies
        ]
        found.append((
            f"{tokens:,} tokens",
            count_prompt(prompts[0], vocabulary).prompt_tokens,
            median_us(lambda n, bodies=bodies: parse(bodies[n], "openai")),
            median_us(lambda n, prompts=prompts: bound_prompt(prompts[n])),
            median_us(lambda n, prompts=prompts: count_prompt(prompts[REPEATS + n], vocabulary)),
            median_us(lambda n, requests=requests: theirs.encode_chat_completion(requests[2 * REPEATS + n])),
        ))  # fmt: skip
    return found


def picture(theirs: MistralTokenizer) -> tuple[int, float, float, float | None]:
    """A 10 MB picture: its tokens, and microseconds of parse, exact count, and mistral-common (None without OpenCV)."""
    url = data_url(encoded("PNG", 4032, 3024) + random.Random(1).randbytes(10 * 2**20))
    body = body_of([{"type": "image_url", "image_url": {"url": url}}])
    prompt: Prompt = parse(body, "openai").prompt
    vocabulary = open_vocabulary("tekken-v13")
    tokens = count_prompt(prompt, vocabulary).image_tokens
    theirs_us = None
    if find_spec("cv2") is not None:
        request = ChatCompletionRequest.from_openai(messages=json.loads(body)["messages"])
        theirs_us = median_us(lambda _: theirs.encode_chat_completion(request))
    return (
        tokens,
        median_us(lambda _: parse(body, "openai")),
        median_us(lambda _: count_prompt(prompt, vocabulary)),
        theirs_us,
    )


def main() -> None:
    print(
        f"{'tokens: text':>16} {'exact':>9} {'parse us':>10} {'bound us':>10} {'count us':>10} {'mistral us':>11} {'ratio':>6}"
    )
    with tempfile.TemporaryDirectory() as folder:
        theirs = MistralTokenizer.from_file(str(derive_v13(Path(folder))))
    for name, tokens, parse_us, bound_us, count_us, theirs_us in rows(theirs):
        print(
            f"{name:>16} {tokens:>9,} {parse_us:>10.1f} {bound_us:>10.1f} {count_us:>10.1f} {theirs_us:>11.1f} {theirs_us / count_us:>5.1f}x"
        )
    tokens, parse_us, count_us, pictured_us = picture(theirs)
    beside = "(theirs needs: pip install opencv-python-headless)"
    if pictured_us is not None:
        beside = f"{pictured_us:>11.1f} {pictured_us / count_us:>5.0f}x"
    print(f"{'10 MB picture':>16} {tokens:>9,} {parse_us:>10.1f} {'':>10} {count_us:>10.1f} {beside}")


if __name__ == "__main__":
    main()
