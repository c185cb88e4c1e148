"""Plots for the README as SVG, readable in light and in dark."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

_STYLE = """<style>text{font:13px system-ui,sans-serif;fill:#1f2328}.o{fill:#1a7f64}.y{fill:#8c959f}.g{stroke:#d0d7de}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.o{fill:#3fb68b}.y{fill:#6e7681}.g{stroke:#30363d}}</style>"""
_PLOTS = {
    "deliver": ("Bookings a second, remote answers after 20 ms", [
        ("bokun-sync", ".deliver bookings/s", "o"), ("bare httpx posters", ".posters/s", "y"),
        ("empty Celery tasks", ".empty tasks/s", "y"), ("usual pipeline, requests", ".usual requests/s", "y"),
        ("usual pipeline, httpx", ".usual httpx/s", "y")]),
    "cpu": ("Processor milliseconds", [
        ("a booking delivered", ".deliver ms", "o"), ("a booking, whole road", ".road ms", "o"),
        ("an empty Celery task", ".empty task ms", "y"), ("usual pipeline, requests", ".usual requests ms", "y"),
        ("usual pipeline, httpx", ".usual httpx ms", "y")]),
    "webhooks": ("Webhooks a second, 32 connections", [
        ("bokun-sync, durable", ".webhooks/s", "o"), ("a bare Starlette route", ".bare/s", "y"),
        ("the same with one insert", ".with an insert/s", "y")]),
}  # fmt: skip
_WIDTH, _LEFT, _STEP = 720, 200, 30


def draw(run: dict[str, Any], folder: Path) -> None:
    """One file a plot and database."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (title, bars) in _PLOTS.items():
        for kind, figures in run["figures"].items():
            found = [(label, median(figures[key]), colour) for label, key, colour in bars if figures.get(key)]
            if found:
                (folder / f"{name}-{kind}.svg").write_text(_svg(f"{title} ({kind})", found))


def _svg(title: str, bars: list[tuple[str, float, str]]) -> str:
    height, most = 44 + _STEP * len(bars), max(value for _, value, _ in bars)
    room = _WIDTH - _LEFT - 90
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{title}">',
             _STYLE, f'<text x="8" y="20" font-weight="600">{title}</text>',
             f'<line class="g" x1="{_LEFT}" y1="32" x2="{_LEFT}" y2="{height - 6}"/>']  # fmt: skip
    for place, (label, value, colour) in enumerate(bars):
        top, long = 36 + _STEP * place, max(1.0, value / most * room)
        lines += [f'<text x="{_LEFT - 8}" y="{top + 15}" text-anchor="end">{label}</text>',
                  f'<rect class="{colour}" x="{_LEFT}" y="{top}" width="{long:.1f}" height="20" rx="2"/>',
                  f'<text x="{_LEFT + long + 8:.1f}" y="{top + 15}">{_number(value)}</text>']  # fmt: skip
    return "\n".join([*lines, "</svg>"]) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.2f}"
