"""The audit in one sentence, and as one HTML file that needs nothing else: no script, no font, no address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.flow.audit import Audited

_STYLE = """
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}body{max-width:75rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;padding:.35rem .7rem;vertical-align:top;
border-bottom:1px solid #8885}td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code{font-size:.9em;overflow-wrap:anywhere}.verdict{font-size:1.2rem;padding:.6rem 1rem;border-left:.4rem solid}
.well{border-color:#2a7d4f}.needs{border-color:#c2410c}h2{margin-top:2rem}
"""


def page(done: Audited) -> str:
    """The report; every text in it is escaped."""
    title = f"Audit of {done.since:%Y-%m-%d} to {done.until:%Y-%m-%d}"
    figures = [(each.connection, each.currency, each.book, str(each.count), f"{each.total:,.2f}", f"{each.tax:,.2f}")
               for each in done.audit.lines]  # fmt: skip
    differences = [(each.code, each.connection, each.kind.value, each.because, str(each.ours or ""),
                    str(each.theirs or ""), each.settle, each.key) for each in done.differences]  # fmt: skip
    accepted = [(each.code, each.kind.value, each.because, each.key) for each in done.accepted]
    parts = [
        f'<p class="verdict {"well" if done.clean else "needs"}">{escape(summary(done))}</p>',
        *(f"<p>Not compared: {escape(each)}</p>" for each in done.failed),
        _table("Figures", ["connection", "currency", "book", "count", "total", "tax"], figures, numbers=3),
        _table("Differences", ["booking", "connection", "what", "both sides", "ours", "theirs", "settle it by", "key"],
               differences),
        _table("Accepted by a person", ["booking", "what", "both sides", "key"], accepted),
        f"<p>Compared {done.at:%Y-%m-%d %H:%M} UTC. {done.audit.others} other documents belong to no Bokun order.</p>",
    ]  # fmt: skip
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
    )
    body = f"<h1>{escape(title)}</h1>{''.join(parts)}"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def summary(done: Audited) -> str:
    """One sentence about the whole."""
    span = f"{done.since:%Y-%m-%d} to {_last(done.until)}"
    counted = f"{done.audit.sales} sales of {span} compared"
    beside = [
        f"{done.audit.under_way} still under way" if done.audit.under_way else "",
        f"{len(done.accepted)} accepted differences" if done.accepted else "",
    ]
    found = f"{len(done.differences)} differences" if done.differences else "no difference"
    return f"{', '.join([counted, *filter(None, beside)])}: {found}."


def _last(until: datetime) -> date:
    return (until - timedelta(microseconds=1)).date()


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int | None = None) -> str:
    """A table with its heading; nothing at all without rows. Columns from `numbers` on stand right."""
    lines = [
        "".join(_cell(cell, number=numbers is not None and place >= numbers) for place, cell in enumerate(row))
        for row in rows
    ]
    if not lines:
        return ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<h2>{escape(title)}</h2><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(cell: str, *, number: bool) -> str:
    if number:
        return f'<td class="number">{escape(cell)}</td>'
    return f"<td><code>{escape(cell)}</code></td>" if cell.startswith("bokun-sync ") else f"<td>{escape(cell)}</td>"
