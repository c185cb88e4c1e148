"""Reads one booking and decides it: the same words for what issues, what only previews and what works off history."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Row

from worker.bokun.bookings import get_booking
from worker.bokun.mapping import to_booking
from worker.bokun.reading import Json
from worker.bokun.reduce import reduce_booking
from worker.calls import json
from worker.calls.call import UnexpectedShape
from worker.calls.sending import CallFailed, Remote
from worker.domain.booking import Booking, Completion, Sale, Status, Trouble, Unclear
from worker.domain.connection import BookingId
from worker.domain.decision import Decision, Policy, Tell, Told, decide_read, facts_of
from worker.domain.money import plain
from worker.flow.services import Services
from worker.spaceinvoices.order_body import mark
from worker.store import outbox
from worker.store.bookings import History, Judged
from worker.store.connections import Stored

Answer = tuple[Booking | None, str | None, CallFailed | None]
"""A booking and what an order needs of it, or why it could not be read."""


def read_bookings(services: Services, asked: Sequence[tuple[Stored, int]]) -> list[Answer]:
    """These bookings as Bokun shows them now, in order: those that one key pair reads go side by side by one thread."""
    found: dict[int, Answer] = {}
    places_of: dict[int, tuple[Remote, list[int]]] = {}
    for place, (connection, _) in enumerate(asked):
        try:
            remote = services.bokun(connection)
        except CallFailed as failure:
            found[place] = None, None, failure
        else:
            places_of.setdefault(id(remote), (remote, []))[1].append(place)
    groups = list(places_of.values())
    at_once = max(1, services.terms.in_flight // max(1, len(groups)))

    def read(group: tuple[Remote, list[int]]) -> list[Answer]:
        remote, places = group
        return _read_bookings(services, remote, [asked[place] for place in places], at_once)

    for (_, places), answers in zip(groups, services.each(read, groups), strict=True):
        found |= zip(places, answers, strict=True)
    return [found[place] for place in range(len(asked))]


def _read_bookings(
    services: Services, remote: Remote, asked: Sequence[tuple[Stored, int]], at_once: int
) -> list[Answer]:
    def within(place: int, seconds: float) -> AbstractContextManager[object]:
        connection, booking = asked[place]
        return services.trace("booking.read", connection.organization, booking, seconds, connection=connection.id)

    calls = [get_booking(booking) for _, booking in asked]
    fetched = remote.fetch_all(calls, at_once=at_once, within=within)
    found = {place: _understood(services, payload, asked[place][1]) for place, payload in fetched}
    return [found[place] for place in range(len(asked))]


def _understood(services: Services, payload: Json | CallFailed, booking: int) -> Answer:
    """What cannot be understood is a booking that asks, not a failure."""
    if isinstance(payload, CallFailed):
        return None, None, payload
    try:
        read = to_booking(payload, bank_payment_types=services.terms.bank_payment_types)
        content = json.dumps(reduce_booking(payload))
    except UnexpectedShape as wrong:
        return unreadable(booking, str(wrong)), None, None
    except Exception as broken:  # noqa: BLE001 - one booking that we cannot read must not stop its neighbours
        return unreadable(booking, f"it could not be understood ({type(broken).__name__})"), None, None
    if read.id != booking:
        return unreadable(booking, "Bokun answered with another booking"), None, None
    return read, content, None


def unreadable(booking: int, because: str) -> Booking:
    """A booking of which nothing is known but that a person must look at it."""
    return Booking(
        id=BookingId(booking),
        confirmation_code=str(booking),
        created_at=None,
        status=Status.UNKNOWN,
        bank_payment=False,
        paid=False,
        completion=Completion(False, None),
        sale=Unclear(Trouble.UNREADABLE, because),
        revision="",
    )


def policy_for(services: Services, connection: Stored, history: History | None = None) -> Policy:
    """The settings' policy with what the connection has of its own; START_FROM does not skip what a backfill took up."""
    general = services.terms.policy
    on_change = "tell" if connection.on_change == "tell" else "ask" if connection.on_change else general.on_change
    on_cancel = "tell" if connection.on_cancel == "tell" else "ask" if connection.on_cancel else general.on_cancel
    return Policy(general.start_from if history is None else None, on_change, on_cancel)


def judge(connection: Stored, booking: Booking, told: Told, policy: Policy, now: datetime) -> Decision:
    """What this booking calls for now by the connection's flags."""
    return decide_read(connection.flags, booking, told, policy=policy, now=now)


def verdict_on(
    services: Services,
    connection: Stored,
    booking: Booking,
    *,
    content: str | None,
    rows: Sequence[Row[Any]],
    history: History | None,
    now: datetime,
) -> Judged:
    """The decision about a booking, with everything it was made from; `rows` are the sale's deliveries as they stand."""
    policy, told = policy_for(services, connection, history), outbox.told(rows)
    if history is not None and any(row.backfill == history.backfill and outbox.counts_as_told(row) for row in rows):
        history = replace(history, over=True)
    return Judged(
        connection=connection.id,
        organization=connection.organization,
        booking=booking,
        content=content,
        flags=connection.flags,
        told=told,
        policy=policy,
        decision=judge(connection, booking, told, policy, now),
        at=now,
        history=history,
    )


def in_words(verdict: Judged, tell: Tell) -> dict[str, Any]:
    """What a delivery carries: its mark, the amount for people, and whose history it is until its first document."""
    booking = verdict.booking
    amount, currency = amount_of(booking)
    key = key_of(verdict, tell)
    old = verdict.history if verdict.history and not verdict.history.over else None
    return {
        "revision": booking.revision,
        "mark": mark(key, tell, booking, complete=facts_of(booking, verdict.at).complete),
        "amount": amount,
        "currency": currency,
        "backfill": old.backfill if old else None,
        "mail": old.mail if old else None,
    }


def key_of(verdict: Judged, tell: Tell) -> str:
    """The key of the delivery that the decision calls for."""
    change = outbox.change_of(tell, verdict.booking.revision)
    return outbox.key_of(verdict.organization, verdict.booking.id, tell, change)


def amount_of(booking: Booking) -> tuple[str, str]:
    """Amount and currency as text; `0.00` of nothing where the sale is unclear."""
    sale = booking.sale
    return (plain(sale.total.amount), sale.total.currency) if isinstance(sale, Sale) else ("0.00", "")
