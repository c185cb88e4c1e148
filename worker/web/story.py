"""The story of a booking as HTML: the same that `explain` tells."""

from __future__ import annotations

from typing import Any

from worker.flow.explain import Story
from worker.web.html import Child, Markup, foreign, tag
from worker.web.page import pairs, section, table
from worker.web.times import at


def story(code: str, stories: list[Story]) -> list[Markup]:
    """One part for each connection that read the booking."""
    return [tag("h1", "Booking ", foreign(code)), *(_part(each, place) for place, each in enumerate(stories))]


def unknown(code: str) -> list[Markup]:
    """Nothing is known of this booking."""
    hint = tag("pre", tag("code", "bokun-sync enqueue booking CONNECTION BOOKING"))
    said = tag("p", "No connection has read it. If Bokun has it, this reads it now:")
    return [tag("h1", "Booking ", foreign(code), " is not known"), said, hint]


def _part(found: Story, place: int) -> Markup:
    record = found.record
    steps = tag("ul", [tag("li", foreign(each)) for each in found.next])
    decided: list[tuple[str, Child]] = [
        ("decision", _decision(record)),
        ("rule", record["rule"]),
        ("because", foreign(record["because"])),
        ("status in Bokun", record["status"]),
        ("read", at(record["read_at"])),
    ]
    return section(
        f"story-{place}",
        f"Connection {record['connection']}",
        tag("h3", "What happens next"),
        steps,
        tag("h3", "What was decided"),
        pairs(decided),
        tag("h3", "Facts"),
        pairs(_flat(record["facts"])),
        tag("h3", "Flags"),
        pairs(_flat(record["flags"])),
        [_delivery(each) for each in record["deliveries"]],
        tag("h3", "History of decisions"),
        _history(record["history"]),
    )


def _delivery(each: dict[str, Any]) -> Markup:
    told: list[tuple[str, Child]] = [
        ("state", each["state"]),
        ("reason", foreign(each["reason"] or "–")),
        ("amount", f"{each['amount']} {each['currency']}"),
        ("order", foreign(each["order_id"] or "–")),
        ("document id", foreign(each["document_id"] or "–")),
        ("planned", at(each["planned_at"])),
        ("due", at(each["due"])),
    ]
    title = f"Delivery {each['id']}: {each['document']} ({each['moment']})"
    return tag("div", tag("h3", title), pairs(told), _events(each), class_="delivery")


def _events(each: dict[str, Any]) -> Markup:
    """Attempts, looks and what a person did, in the order of time."""
    rows = [
        *(
            (made["begun_at"], "attempt", made["outcome"] or "under way", made["reason"])
            for made in each["attempts_made"]
        ),
        *((made["at"], "look", made["saw"], made["reason"]) for made in each["looks_made"]),
        *((made["at"], "person", made["event"], made["because"]) for made in each["by_person"]),
    ]
    if not rows:
        return tag("p", "Nothing was tried yet.")
    cells: list[list[Child]] = [
        [at(when), what, outcome, foreign(why or "–")]
        for when, what, outcome, why in sorted(rows, key=lambda row: row[0])
    ]
    return table(f"What was done for delivery {each['id']}", ["when", "what", "outcome", "because"], cells)


def _history(history: list[dict[str, Any]]) -> Markup:
    rows: list[list[Child]] = [
        [at(each["at"]), _decision(each), each["rule"], foreign(each["because"])] for each in history
    ]
    return table("Every decision that differed from the one before", ["when", "decision", "rule", "because"], rows)


def _decision(record: dict[str, Any]) -> str:
    return " ".join(word for word in (record["decision"], record["document"]) if word)


def _flat(facts: dict[str, Any]) -> list[tuple[str, Child]]:
    """Names and values, what is inside a value under both names."""
    rows: list[tuple[str, Child]] = []
    for name, value in facts.items():
        if isinstance(value, dict):
            rows += [(f"{name} {inner}", each) for inner, each in _flat(value)]
        else:
            rows.append((name.replace("_", " "), foreign(_word(value))))
    return rows


def _word(value: Any) -> str:
    return {True: "yes", False: "no", None: "–"}[value] if value is None or isinstance(value, bool) else str(value)
