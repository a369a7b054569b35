"""Load, by wrk: requests a second, latencies, and what the gateway's processes used of their core meanwhile."""

import re
import subprocess
import tempfile
from pathlib import Path

import msgspec

from tests.bench.peers.peers import OTHER_CORE, Peer
from tests.bench.peers.upstream import body

TICKS_PER_S = 100
_UNIT_US = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7}


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds; `errors` are answers that were none."""

    rate: float
    p50_us: float
    p99_us: float
    cpu_us: float
    errors: int


def run(peer: Peer, *, connections: int, seconds: int, stream: bool, pause_ms: float = 0) -> Load:
    """`pause_ms`: how long each connection waits between two requests, so that the gateway is not saturated."""
    headers = {"content-type": "application/json", **peer.headers_for(stream=stream)}
    lines = ['wrk.method = "POST"', f"wrk.body = [==[{body(stream=stream).decode()}]==]"]
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    if pause_ms:
        lines.append(f"function delay() return math.random(0, {int(2 * pause_ms)}) end")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write("\n".join(lines))
        script.flush()
        command = ["taskset", "-c", str(OTHER_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script.name, peer.url(stream=stream)]  # fmt: skip
        before = cpu_s(peer.pid)
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        used = cpu_s(peer.pid) - before
    return _read(said, used)


def _read(said: str, used_s: float) -> Load:
    def latency(percent: int) -> float:
        found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)$", said, re.MULTILINE)
        return float(found[1]) * _UNIT_US[found[2]] if found else float("nan")

    def number(pattern: str) -> float:
        found = re.search(pattern, said)
        return float(found[1]) if found else 0.0

    errors = number(r"Non-2xx or 3xx responses: (\d+)") + number(r"read (\d+), write")
    requests = max(1.0, number(r"(\d+) requests in"))
    return Load(
        rate=number(r"Requests/sec:\s+([\d.]+)"),
        p50_us=latency(50),
        p99_us=latency(99),
        cpu_us=used_s / requests * 1e6,
        errors=int(errors),
    )


def family(pid: int) -> list[int]:
    """A process and those it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    mine = [int(child) for child in children.read_text().split()] if children.exists() else []
    return [pid, *(each for child in mine for each in family(child))]


def cpu_s(pid: int) -> float:
    fields = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in family(pid)]
    return sum(int(each[11]) + int(each[12]) for each in fields) / TICKS_PER_S


def resident_mb(pid: int) -> float:
    texts = [Path(f"/proc/{each}/status").read_text() for each in family(pid)]
    return sum(int(found[1]) for text in texts if (found := re.search(r"VmRSS:\s+(\d+)", text))) / 1024
