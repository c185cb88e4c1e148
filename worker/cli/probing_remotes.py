"""The checks of `doctor` that ask Space Invoices and Bokun."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from worker.bokun.bookings import SearchPage, search_bookings
from worker.calls.call import Call
from worker.calls.sending import CallFailed, message, read
from worker.calls.wire import Reply, Silence
from worker.cli.probing import Setup
from worker.flow.checks import Finding, skew, well, wrong
from worker.spaceinvoices.connections import count_connections
from worker.store import bookings
from worker.store.connections import Stored

MONTH = timedelta(days=30)


def ask_space_invoices(setup: Setup) -> Iterator[Finding]:
    """Each organization: whether the token may see it, and what it shows."""
    remote, services = setup.services.space_invoices, setup.services
    if not setup.settings.space_invoices_token.get_secret_value():
        return  # said before
    for place, organization in enumerate(services.terms.organizations):
        call = count_connections(organization)
        answer = remote.send(call)
        if isinstance(answer, Silence):
            yield wrong("Space Invoices", f"does not answer ({answer.why})", "check SPACE_INVOICES_URL and the network")
            return
        if place == 0:
            yield from _clock(setup, "clock against Space Invoices", answer)
        yield _organization(organization, answer, call)


_REFUSED = {
    401: ("refuses the token", "make a new token that does not expire and set SPACE_INVOICES_TOKEN"),
    403: ("the token has no right to it", "check SPACE_INVOICES_ORGANIZATIONS, or make the token as a user of it"),
    404: ("no such organization", "check SPACE_INVOICES_ORGANIZATIONS, and the version in SPACE_INVOICES_URL"),
    429: ("asks us to come later", "wait; if it lasts, another program uses the token too"),
}


def _organization(organization: str, answer: Reply, call: Call[int]) -> Finding:
    name = f"Space Invoices, organization {organization}"
    if answer.status in _REFUSED:
        what, do = _REFUSED[answer.status]
        return wrong(name, _with(what, answer), do)
    if answer.status >= 500:
        return wrong(name, _with("fails", answer), "wait: what is due goes on by itself")
    try:
        count = read(call, answer, "Space Invoices")
    except CallFailed:
        return wrong(
            name, f"what answers is not its API ({answer.status})", "check SPACE_INVOICES_URL, its version too"
        )
    if answer.status >= 300:
        return wrong(name, _with("something else answers", answer), "check SPACE_INVOICES_URL, its version too")
    if count == 0:
        return wrong(name, "has no Bokun connection", f"`bokun-sync connections create --organization {organization}`")
    return well(name, f"{count} connections")


def _with(what: str, answer: Reply) -> str:
    words = message(answer)
    return f"{what} ({answer.status}{': ' + words if words else ''})"


def ask_bokun(setup: Setup) -> Iterator[Finding]:
    """Each connection's account, asked for both sides of its bookings of the last month."""
    clocks: set[str] = set()
    for each in setup.known:
        name = f"Bokun, connection {each.id} ({each.name})"
        if not each.access_key and not setup.settings.bokun_access_key.get_secret_value():
            yield wrong(name, "it has no keys of its own, and BOKUN_ACCESS_KEY is not set",
                        f"set BOKUN_ACCESS_KEY and BOKUN_SECRET_KEY, or `bokun-sync connections link {each.id}`")  # fmt: skip
            continue
        try:
            remote = setup.services.bokun(each)
        except CallFailed as failed:
            yield wrong(name, failed.sentence, "set SECRET_KEY to the key it was stored with (several may be given),"
                        f" or `bokun-sync connections link {each.id}` again")  # fmt: skip
            continue
        answers = [(call, remote.send(call)) for call in (_search(setup, "SELLER"), _search(setup, "SUPPLIER"))]
        if any(isinstance(answer, Silence) for _, answer in answers):
            why = next(answer.why for _, answer in answers if isinstance(answer, Silence))
            yield wrong("Bokun", f"does not answer ({why})", "check BOKUN_URL and the network")
            return
        replies = [(call, answer) for call, answer in answers if isinstance(answer, Reply)]
        if remote.base not in clocks:
            clocks.add(remote.base)
            yield from _clock(setup, "clock against Bokun", replies[0][1])
        yield _account(setup, each, name, replies)


def _search(setup: Setup, role: Literal["SELLER", "SUPPLIER"]) -> Call[SearchPage]:
    now = setup.services.clock()
    return search_bookings(since=now - MONTH, until=now, role=role, page=1, size=1)


_UNREAD = {
    401: ("refuses the keys", "correct access key and secret key: `connections link`, or BOKUN_ACCESS_KEY and BOKUN_SECRET_KEY"),
    429: ("its limit of calls is used up", "wait; if it lasts, another program uses the same account"),
}  # fmt: skip
_UNREAD[403] = _UNREAD[401]


def _account(setup: Setup, each: Stored, name: str, replies: list[tuple[Call[SearchPage], Reply]]) -> Finding:
    worst = max((answer for _, answer in replies), key=lambda answer: answer.status)
    if worst.status in _UNREAD:
        what, do = _UNREAD[worst.status]
        return wrong(name, _with(what, worst), do)
    if 300 <= worst.status < 400:
        return wrong(name, f"sends us to its login page ({worst.status}): the keys are wrong, or their user may not read"
                     " bookings", "correct the keys; in Bokun give the key a booking channel, and a user role that may"
                     " read bookings")  # fmt: skip
    if worst.status >= 500:
        return wrong(name, _with("fails", worst), "wait: polls go on where they stopped")
    try:
        seller, supplier = (read(call, answer, "Bokun").total or 0 for call, answer in replies)
    except CallFailed:
        return wrong(name, f"what answers is not its API ({worst.status})", "check BOKUN_URL")
    return _shown(setup, each, name, seller, supplier)


def _shown(setup: Setup, each: Stored, name: str, seller: int, supplier: int) -> Finding:
    """A key without rights is not refused by Bokun: it sees nothing (bokun.md 1.2)."""
    with setup.services.database.reading() as open_:
        before = bookings.read_since(open_, each.id, setup.services.clock() - MONTH)
    if before and not seller + supplier:
        return wrong(name, f"shows none of the {before} bookings that were read in the last month",
                     "the key's user role or booking channel was changed, or it is another vendor's key")  # fmt: skip
    said = f"{seller} bookings as seller and {supplier} as supplier in the last month"
    hint = (
        ""
        if seller + supplier
        else "if there should be some: the key's user role and booking channel decide what it sees"
    )
    return well(name, said, hint)


def _clock(setup: Setup, name: str, answer: Reply) -> Iterator[Finding]:
    """The Date header of any answer says how far our clock is off; Bokun refuses signatures of another time."""
    try:
        there = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError):
        yield well(name, "the remote tells no time")
        return
    yield skew(name, there, setup.services.clock())
