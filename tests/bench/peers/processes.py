"""What a second process gives: both cores for the gateway, which the load and the upstream then share with it."""

from statistics import median

import msgspec

from tests.bench.peers import load
from tests.bench.peers.peers import Tollway, TollwayOnPostgres
from tests.bench.peers.upstream import Upstreams

CONNECTIONS = 128
ROUNDS = 3


class Served(msgspec.Struct, frozen=True):
    """Requests a second, and microseconds of CPU that each took."""

    rate: float
    cpu_us: float


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    database: str
    one: Served
    two: Served

    @property
    def by_cpu(self) -> float:
        """What two give beside one where each has a core of its own, as far as CPU limits them and not the ledger's lock."""
        return 2 * self.one.cpu_us / self.two.cpu_us


class _One(Tollway):
    name, cores, processes = "one process", "0,1", 1


class _Two(Tollway):
    name, cores, processes = "two processes", "0,1", 2


class _OneOnPostgres(TollwayOnPostgres):
    name, cores, processes = "one process, PostgreSQL", "0,1", 1


class _TwoOnPostgres(TollwayOnPostgres):
    name, cores, processes = "two processes, PostgreSQL", "0,1", 2


def measure(upstreams: Upstreams, seconds: int) -> list[Spread]:
    pairs: list[tuple[str, type[Tollway], type[Tollway]]] = [
        ("SQLite", _One, _Two),
        ("PostgreSQL", _OneOnPostgres, _TwoOnPostgres),
    ]
    return [
        Spread(database=name, one=_served(one, upstreams, seconds), two=_served(two, upstreams, seconds))
        for name, one, two in pairs
    ]


def _served(kind: type[Tollway], upstreams: Upstreams, seconds: int) -> Served:
    gateway = kind(upstreams)
    try:
        gateway.check()
        runs = [
            load.run(gateway, connections=CONNECTIONS, seconds=seconds, stream=False)
            for _ in range(1 + ROUNDS)
        ]
        assert not any(run.errors for run in runs), "an answer was none"
        counted = runs[1:]  # the first one warms it up
        return Served(median(run.rate for run in counted), median(run.cpu_us for run in counted))
    finally:
        gateway.stop()
