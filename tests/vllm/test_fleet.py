"""Two real vLLM behind the gateway: conversations meet their KV cache, and engines break under load.

The figures are printed; docs/workers.md has them.
"""

import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.outage import Drill
from tests.fixtures.running import RunningGateway, chat, eventually
from tests.fixtures.traffic import Traffic
from tests.vllm.checkpoint import build
from tests.vllm.serve import VllmServer

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(500)]
Name = Callable[[], str]
CHAT = "/v1/chat/completions"
DEADLINE_S = 15.0
PHASE_S = 5.0
CONVERSATIONS, TURNS, WORDS = 24, 5, 300
CACHE = "--kv-cache-memory-bytes=9M"
"""Some 36,000 tokens of this tiny model: half of all conversations at their end, as on a GPU that is well used."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[VllmServer]]:
    folder = tmp_path_factory.mktemp("fleet")
    checkpoint = build(folder)
    with ExitStack() as stack:
        cores = sorted(os.sched_getaffinity(0))
        found = [
            VllmServer(checkpoint, folder / f"vllm-{n}.log", CACHE, cores=str(cores[n % len(cores)]))
            for n in range(2)
        ]
        for server in found:
            stack.callback(server.stop)
        for server in found:
            server.wait()
        yield found


class Talk:
    """One conversation.  Its words are its own, so that no two share a prefix."""

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(seed)
        self._messages: list[dict[str, Any]] = []

    def turn(self, api: httpx.Client) -> None:
        text = " ".join(str(self._chance.randrange(10**6)) for _ in range(WORDS // 4))
        self._messages.append({"role": "user", "content": text})
        answer = api.post(CHAT, json={**chat(""), "messages": self._messages, "max_tokens": 4})
        assert answer.status_code == 200, answer.text
        self._messages.append({"role": "assistant", "content": "Hello!"})


def drive(choose: Callable[[int], httpx.Client], seed: str) -> None:
    """All conversations turn by turn, each turn in another order, four at a time."""
    talks = [Talk(f"{seed}-{n}") for n in range(CONVERSATIONS)]
    for turn in range(TURNS):
        order = random.Random(f"{seed}-{turn}").sample(range(CONVERSATIONS), CONVERSATIONS)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda at, number: talks[number].turn(choose(at)), range(CONVERSATIONS), order))


def counters(servers: list[VllmServer], name: str) -> list[float]:
    return [server.metric(f"vllm:{name}_total") for server in servers]


def test_conversations_meet_their_cache(servers: list[VllmServer], tmp_path: Path, fresh: Name) -> None:
    def measure(drive_it: Callable[[], None]) -> tuple[float, float]:
        """Its prefix cache's hits over queries, and the most tokens that one got over the mean."""
        before = [counters(servers, name) for name in ("prefix_cache_hits", "prefix_cache_queries")]
        drive_it()
        after = [counters(servers, name) for name in ("prefix_cache_hits", "prefix_cache_queries")]
        hits, queries = (
            [new - old for new, old in zip(now, then, strict=True)]
            for now, then in zip(after, before, strict=True)
        )
        return sum(hits) / sum(queries), max(queries) * len(queries) / sum(queries)

    patient = {"first_byte_timeout_s": 60.0, "chunk_gap_s_max": 60.0}
    with (
        RunningGateway(tmp_path / "both", *(server.url for server in servers), **patient) as both,
        both.api(both.account(fresh(), "100")) as api,
    ):
        hit, most = measure(lambda: drive(lambda _: api, "affinity"))
    with ExitStack() as stack:
        ones = [
            stack.enter_context(RunningGateway(tmp_path / str(n), server.url, **patient))
            for n, server in enumerate(servers)
        ]
        apis = [stack.enter_context(one.api(one.account(fresh(), "100"))) for one in ones]
        robin, robin_most = measure(lambda: drive(lambda at: apis[at % 2], "robin"))
    print(
        f"\nprefix cache: {hit:.1%} of prompt tokens hit by place, {robin:.1%} round robin: {hit / robin:.2f} times;"
        f" the busier worker got {most:.2f} of the mean ({robin_most:.2f})"
    )
    assert hit > 1.2 * robin
    assert most <= 1.25


def test_engines_break_under_load_and_nobody_who_had_not_begun_notices(
    servers: list[VllmServer], tmp_path: Path, fresh: Name
) -> None:
    """As `tests/workers/test_outage.py`, with one engine less: each trouble is over before the next."""
    options = {"first_byte_timeout_s": DEADLINE_S, "chunk_gap_s_max": DEADLINE_S}
    one, two = servers
    body = chat("Hello, how are you today?", max_tokens=8)
    with (
        RunningGateway(tmp_path, one.url, **options) as gateway,
        Drill(gateway, PHASE_S, patience_s=30) as drill,
    ):
        with Traffic(gateway, fresh(), body, clients=4) as traffic:
            eventually(lambda: len(traffic.seen) >= 12, "it is warm", 60)
            drill.calm("one vLLM")
            drill.add("another added", two.url)
            drill.calm("two vLLM")
            drill.freeze("one engine frozen (SIGSTOP)", "one left", one.url, one.engine_pid())
            said = httpx.get(f"{one.url}/health", trust_env=False).status_code
            assert said == httpx.codes.OK, "a frozen engine's own word is worth nothing"
            drill.thaw("the frozen one back", one.url, one.engine_pid())
            slow = ("one slowed to a fifth", "the slow one drained")
            drill.slow_then_drain(slow, two.url, two.engine_pid(), 1 / 5)
            drill.take_back("the drained one back", two.url)
            drill.kill("one killed (SIGKILL)", two.url, two.kill)
        recovered = ("the frozen one back", "the drained one back")
        drill.judge(traffic, DEADLINE_S, calm="two vLLM", recovered=recovered)
