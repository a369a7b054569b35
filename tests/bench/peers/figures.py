"""What was measured, as a table, as ratios, and as bars."""

from collections.abc import Callable
from html import escape
from math import log10
from statistics import median

import msgspec

from tests.bench.peers.first_byte import FirstByte
from tests.bench.peers.load import Load
from tests.bench.peers.paced import Paced
from tests.bench.peers.upstream import CHUNKS


class Measured(msgspec.Struct, kw_only=True):
    """One peer's figures; of several rounds the median."""

    name: str
    begun_s: float = 0
    resident_start_mb: float = 0
    resident_end_mb: float = 0
    whole: dict[int, list[Load]] = {}
    """By the number of connections."""
    streamed: list[Load] = []
    half: list[Load] = []
    """At half of what it can do."""
    direct: list[Load] = []
    """The same load without a gateway."""
    first_byte: FirstByte | None = None
    paced: Paced | None = None

    def rate(self, connections: int) -> float:
        return median(each.rate for each in self.whole[connections])

    def cpu_us(self, connections: int) -> float:
        return median(each.cpu_us for each in self.whole[connections])

    @property
    def streams(self) -> float:
        return median(each.rate for each in self.streamed)

    @property
    def added_p50_ms(self) -> float:
        return self._added(lambda load: load.p50_us)

    @property
    def added_p99_ms(self) -> float:
        return self._added(lambda load: load.p99_us)

    def _added(self, of: Callable[[Load], float]) -> float:
        return (median(map(of, self.half)) - median(map(of, self.direct))) / 1e3

    @property
    def errors(self) -> int:
        loads = [*self.streamed, *self.half, *(load for loads in self.whole.values() for load in loads)]
        return sum(load.errors for load in loads)


def table(found: list[Measured], connections: tuple[int, ...]) -> str:
    """Markdown: a row for each figure, a column for each peer."""
    middle = connections[1]
    rows: list[tuple[str, Callable[[Measured], str]]] = [
        *(
            (f"requests/s, {count} connection{'s' * (count > 1)}", lambda each, count=count: f"{each.rate(count):,.0f}")
            for count in connections
        ),
        (f"CPU per request, {middle} connections, us", lambda each: f"{each.cpu_us(middle):,.0f}"),
        ("added at half load, p50, ms", lambda each: f"{each.added_p50_ms:.2f}"),
        ("added at half load, p99, ms", lambda each: f"{each.added_p99_ms:.2f}"),
        (f"streams/s of {CHUNKS} chunks", lambda each: f"{each.streams:,.0f}"),
        ("chunks/s", lambda each: f"{each.streams * CHUNKS:,.0f}"),
        ("first byte later by, p50, ms", lambda each: f"{each.first_byte.p50_us / 1e3:.2f}" if each.first_byte else ""),
        ("first byte later by, p99, ms", lambda each: f"{each.first_byte.p99_us / 1e3:.2f}" if each.first_byte else ""),
        ("resident at start, MB", lambda each: f"{each.resident_start_mb:.0f}"),
        ("resident after the loads, MB", lambda each: f"{each.resident_end_mb:.0f}"),
        ("seconds to start", lambda each: f"{each.begun_s:.2f}"),
    ]  # fmt: skip
    names = [each.name for each in found]
    cells = [["", *names], *([name, *(show(each) for each in found)] for name, show in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(names) + 1)]
    lines = [_line(row, widths) for row in cells]
    return "\n".join([lines[0], "|".join(["", *("-" * (width + 1) + (":" if i else "-") for i, width in enumerate(widths)), ""]), *lines[1:]])  # fmt: skip


def _line(row: list[str], widths: list[int]) -> str:
    cells = (cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True)))  # fmt: skip
    return f"| {' | '.join(cells)} |"


def ratios(found: list[Measured], connections: int) -> str:
    """The first one's rates as multiples of the others'."""
    own = found[0]
    lines = [
        f"- {own.name} is {_times(own.rate(connections), each.rate(connections))} {each.name} in requests and"
        f" {_times(own.streams, each.streams)} in streams."
        for each in found[1:]
    ]
    if own.paced is not None:
        paced = own.paced
        lines.append(
            f"- {paced.streams:,} streams at once, {paced.complete:,} of them whole: {paced.kilobytes:.0f} kB each; a chunk arrives after"
            f" {paced.p50_ms:.2f} ms (p99 {paced.p99_ms:.2f}), without a gateway after {paced.direct_p50_ms:.2f} ms (p99 {paced.direct_p99_ms:.2f})."
        )  # fmt: skip
    return "\n".join(lines)


def _times(own: float, other: float) -> str:
    return f"{own / other:.2f}x" if other else "?x"


def plot(found: list[Measured], connections: int) -> str:
    """Bars of requests a second, on a logarithmic scale: they differ by a factor of a thousand."""
    height, left, width = 34, 170, 560
    top = max(each.rate(connections) for each in found)
    bars = []
    for i, each in enumerate(found):
        rate, y = each.rate(connections), 40 + i * height
        length = width * _log(rate) / _log(top)
        colour = "#0f766e" if each.name.startswith("tollway") else "#94a3b8"
        bars.append(f'<text x="{left - 8}" y="{y + 17}" text-anchor="end">{escape(each.name)}</text>'
                    f'<rect x="{left}" y="{y}" width="{length:.0f}" height="24" rx="3" fill="{colour}"/>'
                    f'<text x="{left + length + 6:.0f}" y="{y + 17}">{rate:,.0f}</text>')  # fmt: skip
    tall = 60 + height * len(found)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 {tall}" font-family="system-ui, sans-serif" font-size="14">'
            f'<rect width="820" height="{tall}" fill="#fff"/><text x="16" y="24" font-weight="600">Requests a second on one core, '
            f"{connections} connections (logarithmic)</text>{''.join(bars)}</svg>\n")  # fmt: skip


def _log(rate: float) -> float:
    return log10(max(rate, 10.0)) - 0.5
