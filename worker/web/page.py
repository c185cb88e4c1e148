"""The operator's page as HTML: each section by itself, so that only what changed is drawn anew."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from worker.web.board import Board, Need, headline
from worker.web.html import Child, Markup, foreign, tag
from worker.web.plot import colour, currencies, plot
from worker.web.times import ago, at, span

STATES = ("planned", "sending", "accepted", "unknown", "held", "confirmed", "settled", "superseded")
DECISIONS = ("tell", "wait", "skip", "ask")
_SIGNS = {"well": "✓", "needs": "!", "stuck": "!", "stopped": "×"}


def front(found: Board) -> list[Markup]:
    """The sections of `GET /`."""
    return [_verdict(found), _needs(found), _numbers(found), _connections(found), _issued(found), _bells(found)]


def frame(title: str, content: Child, *, static: str, live: bool = False, known: bool = True) -> str:
    """A whole page; `known` shows what only somebody who is logged in may use."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} · bokun-sync"),
        tag("link", rel="icon", href=f"/static/icon.svg?{static}", type="image/svg+xml"),
        tag("link", rel="stylesheet", href=f"/static/page.css?{static}"),
        tag("script", "", src=f"/static/page.js?{static}", defer=True) if live else None,
    )
    body = tag(
        "body",
        tag("a", "To the content", href="#content", class_="skip"),
        _header() if known else None,
        tag("main", content, id="content", tabindex="-1", data_live=live),
    )
    return f"<!doctype html>{tag('html', head, body, lang='en')}"


def booking_link(code: str) -> Markup:
    """A booking's code, leading to its story."""
    return tag("a", foreign(code), href=f"/bookings/{quote(code, safe='')}")


def section(name: str, title: str, *content: Child) -> Markup:
    """A section with its heading, known by its id."""
    heading = tag("h2", title, id=f"{name}-title")
    return tag("section", heading, *content, id=name, aria_labelledby=f"{name}-title")


def pairs(rows: list[tuple[str, Child]]) -> Markup:
    """Names and values."""
    return tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in rows])


def wide(label: str, content: Child) -> Markup:
    """Something that may be wider than a phone: it scrolls by itself, with the keyboard too."""
    return tag("div", content, class_="wide", role="region", aria_label=label, tabindex="0")


def table(caption: str, columns: list[str], rows: list[list[Child]]) -> Markup:
    """A table with a caption for those who cannot see it."""
    head = tag("thead", tag("tr", [tag("th", each, scope="col") for each in columns]))
    body = tag("tbody", [tag("tr", [tag("td", cell) for cell in row]) for row in rows])
    return wide(caption, tag("table", tag("caption", caption), head, body))


def _header() -> Markup:
    find = tag(
        "form",
        tag("label", "Booking code or number", for_="code"),
        tag("input", id="code", name="code", type="search", required=True, maxlength="64", autocomplete="off"),
        tag("button", "Explain", type="submit"),
        action="/bookings",
        method="get",
        role="search",
    )
    return tag("header", tag("a", "bokun-sync", href="/", class_="home"), find)


def _verdict(found: Board) -> Markup:
    word, sentence = headline(found)
    sign = tag("span", _SIGNS[word], class_="sign", aria_hidden="true")
    said = tag("p", sign, tag("span", sentence), role="status", class_=f"verdict {word}")
    return tag("section", tag("h1", "How things stand", class_="quiet"), said, id="verdict")


def _needs(found: Board) -> Markup:
    if not found.needs:
        return section("needs", "What needs you", tag("p", "Nothing."))
    listed = tag("ul", [_need(each) for each in found.needs], class_="cards")
    more = tag("p", f"And {found.more} more: bokun-sync deliveries list --state held, bookings list --state ask.")
    return section("needs", "What needs you", listed, more if found.more else None)


def _need(each: Need) -> Markup:
    booking = tag("p", "Booking ", booking_link(each.booking)) if each.booking else None
    command = tag("pre", tag("code", each.command)) if each.command else None
    kind = tag("span", each.kind, class_=f"kind {each.kind}")
    return tag("li", tag("h3", kind, " ", each.what), booking, tag("p", foreign(each.because)), command)


def _numbers(found: Board) -> Markup:
    status = found.status
    due = status["oldest_due_seconds"]
    rows: list[tuple[str, Child]] = [(each, status["deliveries"][each]) for each in STATES]
    waiting: list[tuple[str, Child]] = [(each, status["bookings"].get(each, 0)) for each in DECISIONS]
    waiting += [("unread notices", status["notices"]), ("oldest due", "nothing is due" if due is None else span(due))]
    return section(
        "numbers",
        "Numbers",
        tag("h3", "Deliveries by state"),
        pairs(rows),
        tag("h3", "Bookings by decision"),
        pairs(waiting),
    )


def _connections(found: Board) -> Markup:
    known = [each for each in found.status["connections"] if not each["gone"]]
    if not known:
        return section("connections", "Connections", tag("p", "None is mirrored yet: bokun-sync connections refresh."))
    return section(
        "connections", "Connections", tag("ul", [_connection(each, found) for each in known], class_="cards")
    )


def _connection(each: dict[str, Any], found: Board) -> Markup:
    on = [name for name, value in each["flags"].items() if value]
    heard = found.heard.get(each["id"])
    rows: list[tuple[str, Child]] = [
        ("state", _state(each)),
        ("flags on", ", ".join(on) or "none"),
        ("lag", "never polled" if each["lag_seconds"] is None else span(each["lag_seconds"])),
        ("last success", at(each["polled_at"])),
        ("last webhook", "look broken" if each["id"] in found.silent else at(heard) if heard else "none heard"),
    ]
    return tag("li", tag("h3", foreign(each["name"]), " ", tag("small", each["id"])), pairs(rows))


def _state(each: dict[str, Any]) -> str:
    said = [word for word in ("blocked", "paused") if each[word]]
    return ", ".join(said) or ("works" if each["active"] else "not active in Space Invoices")


def _issued(found: Board) -> Markup:
    if not found.by_day:
        return section("issued", "Documents issued", tag("p", "None in the last 14 days."))
    named = currencies(found.by_day)
    legend = tag("ul", [tag("li", tag("span", "", class_=colour(place)), each) for place, each in enumerate(named)],
                 class_="legend")  # fmt: skip
    days = [day for day in reversed(found.days) if any((day, each) in found.by_day for each in named)]
    rows: list[list[Child]] = [[day, *(found.by_day.get((day, each), 0) for each in named)] for day in days]
    figures = tag("details", tag("summary", "The same as a table"), table("Documents per day", ["day", *named], rows))
    last: list[list[Child]] = [
        [at(each.ended_at), booking_link(each.confirmation_code or str(each.booking_id)), each.document,
         f"{each.amount} {each.currency}"]
        for each in found.issued
    ]  # fmt: skip
    seen = table("Seen last in Space Invoices", ["seen", "booking", "document", "amount"], last)
    return section("issued", "Documents issued", plot(found.days, found.by_day), legend, figures, seen)


def _bells(found: Board) -> Markup:
    rows: list[list[Child]] = [[each.name, ago(each.age), "alive" if each.alive else "silent"] for each in found.bells]
    asked = tag("p", "As of ", at(found.at), ". ", tag("a", "Look again", href="/"))
    return section(
        "bells", "Bells", table("When each bell last came to its end", ["bell", "done", "state"], rows), asked
    )
