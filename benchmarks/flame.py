"""A flame graph as a still SVG, from what py-spy wrote with `--format raw`; no path of any machine in it.

py-spy record --gil -f raw -o deliver.txt -- python -m benchmarks.one deliver 5000
python -m benchmarks.flame deliver.txt docs/benchmarks/flame-deliver.svg "deliver" "deliver (worker/flow/deliver.py"
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

Tree = dict[str, list]  # name -> [samples, children]
_WIDTH, _ROW = 1180, 17
_STYLE = """<style>text{font:11px ui-monospace,monospace;fill:#1f2328}.h{font:600 14px system-ui,sans-serif}
rect{stroke:#fff;stroke-width:.5}.w{fill:#7cc7a8}.x{fill:#e8b968}.d{fill:#9db8e0}.o{fill:#d0d7de}
@media (prefers-color-scheme:dark){.h{fill:#e6edf3}rect{stroke:#0d1117}}</style>"""


def read(text: str, under: list[str]) -> Tree:
    """The stacks that pass one of these frames, from there on; lines of one function are one frame."""
    root: Tree = {}
    for line in text.splitlines():
        stack, _, samples = line.rpartition(" ")
        frames = [re.sub(r":\d+\)$", ")", frame) for frame in stack.split(";")]
        first = next((place for place, frame in enumerate(frames) if frame.startswith(tuple(under))), None)
        if first is None:
            continue
        at = root
        for frame in frames[first:]:
            found = at.setdefault(frame, [0, {}])
            found[0] += int(samples)
            at = found[1]
    return root


def draw(root: Tree, title: str) -> str:
    total = sum(samples for samples, _ in root.values())
    boxes: list[str] = []
    depth = _draw(root, 0.0, 0, _WIDTH / max(1, total), total, boxes)
    height = 34 + _ROW * (depth + 1)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{title}">'
    return (
        "\n".join([head, _STYLE, f'<text class="h" x="4" y="18">{html.escape(title)}</text>', *boxes, "</svg>"]) + "\n"
    )


def _draw(at: Tree, left: float, depth: int, scale: float, total: int, boxes: list[str]) -> int:
    deepest = depth
    for name, (samples, children) in sorted(at.items(), key=lambda each: -each[1][0]):
        wide = samples * scale
        if wide < 2:
            continue
        top = 30 + depth * _ROW
        label = html.escape(name)
        shown = html.escape(name[: int(wide / 6.7)]) if wide > 30 else ""
        boxes.append(f'<g><title>{label} {samples / total:.1%}</title><rect class="{_kind(name)}" x="{left:.1f}" '
                     f'y="{top}" width="{wide:.1f}" height="{_ROW - 1}"/><text x="{left + 3:.1f}" y="{top + 12}">{shown}</text></g>')  # fmt: skip
        deepest = max(deepest, _draw(children, left, depth + 1, scale, total, boxes))
        left += wide
    return deepest


def _kind(name: str) -> str:
    """Ours, the network, the database, or anything else."""
    if "worker/" in name:
        return "w"
    if any(word in name for word in ("httpcore", "httpx", "h11", "socket", "redis")):
        return "x"
    return "d" if "sqlalchemy" in name or "psycopg" in name else "o"


def main() -> None:
    source, to, title, *under = sys.argv[1:]
    Path(to).write_text(draw(read(Path(source).read_text(), under), title))


if __name__ == "__main__":
    main()
