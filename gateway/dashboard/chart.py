"""Stacked bars as SVG, drawn by the server.

No chart library: those that there are draw on a canvas (nothing for a screen reader, blurred in print), bring a hundred
kilobytes of script, or write style attributes, which the content security policy forbids (ADR 0011).  Bars need none of
that: horizontal places are percentages and vertical ones pixels, so the chart is as wide as its page and its letters keep
their size; colours are classes, for light and dark; each bar says its numbers, and the page has them as a table too.
"""

from collections.abc import Callable, Sequence

import msgspec
from markupsafe import Markup

HEIGHT = 220
_TOP, _BOTTOM = 12, 26
_PLOT = HEIGHT - _TOP - _BOTTOM
_TICKS = 4
_LABELS_MAX = 8
SERIES_MAX = 7
"""Colours that can be told apart; what is beyond is one series, `other`."""


class Series(msgspec.Struct, frozen=True):
    """One colour of the stack: a value, zero or more, for each bar."""

    name: str
    values: Sequence[int]

    @property
    def total(self) -> int:
        return sum(self.values)


def largest(series: Sequence[Series]) -> list[Series]:
    """The largest first, and at most SERIES_MAX."""
    ordered = sorted(series, key=lambda each: (-each.total, each.name))
    kept, rest = ordered[:SERIES_MAX], ordered[SERIES_MAX:]
    if not rest:
        return kept
    kept, rest = ordered[: SERIES_MAX - 1], ordered[SERIES_MAX - 1 :]
    return [
        *kept,
        Series("other", [sum(column) for column in zip(*(each.values for each in rest), strict=True)]),
    ]


def stacked(
    labels: Sequence[str], series: Sequence[Series], written: Callable[[int], str], title: str
) -> Markup:
    """`labels` name the bars, `written` says a value in the words of its axis."""
    sums = [sum(column) for column in zip(*(each.values for each in series), strict=True)] or [0] * len(
        labels
    )
    top = ceiling(max(sums, default=0))
    parts = [_grid()]
    width = 100 / max(len(labels), 1)
    every = -(-len(labels) // _LABELS_MAX)
    for place, label in enumerate(labels):
        parts.append(
            _column(
                place * width, width, label, [(each, each.values[place]) for each in series], top, written
            )
        )
        if place % every == 0:
            parts.append(_label(place * width + width / 2, label))
    bars = Markup('<svg class="bars" width="100%" height="{}" role="img" aria-label="{}">{}</svg>').format(
        HEIGHT, title, Markup("").join(parts)
    )
    return Markup('<div class="chart">{}{}</div>').format(_axis(top, written), bars)


def ceiling(value: int) -> int:
    """The round number at or above it where the axis ends; a multiple of its ticks."""
    unit = 1
    while True:
        for step in (1, 2, 3, 4, 5, 6, 8):
            if step * unit * _TICKS >= value:
                return step * unit * _TICKS
        unit *= 10


def _axis(top: int, written: Callable[[int], str]) -> Markup:
    """A drawing of its own beside the bars: its width is in pixels, theirs is what is left."""
    said = [
        Markup('<text class="tick" x="100%" y="{}">{}</text>').format(
            _height(tick) + 4, written(top * tick // _TICKS)
        )
        for tick in range(_TICKS + 1)
    ]
    return Markup('<svg class="axis" height="{}" aria-hidden="true">{}</svg>').format(
        HEIGHT, Markup("").join(said)
    )


def _grid() -> Markup:
    line = Markup('<line class="grid" x1="0" x2="100%" y1="{0}" y2="{0}"/>')
    return Markup("").join(line.format(_height(tick)) for tick in range(_TICKS + 1))


def _height(tick: int) -> int:
    return _TOP + _PLOT - _PLOT * tick // _TICKS


def _label(x: float, label: str) -> Markup:
    return Markup('<text class="label" x="{:.3f}%" y="{}">{}</text>').format(x, HEIGHT - 8, label)


def _column(
    x: float,
    width: float,
    label: str,
    values: Sequence[tuple[Series, int]],
    top: int,
    written: Callable[[int], str],
) -> Markup:
    """A bar; over its whole height is what shows its numbers."""
    rects: list[Markup] = []
    base = float(_TOP + _PLOT)
    for color, (_, value) in enumerate(values):
        height = _PLOT * value / top
        if value:
            base -= height
            rects.append(
                Markup('<rect class="s{}" x="{:.3f}%" width="{:.3f}%" y="{:.2f}" height="{:.2f}"/>').format(
                    color, x + width * 0.12, width * 0.76, base, max(height, 0.5)
                )
            )
    said = [label] + [f"{each.name}: {written(value)}" for each, value in values if value]
    over = Markup(
        '<rect class="over" x="{:.3f}%" width="{:.3f}%" y="0" height="{}"><title>{}</title></rect>'
    ).format(x, width, _TOP + _PLOT, "\n".join(said))
    return Markup('<g class="column">{}{}</g>').format(Markup("").join(rects), over)
