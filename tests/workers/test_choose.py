"""Which worker is asked: pure functions over any workers, loads and spots."""

from collections import Counter
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.workers.choose import BOUND, BUSY, FREE, OUT, Candidate, best_class, choose, nearest
from gateway.workers.order_by import POLICIES, is_fit, parse_policy, tier
from gateway.workers.ring import Ring, place
from gateway.workers.types import Cost, Need, Policy, Worker

NAMES = [f"worker-{n}" for n in range(8)]
TOKENS = st.floats(0, 1e6)
CANDIDATE = st.builds(
    Candidate,
    name=st.sampled_from(NAMES),
    rank=st.integers(FREE, OUT),
    tier=st.integers(0, 1),
    busy=st.floats(0, 1000),
    given=TOKENS,
    weight=st.sampled_from([0.1, 1.0, 2.0, 3.0]),
)
CANDIDATES = st.lists(CANDIDATE, unique_by=lambda each: each.name, min_size=1)
SPOT = st.integers(0, 2**64 - 1)


def idle(name: str, **fields: float) -> Candidate:
    zero = {"busy": 0.0, "given": 0.0, "weight": 1.0}
    return Candidate(name=name, rank=FREE, tier=0, **(zero | fields))


@given(CANDIDATES, SPOT, st.integers(0, 2**32), TOKENS, st.booleans())
def test_the_chosen_one_is_of_the_best_rank_and_tier(
    candidates: list[Candidate], spot: int, seed: int, tokens: float, conversation: bool
) -> None:
    ring = Ring(dict.fromkeys(NAMES, 1)) if conversation else None
    chosen = choose(candidates, Random(seed), ring=ring, spot=spot, tokens=tokens)
    assert chosen in candidates
    assert (chosen.rank, chosen.tier) == min((each.rank, each.tier) for each in candidates)


@given(CANDIDATES, st.integers(0, 2**32))
def test_of_its_class_the_least_busy(candidates: list[Candidate], seed: int) -> None:
    chosen = choose(candidates, Random(seed))
    assert (chosen.busy + 1) / chosen.weight == min((x.busy + 1) / x.weight for x in best_class(candidates))


def test_requests_that_never_end_are_spread_by_capacity() -> None:
    chance, busy = Random(1), dict.fromkeys("012345", 0.0)
    weights = dict.fromkeys("012345", 1.0) | {"0": 3.0}
    for _ in range(8000):
        busy[choose([idle(name, busy=busy[name], weight=weights[name]) for name in busy], chance).name] += 1
    assert busy["0"] == pytest.approx(3000, abs=5)
    assert busy["1"] == pytest.approx(1000, abs=5)


@given(CANDIDATES, SPOT, TOKENS)
def test_nobody_on_the_ring_gets_more_than_its_bounded_share(
    candidates: list[Candidate], spot: int, tokens: float
) -> None:
    best = best_class(candidates)
    chosen = nearest(best, Ring(dict.fromkeys(NAMES, 1)), spot, tokens)
    if chosen is None:
        assert len(best) > 1, "one alone is never more than its share"
        return
    part = BOUND * (1 + 1e-9) * chosen.weight / sum(each.weight for each in best)
    assert chosen.given <= part * (sum(each.given for each in best) + tokens)
    assert chosen.busy <= part * (sum(each.busy for each in best) + 1)


@given(CANDIDATES, SPOT)
def test_somebody_on_the_ring_is_within_the_bound_of_either(candidates: list[Candidate], spot: int) -> None:
    """The mean is never below the least: with one kind of load there is always a place."""
    ring = Ring(dict.fromkeys(NAMES, 1))
    calm = [msgspec.structs.replace(each, given=0.0) for each in best_class(candidates)]
    assert nearest(calm, ring, spot, 1) is not None


@given(SPOT, st.sampled_from(NAMES))
def test_a_conversation_stays_where_it_is_when_another_worker_goes(spot: int, gone: str) -> None:
    ring = Ring(dict.fromkeys(NAMES, 1))
    home = next(ring.walk(spot))
    left = Ring({name: 1 for name in NAMES if name != gone})
    assert sorted(ring.walk(spot)) == sorted(NAMES)
    assert next(left.walk(spot)) == (home if home != gone else list(ring.walk(spot))[1])


def test_a_ring_spreads_conversations_by_weight() -> None:
    ring = Ring({"one": 1, "two": 2, "three": 1})
    homes = Counter(next(ring.walk(place(str(n).encode()))) for n in range(8000))
    assert homes["two"] == pytest.approx(4000, rel=0.25)
    assert homes["one"] == pytest.approx(2000, rel=0.35)


@given(st.lists(st.binary(), max_size=4), st.lists(st.binary(), max_size=4))
def test_a_place_depends_on_each_part_and_on_where_parts_end(one: list[bytes], other: list[bytes]) -> None:
    assert (place(*one) == place(*other)) == (one == other)


def worker(name: str, **fields: object) -> Worker:
    return Worker(name=name, url=f"http://{name}", **fields)  # type: ignore[arg-type]


NEED = Need(model_id="m", account_id="a", input_tokens=1000, output_tokens=100)


@pytest.mark.parametrize(
    ("policy", "order"),
    [
        ("local-only", ["big", "cheap"]),
        ("local-then-mistral", ["big", "cheap", "mistral"]),
        ("cheapest", ["cheap", "mistral", "big"]),
        ("mistral-only", ["mistral"]),
    ],
)
def test_policies(policy: Policy, order: list[str]) -> None:
    workers = [
        worker("big", cost=Cost(10**9, 10**9)),
        worker("cheap", cost=Cost(10**6, 10**6)),
        worker("mistral", kind="mistral", costs={"m": Cost(10**8, 10**8)}),
    ]
    tiers = {each.name: tier(each, NEED, policy) for each in workers}
    allowed = sorted((place, name) for name, place in tiers.items() if place is not None)
    assert [name for _, name in allowed] == order


def test_a_worker_with_a_small_context_or_no_eyes_may_not_be_fit() -> None:
    assert is_fit(worker("a"), NEED)
    assert is_fit(worker("a", contexts={"m": 1001}), NEED)
    assert not is_fit(worker("a", contexts={"m": 1000}), NEED)
    picture = Need(model_id="m", account_id="a", input_tokens=1, output_tokens=1, vision=True)
    assert is_fit(worker("a"), picture)
    assert not is_fit(worker("a", blind=True), picture)


def test_a_policy_is_one_of_four() -> None:
    assert [parse_policy(name) for name in POLICIES] == list(POLICIES)
    assert parse_policy(None) is None
    with pytest.raises(BadRequest, match="local-only"):
        parse_policy("fastest")


def test_who_is_busy_is_worse_than_who_costs_more() -> None:
    home = Candidate(name="home", rank=BUSY, tier=0, busy=0, given=0, weight=1)
    away = Candidate(name="away", rank=FREE, tier=1, busy=900, given=9e9, weight=1)
    assert choose([home, away], Random(1)).name == "away"
