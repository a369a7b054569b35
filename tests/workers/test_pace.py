"""How fast a worker writes: counted when somebody looks, not while an answer passes."""

import pytest

from gateway.workers.load import PACE_S, Load, Work


def working(load: Load) -> Work:
    return Work(load, 1, 10, now=0.0, freed=lambda: None)


def test_a_steady_stream_has_its_speed_and_silence_has_none() -> None:
    load, written = Load(), 0
    work = working(load)
    work.watch(lambda: written)
    for _ in range(600):
        written += 5
        load.measure(0.1)
    assert load.pace == pytest.approx(50, rel=0.01)
    work.end()
    load.measure(PACE_S)
    assert load.pace == pytest.approx(50 / 2.718, rel=0.02), "a third after as long"
    for _ in range(20):
        load.measure(PACE_S)
    assert load.pace == 0.0


def test_every_token_counts_once_whenever_it_is_looked_at() -> None:
    load, written = Load(), [0, 0]
    first, second = working(load), working(load)
    first.watch(lambda: written[0])
    second.watch(lambda: written[1])
    written[:] = [30, 12]
    load.measure(1e9)  # so long that nothing of before is left: the mean of the time since
    assert load.pace == pytest.approx(42 / 1e9, abs=1e-6)
    written[:] = [25, 20]  # the final word is less than what was guessed
    second.end()
    second.end()
    assert load.written == 8
    first.end()
    assert load.written == 8
    assert load.writing == set()


def test_what_nobody_watches_writes_nothing() -> None:
    load = Load()
    working(load).end()
    load.measure(1.0)
    assert (load.pace, load.written, load.requests) == (0.0, 0, 0)
