"""A day at a fleet in seconds: the real `choose.py` in front of simulated workers, beside the usual ways to choose.

Workers are what inference servers are: some slots that generate at once, and a queue in front of them.  Requests come at
random (Poisson), their lengths are heavy-tailed (log-normal), and a gateway knows of a request what ours knows: its
prompt, and the most its answer may have, not how long it will be.  Several gateways know only of their own requests.

    python -m tests.workers.simulator
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from gateway.workers.choose import FREE, Candidate, choose
from gateway.workers.gauge import EVERY_S, NO_GAUGE, Gauge
from gateway.workers.load import RECENT_S, Load, Work
from gateway.workers.ring import Ring, place

SLOTS = 8
TOKENS_PER_S = 50.0
"""Of one slot; a prompt is read a hundred times as fast."""
PROMPT_SPEEDUP = 100
HOLD_STEP = 4096
OURS, CONVERSATIONS, LEAST, ROBIN, RANDOM = (
    "tollway", "tollway, conversations", "least connections", "round robin", "random"
)  # fmt: skip


@dataclass
class Request:
    at: float
    prompt: int
    output: int
    output_max: int
    gateway: int
    conversation: int

    @property
    def seconds(self) -> float:
        return (self.prompt / PROMPT_SPEEDUP + self.output) / TOKENS_PER_S


@dataclass
class Server:
    """`taken` of its slots are in use; the others wait, first come first served."""

    taken: int = 0
    queue: deque[tuple[float, Request, Work]] = field(default_factory=deque)
    served_tokens: int = 0


class View:
    """What one gateway knows of the workers: its own requests, and what they say of everybody's."""

    def __init__(self, workers: int) -> None:
        self.loads = [Load() for _ in range(workers)]
        self.gauges = [NO_GAUGE] * workers

    def candidates(self, now: float, recent: bool) -> list[Candidate]:
        return [
            Candidate(
                name=f"w{n}",
                rank=FREE,
                tier=0,
                busy=load.busy + gauge.others_at(now),
                given=load.recent(now) if recent else 0.0,
                weight=1.0,
                queues=gauge.queues(now),
            )
            for n, (load, gauge) in enumerate(zip(self.loads, self.gauges, strict=True))
        ]

    def read(self, servers: list[Server], now: float) -> None:
        """Once a second."""
        for n, (load, server) in enumerate(zip(self.loads, servers, strict=True)):
            newest = Gauge(running=server.taken, waiting=len(server.queue), read_at=now)
            self.gauges[n] = newest.after(self.gauges[n], load.requests)


Choice = Callable[[View, Request, int, Random], int]


def requests(count: int, workers: int, busy: float, gateways: int, seed: int) -> list[Request]:
    """So many, at a rate that keeps the workers `busy` (0 to 1)."""
    chance = Random(seed)
    made = []
    for _ in range(count):
        output = min(8192, int(chance.lognormvariate(5.0, 1.2)) + 1)
        made.append(
            Request(
                at=0.0,
                prompt=min(100_000, int(chance.lognormvariate(6.5, 1.5)) + 1),
                output=output,
                output_max=chance.choice([output, 1024, 4096, 8192]),
                gateway=chance.randrange(gateways),
                conversation=chance.randrange(count // 5),
            )
        )
    mean_s = sum(request.seconds for request in made) / count
    rate = busy * workers * SLOTS / mean_s
    now = 0.0
    for request in made:
        now += chance.expovariate(rate)
        request.at = now
    return made


def round_robin(view: View, _request: Request, number: int, _chance: Random) -> int:
    return number % len(view.loads)


def at_random(view: View, _request: Request, _number: int, chance: Random) -> int:
    return chance.randrange(len(view.loads))


def least_connections(view: View, _request: Request, _number: int, chance: Random) -> int:
    """Of all, with ties broken by chance: what a proxy with full knowledge of its own connections does."""
    fewest = min(load.requests for load in view.loads)
    return chance.choice([n for n, load in enumerate(view.loads) if load.requests == fewest])


def tollway(view: View, request: Request, _number: int, chance: Random) -> int:
    return int(choose(view.candidates(request.at, recent=False), chance).name[1:])


def with_affinity(workers: int) -> Choice:
    ring = Ring({f"w{n}": 1 for n in range(workers)})

    def tollway_with_affinity(view: View, request: Request, _number: int, chance: Random) -> int:
        spot = place(str(request.conversation).encode())
        tokens = request.prompt + min(request.output_max, HOLD_STEP)
        candidates = view.candidates(request.at, recent=True)
        return int(choose(candidates, chance, ring=ring, spot=spot, tokens=tokens).name[1:])

    return tollway_with_affinity


@dataclass
class Result:
    waits: list[float]
    """Seconds from a request's arrival to its slot, sorted."""
    most_over_mean: float
    """The most tokens that a worker served, over the mean."""
    at_home: float
    """The share of requests that met the worker of their conversation's turn before."""

    @property
    def p99(self) -> float:
        return self.waits[int(len(self.waits) * 0.99)]


def simulate(made: list[Request], workers: int, gateways: int, choice: Choice, seed: int = 1) -> Result:
    """Runs them all through one way to choose."""
    chance, servers = Random(seed), [Server() for _ in range(workers)]
    views = [View(workers) for _ in range(gateways)]
    ends: list[tuple[float, int, int, Work]] = []
    waits: list[float] = []
    homes: dict[int, int] = {}
    returns = met = 0
    read_at = 0.0

    def start(now: float, worker: int, request: Request, work: Work, number: int) -> None:
        waits.append(now - request.at)
        servers[worker].taken += 1
        heapq.heappush(ends, (now + request.seconds, number, worker, work))

    def finish_until(now: float) -> None:
        while ends and ends[0][0] <= now:
            at, number, worker, work = heapq.heappop(ends)
            work.end()
            servers[worker].taken -= 1
            if servers[worker].queue:
                _, request, waiting = servers[worker].queue.popleft()
                start(at, worker, request, waiting, number)

    for number, request in enumerate(made):
        finish_until(request.at)
        if request.at >= read_at:
            read_at = request.at + EVERY_S
            for view in views:
                view.read(servers, request.at)
        view = views[request.gateway]
        worker = choice(view, request, number, chance)
        returns += request.conversation in homes
        met += homes.get(request.conversation) == worker
        homes[request.conversation] = worker
        server = servers[worker]
        server.served_tokens += request.prompt + request.output
        tokens = request.prompt + min(request.output_max, HOLD_STEP)
        work = Work(view.loads[worker], request.prompt, tokens, request.at, lambda: None)
        if server.taken < SLOTS:
            start(request.at, worker, request, work, number)
        else:
            server.queue.append((request.at, request, work))
    finish_until(float("inf"))
    assert not any(load.requests or load.tokens for view in views for load in view.loads), (
        "all was given back"
    )
    served = [server.served_tokens for server in servers]
    return Result(sorted(waits), max(served) * workers / sum(served), met / max(1, returns))


def compare(count: int, workers: int, busy: float, gateways: int, seed: int = 7) -> dict[str, Result]:
    made = requests(count, workers, busy, gateways, seed)
    ways: dict[str, Choice] = {
        OURS: tollway,
        CONVERSATIONS: with_affinity(workers),
        LEAST: least_connections,
        ROBIN: round_robin,
        RANDOM: at_random,
    }
    return {name: simulate(made, workers, gateways, way) for name, way in ways.items()}


def table(results: dict[str, Result]) -> str:
    """Waits in seconds, and the p99 over ours."""
    ours = results[OURS].p99
    lines = [f"{'':24}{'mean':>8}{'p99':>8}{'p99/ours':>10}{'max/mean':>10}{'at home':>9}"]
    for name, result in results.items():
        mean = sum(result.waits) / len(result.waits)
        ratio = f"{result.p99 / ours:.1f}" if ours else "0/0" if not result.p99 else "∞"
        lines.append(
            f"{name:24}{mean:8.2f}{result.p99:8.2f}{ratio:>10}{result.most_over_mean:10.2f}{result.at_home:9.0%}"
        )
    return "\n".join(lines)


def main() -> None:
    for gateways in (1, 4):
        for busy in (0.7, 0.9):
            print(f"\n50,000 requests, 100 workers of {SLOTS} slots, {busy:.0%} busy, {gateways} gateway(s); recent work fades in {RECENT_S:g} s")  # fmt: skip
            print(table(compare(50_000, 100, busy, gateways)))


if __name__ == "__main__":
    main()
