"""P3, case by case: vLLM asked directly, our receipt of the same request, and our own count say the same numbers.

`test_counts.py` compares with what the gateway passes on; here nothing of ours stands between vLLM and its witness.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.fixtures.running import RunningGateway, eventually
from tests.vllm.bodies import (
    CASES,
    CHAT,
    SIDEWAYS,
    ask_vllm,
    body,
    images_in,
    picture,
    reasoning_in,
    seen,
    streamed,
)
from tests.vllm.serve import VllmServer

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(400)]
Name = Callable[[], str]
Numbers = tuple[int, int, int, int]
AT_ONCE = 8


def said(usage: dict[str, Any]) -> Numbers:
    return usage["prompt_tokens"], images_in(usage), usage["completion_tokens"], reasoning_in(usage)


def billed(api: httpx.Client, request: dict[str, Any]) -> tuple[Numbers, dict[str, str]]:
    """What the receipt of this request says, and whose word each number is."""
    answer = api.post(CHAT, json=request, timeout=120)
    assert answer.status_code == httpx.codes.OK, answer.text
    receipt = api.get(f"/v1/receipts/{answer.headers['x-request-id']}").json()
    used = receipt["usage"]
    numbers = (
        used["input_tokens"],
        used["input_image_tokens"],
        used["output_tokens"],
        used["output_reasoning_tokens"],
    )
    return numbers, receipt["sources"]


@pytest.fixture
def api(gateway: RunningGateway, fresh: Name) -> httpx.Client:
    return gateway.api(gateway.account(fresh(), "5"))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", CASES)
def test_receipt_usage_and_our_count_agree(
    vllm: VllmServer, api: httpx.Client, case: str, stream: bool
) -> None:
    request = streamed(body(case)) if stream else body(case)
    truth = said(ask_vllm(vllm, request))
    numbers, sources = billed(api, request)
    counted = api.post("/v1/tokenize", json=request).json()
    assert numbers == truth
    assert (counted["prompt_tokens"], counted["image_tokens"]) == truth[:2]
    assert truth[2] > truth[3] > 0, "the model thinks, then answers"
    assert (sources["input"], sources["output"], sources["reasoning"]) == ("worker", "worker", "worker")


@pytest.mark.parametrize("limit", [1, 5, 11, 20])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_answer_cut_off_by_max_tokens(
    vllm: VllmServer, api: httpx.Client, limit: int, stream: bool
) -> None:
    """Within `[THINK]`, within the thought, and after it; one token short of the end."""
    request = body("text", max_tokens=limit)
    request = streamed(request) if stream else request
    truth = said(ask_vllm(vllm, request))
    assert billed(api, request)[0] == truth
    assert truth[2] == limit


def test_counters_rise_by_the_sum_of_our_receipts(
    gateway: RunningGateway, vllm: VllmServer, api: httpx.Client
) -> None:
    """Every case twice, eight at once, so that vLLM batches them and finds prefixes in its cache."""
    requests = [ask(body(name)) for name in CASES for ask in (dict, streamed)]
    names = ("vllm:prompt_tokens_total", "vllm:generation_tokens_total")
    before = [vllm.metric(name) for name in names]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        numbers = [each for each, _ in pool.map(lambda request: billed(api, request), requests)]
    sums = [sum(each[0] for each in numbers), sum(each[2] for each in numbers)]

    def risen() -> list[float]:
        return [vllm.metric(name) - was for name, was in zip(names, before, strict=True)]

    eventually(lambda: risen() >= sums, "vLLM publishes its counters", 5)
    assert risen() == sums
    assert len(numbers) == 2 * len(CASES)


def test_a_photo_this_vllm_cannot_count_is_free(
    gateway: RunningGateway, vllm: VllmServer, fresh: Name
) -> None:
    """vLLM 0.32 in Mistral's mode answers 500 where EXIF swaps width and height: it counts one and encodes the other.

    Should the first assertion fail after an upgrade, move the picture to CASES.
    """
    request = body("text") | seen(picture(640, 480, "JPEG", turn=SIDEWAYS))
    direct = httpx.post(vllm.url + CHAT, json=request, timeout=120, trust_env=False)
    assert direct.status_code == httpx.codes.INTERNAL_SERVER_ERROR
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post(CHAT, json=request, timeout=120)
    assert answer.status_code == httpx.codes.BAD_GATEWAY
    assert gateway.event(answer.headers["x-request-id"]).outcome == "worker_failed"
    assert gateway.settled_up(name).settled_nanousd == 0
