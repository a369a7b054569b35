"""`make soak`: requests and streams for half an hour; memory stays flat, no descriptor is left open, every bill is right.

python -m tests.bench.soak [--minutes 30]
"""

import argparse
import sys
import time
from pathlib import Path

import msgspec

from tests.bench.peers import load
from tests.bench.peers.peers import OTHER_CORE, Tollway
from tests.bench.peers.upstream import Upstreams

SLICE_S = 10
CONNECTIONS = 32
GROWTH_MB_MAX = 16
"""Of the median of the last third over that of the second: caches fill in the first."""
DESCRIPTORS_MORE_MAX = 8
"""The most of the last third over the most of the first: what leaks adds up, and connections that are kept come and go."""
REST_S = 6
"""Until what is kept for a while is closed (`wire.KEPT_S`)."""


class Look(msgspec.Struct, frozen=True):
    resident_mb: float
    descriptors: int
    rate: float


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.soak")
    options.add_argument("--minutes", type=float, default=30)
    minutes = options.parse_args().minutes
    upstreams = Upstreams(OTHER_CORE)
    try:
        gateway = Tollway(upstreams)
        try:
            looks = _soak(gateway, minutes)
            audit = gateway.ask("audit")
        finally:
            gateway.stop()
    finally:
        upstreams.stop()
    wrong = _wrong(looks)
    if audit.returncode:
        wrong.append(f"the audit failed: {audit.stdout.decode()}")
    print(
        "\n".join(wrong)
        or f"flat: {looks[-1].resident_mb:.0f} MB, {looks[-1].descriptors} descriptors; the audit agrees"
    )
    sys.exit(bool(wrong))  # fmt: skip


def _soak(gateway: Tollway, minutes: float) -> list[Look]:
    looks: list[Look] = []
    ends, stream = time.monotonic() + minutes * 60, False
    while time.monotonic() < ends or len(looks) < 6:
        run = load.run(gateway, connections=CONNECTIONS, seconds=SLICE_S, stream=stream)
        assert run.errors == 0, f"{run.errors} answers were none"
        time.sleep(REST_S)
        looks.append(Look(load.resident_mb(gateway.pid), _descriptors(gateway.pid), run.rate))
        print(f"{looks[-1].resident_mb:7.1f} MB {looks[-1].descriptors:4} descriptors {run.rate:8,.0f} {'streams' if stream else 'requests'}/s", flush=True)  # fmt: skip
        stream = not stream
    return looks


def _descriptors(pid: int) -> int:
    return sum(1 for each in load.family(pid) for _ in Path(f"/proc/{each}/fd").iterdir())


def _wrong(looks: list[Look]) -> list[str]:
    third = len(looks) // 3
    before, after = (
        sorted(look.resident_mb for look in part)[len(part) // 2]
        for part in (looks[third : 2 * third], looks[-third:])
    )
    most = [max(look.descriptors for look in part) for part in (looks[:third], looks[-third:])]
    more = most[1] - most[0]
    found = []
    if after - before > GROWTH_MB_MAX:
        found.append(f"memory grows: {before:.0f} MB in the second third, {after:.0f} MB in the last")
    if more > DESCRIPTORS_MORE_MAX:
        found.append(f"{more} descriptors more than at first")
    return found


if __name__ == "__main__":
    main()
