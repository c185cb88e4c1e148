"""The crash matrix: every behaviour of the remote, times every step at which the process dies, on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest
import structlog

from tests.simulation.baton import Killed
from tests.simulation.judge import judge
from tests.simulation.play import FIRST, Play, Weakened
from worker.calls.wire import Reply, Silence
from worker.domain.delivery import Event
from worker.domain.outcome import EVENT, Outcome
from worker.domain.proof import AbsenceRule
from worker.flow import deliver
from worker.sandbox import bookings
from worker.web.inbox import Announced, store

ANSWERS = {
    "connection lost": Silence(began=True, why="ReadError"),
    "time-out": Silence(began=True, why="ReadTimeout"),
    "HTML": Reply(200, {"content-type": "text/html"}, b"<p>One moment."),
    "no JSON": Reply(200, {}, b"{"),
    "nothing": Reply(204, {}, b""),
    "a list": Reply(200, {}, b"[]"),
    "cut": Reply(200, {}, None),
    "500": Reply(500, {}, b"{}"),
    "502": Reply(502, {}, b"<h1>Bad gateway</h1>"),
    "503": Reply(503, {"retry-after": "30"}, b""),
    "504": Reply(504, {}, b""),
    "408": Reply(408, {}, b""),
    "409": Reply(409, {}, b"{}"),
    "302": Reply(302, {"location": "/"}, b""),
}
UNTRUSTWORTHY = {
    f"{answer} {when} the effect": (kind, answer)
    for answer in ANSWERS
    for when, kind in (("before", "spoiled"), ("after", "spoiled after"))
}
BEHAVIOURS = {each: (each, "") for each in ("fine", "late", "429", "422", "401", "404", "not sent")} | UNTRUSTWORTHY
BEFORE = ("refresh", "webhook", "poll", "plan")
AFTER = ("deliver", "reconcile")
STEPS_BEFORE, STEPS_AFTER = 45, 40
"""No bells take more; a test says so."""
SAMPLE = {"fine": (14, 15), "late": (12, 15), "500 after the effect": (13, 16)}
"""Deaths around the claim (12), the call (13, 14) and the commit of its outcome (15, 16)."""


class Mortal(Play):
    """A process that dies after so many steps: before and after every commit, before and after every call."""

    def __init__(self, ground, *, weakened=None):
        super().__init__(0, ground, weakened=weakened)
        self.left = 0
        self.weather.pause = self.weather.committed = self._step

    def _step(self):
        self.left -= 1
        if self.left == 0:
            raise Killed

    def lives(self, bells, steps=0):
        """Whether a process lives to the end of these bells; it dies at that step, 0: never."""
        self.left = steps
        try:
            for name in bells:
                self._bell(name)
        except Killed:
            return False
        finally:
            self.left = 0
        return True


class Case(Mortal):
    """One sale whose first order meets one behaviour."""

    def __init__(self, ground, behaviour, *, weakened=None):
        super().__init__(ground, weakened=weakened)
        self.kind, self.answer = BEHAVIOURS[behaviour]
        self.wire._fault, self.wire._spoiled = self._first, lambda: ANSWERS[self.answer]
        self.send, self.wire.send = self.wire.send, self._send
        self.remotes.connect("Our store", issueInvoiceOnComplete=False, issueInvoiceForBankPayment=False, active=True)
        self.remotes.book(bookings.own_sale(FIRST, self.clock()))

    def _first(self):
        kind, self.kind = self.kind, "fine"
        return kind

    def _send(self, request):
        if self.kind == "not sent" and request.method == "POST" and request.url.endswith("/order"):
            self.kind = "fine"
            return Silence(began=False, why="ConnectError")
        return self.send(request)

    def _bell(self, name):
        if name == "webhook":
            announced = [Announced(FIRST, None)]
            self.services.database.run(lambda open_: store(open_, announced, self.clock()))
        else:
            super()._bell(name)

    def judged(self):
        """What is wrong when everything has come to its end."""
        self.heal()
        return [str(each) for each in judge(self)]


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Nobody reads the log of so many deaths, and no group waits for an answer that is there."""
    monkeypatch.setattr(deliver, "GROUP_WAIT", 0.0)
    with structlog.testing.capture_logs():
        yield


def after_deaths(ground, behaviour, weakened=None, steps=range(1, STEPS_AFTER + 1)):
    """What is wrong for the steps of delivery and proof at which the process dies."""
    found = {}
    for step in steps:
        case = Case(ground, behaviour, weakened=weakened)
        case.lives(BEFORE)
        case.lives(AFTER, step)
        found[step] = case.judged()
    return {step: damages for step, damages in found.items() if damages}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_no_death_doubles_or_loses_anything(ground, behaviour):
    """Whatever the remote answers and wherever the process dies, the sale has its one invoice or is held with a reason."""
    assert after_deaths(ground, behaviour) == {}


@pytest.mark.parametrize("behaviour", SAMPLE)
def test_a_sample_of_deaths_doubles_and_loses_nothing(ground, behaviour):
    """A few of the same deaths on either database, for everyday: around the claim, the call and its outcome."""
    assert after_deaths(ground, behaviour, steps=SAMPLE[behaviour]) == {}


@pytest.mark.parametrize("step", range(1, STEPS_BEFORE + 1))
def test_no_death_before_the_order_loses_anything(ground, step):
    """Wherever a process dies that mirrors, receives, polls or plans, the sale has its one invoice in the end."""
    case = Case(ground, "fine")
    case.lives(BEFORE, step)
    assert case.judged() == []
    assert [each["type"] for each in case.remotes.documents] == ["invoice"]


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_the_bells_have_no_more_steps(on_sqlite, behaviour):
    """The steps above are all that there are."""
    case = Case(on_sqlite, behaviour)
    assert (case.lives(BEFORE, STEPS_BEFORE + 1), case.lives(AFTER, STEPS_AFTER + 1)) == (True, True)


def test_a_copy_that_repeats_what_was_not_answered_is_found_out(on_sqlite, monkeypatch):
    """The same matrix finds doubled invoices where an unanswered order counts as not sent."""
    monkeypatch.setattr(deliver, "EVENT", EVENT | {Outcome.UNKNOWN: Event.NOT_SENT})
    assert after_deaths(on_sqlite, "late") != {}


def test_a_copy_that_looks_and_sees_nothing_is_found_out(on_sqlite):
    """It finds doubled invoices where looks see nothing."""
    assert after_deaths(on_sqlite, "time-out after the effect", Weakened(blind=True)) != {}


def test_a_copy_with_a_short_settle_time_is_found_out(on_sqlite):
    """It finds doubled invoices where one look after five seconds proves an absence."""
    short = Weakened(lambda terms: replace(terms, absence=AbsenceRule(1, timedelta(seconds=5))))
    assert after_deaths(on_sqlite, "late", short) != {}
