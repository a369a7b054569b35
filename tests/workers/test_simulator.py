"""The choice at scale: 50,000 requests of heavy-tailed lengths on 100 workers, beside the usual ways to choose."""

import tracemalloc
from random import Random

import pytest

from gateway.catalog.read_toml import shipped
from gateway.catalog.snapshot import Catalog
from gateway.workers.homes import HOMES_MAX
from gateway.workers.load import Work
from gateway.workers.probe import SILENT_S, wants_probe
from gateway.workers.registry import Registry
from gateway.workers.ring import POINTS
from gateway.workers.router import Router, Routing
from gateway.workers.types import Need, Worker
from gateway.workers.wire import WireClient
from tests.workers.simulator import CONVERSATIONS, LEAST, OURS, RANDOM, ROBIN, compare, table

WORKERS = 100
MODEL = "magistral-small-2509"


def test_waits_beside_the_usual_ways_to_choose() -> None:
    """Four gateways that do not talk, workers 90 % busy.  docs/workers.md has the table that this prints (`-s`)."""
    results = compare(50_000, WORKERS, busy=0.9, gateways=4)
    print(f"\n{table(results)}")
    ours = results[OURS]
    assert ours.p99 <= results[LEAST].p99, (
        "no worse than least connections, which knows of long prompts nothing"
    )
    assert ours.p99 * 10 <= min(results[ROBIN].p99, results[RANDOM].p99)
    near = results[CONVERSATIONS]
    assert near.at_home >= 0.3, "of turns on a fleet that is nearly full; by chance it is one in a hundred"
    assert near.p99 * 3 <= min(results[ROBIN].p99, results[RANDOM].p99)
    assert near.most_over_mean <= 1.1 * results[LEAST].most_over_mean, "one long answer in 500 is a lot"


def test_a_worker_is_tried_when_it_is_silent_while_it_has_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not because it had nothing to do for an hour before, and not the one that bills for it."""
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    local = Worker(name="local", url="http://local", kind="vllm", models={MODEL: MODEL})
    remote = Worker(name="remote", url="http://remote", kind="mistral", models={MODEL: MODEL})
    client = WireClient(connect_timeout_s=1)
    router = Router(Registry([local, remote], Catalog(shipped()), client), client, Routing())
    for worker in (local, remote):
        Work(router.loads.of(worker.name), 1, 1, now, lambda: None)
    assert not wants_probe(router, local)
    now += SILENT_S + 1
    assert wants_probe(router, local)
    assert not wants_probe(router, remote)
    router.health.heard("local")
    assert not wants_probe(router, local)


def test_memory_is_bounded_by_the_number_of_workers() -> None:
    """However many conversations and accounts there are: of the latest some bytes are remembered."""
    catalog = Catalog(shipped())
    workers = [Worker(name=f"w{n}", url=f"http://w{n}", models={MODEL: MODEL}) for n in range(WORKERS)]
    client = WireClient(connect_timeout_s=1)
    router = Router(Registry(workers, catalog, client), client, Routing())
    chance = Random(1)

    def one(number: int) -> None:
        need = Need(
            model_id=MODEL,
            account_id=f"account-{number}",
            input_tokens=1000,
            output_tokens=100,
            spot=chance.getrandbits(64),
        )
        found = router.spare(need, ())
        assert found is not None
        found[1].end()

    for number in range(200):
        one(number)
    tracemalloc.start()
    for number in range(2000):
        one(number)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 2000 * 256, f"{grown} bytes are left of 2,000 requests"
    for number in range(2 * HOMES_MAX):
        router.homes.settle(number, "w1")
    assert (len(router.homes), router.homes.of(0)) == (HOMES_MAX, None), (
        "whoever was longest away is forgotten"
    )
    (ring,) = router.rings.values()
    assert len(ring) == POINTS * WORKERS
