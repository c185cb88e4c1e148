"""Documents per day and currency as bars, drawn on the server; the same figures stand beside them as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from worker.web.html import Markup, tag

WIDTH, HEIGHT = 640, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 36, 8, 10, 26
_COLOURS = 6
"""So many currencies have a colour of their own; the rest share the last."""

Counts = Mapping[tuple[str, str], int]


def currencies(counts: Counts) -> list[str]:
    """The currencies, the most frequent first."""
    sums: dict[str, int] = {}
    for (_, currency), count in counts.items():
        sums[currency] = sums.get(currency, 0) + count
    return sorted(sums, key=lambda each: (-sums[each], each))


@dataclass(frozen=True, slots=True)
class _Chart:
    days: Sequence[str]
    counts: Counts
    named: Sequence[str]
    top: int

    @property
    def step(self) -> float:
        return (WIDTH - _LEFT - _RIGHT) / len(self.days)


def plot(days: Sequence[str], counts: Counts) -> Markup:
    """One column a day, its parts one above the other by currency."""
    named = currencies(counts)
    highest = max((sum(counts.get((day, each), 0) for each in named) for day in days), default=0)
    chart = _Chart(days, counts, named, nice(highest))
    return tag(
        "svg",
        tag("title", f"Documents issued in the last {len(days)} days", id="plot-title"),
        tag("desc", f"{sum(counts.values())} documents; the table below has the same figures.", id="plot-desc"),
        _grid(chart.top),
        [_column(chart, place) for place in range(len(days))],
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_labelledby="plot-title plot-desc",
        class_="plot",
    )


def colour(place: int) -> str:
    """The class that gives the currency at this place its colour."""
    return f"series-{min(place, _COLOURS - 1)}"


def nice(highest: int) -> int:
    """The end of the axis: the next 1, 2 or 5 with zeros."""
    size = 1
    while True:
        for step in (1, 2, 5):
            if step * size >= highest:
                return step * size
        size *= 10


def _column(chart: _Chart, place: int) -> list[Markup]:
    day, width = chart.days[place], chart.step * 0.7
    x = _LEFT + place * chart.step + chart.step * 0.15
    drawn, base = [], 0
    for order, currency in enumerate(chart.named):
        count = chart.counts.get((day, currency), 0)
        if count:
            y, end = _y(base + count, chart.top), _y(base, chart.top)
            words = tag("title", f"{day}: {count} in {currency}")
            drawn.append(tag("rect", words, x=f"{x:.1f}", y=f"{y:.1f}", width=f"{width:.1f}",
                             height=f"{end - y:.1f}", class_=colour(order)))  # fmt: skip
            base += count
    if (len(chart.days) - place) % 2:  # every other day, the last one always
        drawn.append(tag("text", day[5:], x=f"{x + width / 2:.1f}", y=HEIGHT - 8, text_anchor="middle"))
    return drawn


def _grid(top: int) -> list[Markup]:
    lines = []
    for value in sorted({0, top // 2, top}):
        y = f"{_y(value, top):.1f}"
        lines.append(tag("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=y, y2=y))
        lines.append(tag("text", value, x=_LEFT - 6, y=f"{_y(value, top) + 4:.1f}", text_anchor="end"))
    return lines


def _y(value: int, top: int) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / top
