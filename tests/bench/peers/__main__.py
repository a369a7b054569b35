"""`make bench`: every gateway that is installed, round by round in turn, the gateway on one core and all else on the other.

python -m tests.bench.peers [--full] [--processes] [--only NAME …] [--save FOLDER]
"""

import argparse
import contextlib
import json
import os
import platform
import resource
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tests.bench.peers import first_byte, load, paced, processes
from tests.bench.peers.figures import Measured, plot, ratios, table
from tests.bench.peers.peers import OTHER_CORE, PEERS, AnswersNot, Direct, NotInstalled, Peer
from tests.bench.peers.upstream import Upstreams

CONNECTIONS = (1, 32, 256)
QUICK = (2, 2, 1000)
FULL = (5, 6, 5000)
"""Rounds, seconds of each load, streams whose first byte is timed (fewer of who takes long)."""
LONGER = 3
SLOW = 300
STREAMS = 2000
REST_S = 3
"""After the loads, until what is done behind them (sums, checkpoints) has caught up."""
BREATH_S = 0.3
"""After it stood still, until what was due meanwhile is done."""
FILES_MAX = 16_384


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.peers")
    options.add_argument("--full", action="store_true", help="five rounds of longer loads")
    options.add_argument("--processes", action="store_true", help="two processes beside one, too")
    options.add_argument("--only", nargs="*", default=[], help="names of peers")
    options.add_argument("--save", type=Path, help="a folder for the figures, the table and the plot")
    asked = options.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("the gateway and its load need a core each")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES_MAX, hard), hard))
    os.sched_setaffinity(0, {OTHER_CORE})
    upstreams = Upstreams(OTHER_CORE)
    peers: list[Peer] = []
    try:
        _start(peers, upstreams, asked.only)
        found = _measure(peers, upstreams, *(FULL if asked.full else QUICK))
        for peer in peers:
            peer.stop()
        peers.clear()
        spread = processes.measure(upstreams, FULL[1]) if asked.full or asked.processes else []
    finally:
        for peer in peers:
            peer.stop()
        upstreams.stop()
    _tell(found, spread, asked.save, full=asked.full)


def _start(peers: list[Peer], upstreams: Upstreams, only: list[str]) -> None:
    for kind in PEERS:
        if only and kind.name not in only:
            continue
        try:
            peer = kind(upstreams)
        except NotInstalled as missing:
            print(f"NOT MEASURED: {missing}", file=sys.stderr)
            continue
        try:
            peer.check()
            peers.append(peer)
        except AnswersNot as wrong:
            peer.stop()
            print(f"NOT MEASURED: {wrong}", file=sys.stderr)


def _measure(
    peers: list[Peer], upstreams: Upstreams, rounds: int, seconds: int, firsts: int
) -> list[Measured]:
    found = [
        Measured(name=peer.name, begun_s=peer.begun_s, resident_start_mb=load.resident_mb(peer.pid))
        for peer in peers
    ]
    direct = Direct(upstreams)
    for peer in peers:  # once, so that what is made at first use is there
        for stream in (False, True):
            load.run(peer, connections=4, seconds=1, stream=stream)
    for turn in range(rounds):
        for peer, measured in zip(peers, found, strict=True):
            print(f"round {turn + 1} of {rounds}: {peer.name}", file=sys.stderr)
            with _alone(peer, peers):
                _round(peer, direct, measured, seconds)
    time.sleep(REST_S)
    for peer, measured in zip(peers, found, strict=True):
        with _alone(peer, peers):
            measured.first_byte = first_byte.measure(peer, direct.url(stream=True), firsts)
        measured.resident_end_mb = load.resident_mb(peer.pid)
    print(f"{STREAMS} streams at once: {peers[0].name}", file=sys.stderr)
    place = f"http://127.0.0.1:{upstreams.paced}/v1/chat/completions"
    with _alone(peers[0], peers):
        found[0].paced = paced.measure(peers[0], place, STREAMS)
    return found


@contextlib.contextmanager
def _alone(peer: Peer, peers: list[Peer]) -> Iterator[None]:
    """The others stand still meanwhile: what they do without being asked is not this one's latency."""
    others = [pid for each in peers if each is not peer for pid in load.family(each.pid)]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(BREATH_S)
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def _round(peer: Peer, direct: Direct, measured: Measured, seconds: int) -> None:
    again = bool(measured.half)
    for count in (
        CONNECTIONS[:-1] if again else CONNECTIONS
    ):  # the most connections once: it is what takes longest
        run = load.run(peer, connections=count, seconds=seconds, stream=False)
        measured.whole.setdefault(count, []).append(run)
    count = CONNECTIONS[1]
    streamed = load.run(peer, connections=count, seconds=seconds, stream=True)
    if streamed.rate == 0:  # not one was complete in that time
        streamed = load.run(peer, connections=count, seconds=LONGER * seconds, stream=True)
    measured.streamed.append(streamed)
    rate = max(measured.whole[count][-1].rate, 1)
    few = count if rate > SLOW else 2  # else hardly any of so many would ask twice in that time
    half = {"connections": few, "stream": False, "pause_ms": 2e3 * few / rate}
    measured.half.append(load.run(peer, seconds=seconds, **half))
    measured.direct.append(load.run(direct, seconds=max(1, seconds // 2), **half))


def _tell(found: list[Measured], spread: list[processes.Spread], folder: Path | None, *, full: bool) -> None:
    when = datetime.now(UTC)
    lines = [
        f"{when:%Y-%m-%d %H:%M} UTC, {platform.machine()}, one core of {os.cpu_count()} for each gateway in turn, Python"
        f" {platform.python_version()}, {'full' if full else 'quick'} run.",
        "",
        table(found, CONNECTIONS),
        "",
        ratios(found, CONNECTIONS[1]),
    ]  # fmt: skip
    lines += [
        f"- Two processes on both cores, which load and upstream share, give {each.two.rate / each.one.rate:.2f}x one with {each.database}:"
        f" {each.two.rate:,.0f} and {each.one.rate:,.0f} requests/s, {processes.CONNECTIONS} connections; a request takes {each.two.cpu_us:,.0f}"
        f" and {each.one.cpu_us:,.0f} us of CPU, so that with a core each, two would give {each.by_cpu:.2f}x as far as CPU limits them."
        for each in spread
    ]  # fmt: skip
    broken = [f"{each.name}: {each.errors}" for each in found if each.errors]
    if broken:
        lines += [f"- Answers that were none: {', '.join(broken)}."]
    said = "\n".join(lines)
    print(f"\n{said}")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figures = {
            "at": when.isoformat(),
            "peers": msgspec.to_builtins(found),
            "processes": msgspec.to_builtins(spread),
        }
        (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
        (folder / "figures.md").write_text(
            f"# `make bench`\n\n{said}\n\n![Requests a second](requests.svg)\n"
        )
        (folder / "requests.svg").write_text(plot(found, CONNECTIONS[1]))
        print(f"saved in {folder}", file=sys.stderr)


if __name__ == "__main__":
    main()
