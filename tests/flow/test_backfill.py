"""A plan file is carried out exactly, once, however often it is stopped; what is live goes first."""

from datetime import timedelta

import pytest

from tests.builders import NOW
from tests.flow.test_crashes import Killed, mortal
from worker.flow import backfill, finding, planfile, preview
from worker.flow.services import Until
from worker.sandbox import bookings
from worker.store import connections, tables
from worker.store.bookings import History

A, B, C = 9_000_001, 9_000_002, 9_000_003
OLD = NOW - timedelta(days=200)
ORDER = {"remote": "space-invoices", "method": "POST", "path": "/order$"}


def book(house, id_, **knobs):
    house.sandbox.book(bookings.own_sale(id_, house.clock(), **{"created": OLD, **knobs}))


def write(house, folder, name="plan.jsonl"):
    since, until = OLD - timedelta(days=1), NOW + timedelta(days=1)
    found = finding.of_period(house.services, since, until)
    lines = preview.preview(house.services, found.seen, history=History(""))
    return planfile.write(folder / name, lines, found.unread, since=since, until=until, now=house.clock())


def apply(house, plan, until=None, **how):
    return backfill.apply(house.services, plan, until or house.until, sleep=house.clock.sleep, **how)


def claimed(house):
    """The bookings in the order in which their deliveries were claimed."""
    booking = dict(house.rows(tables.Delivery, "id", "booking_id"))
    return [booking[delivery] for (delivery,) in house.rows(tables.Attempt, "delivery_id")]


@pytest.fixture
def old(house):
    """A seller who listens from today on, with three sales of the past."""
    built = house.with_terms(start_from=NOW - timedelta(days=1))
    built.sandbox.connect()
    for id_ in (A, B, C):
        book(built, id_)
    built.mirror()
    return built


def test_a_plan_is_carried_out(old, tmp_path):
    """What START_FROM skips in the live lane is issued by its plan, and seen in Space Invoices."""
    old.drain()
    plan = write(old, tmp_path)
    before = old.documents
    done = apply(old, plan)
    assert (before, sorted(old.documents)) == ([], [("invoice", A), ("invoice", B), ("invoice", C)])
    assert (done.taken_up, done.planned, done.skipped) == (3, 3, [])
    assert backfill.states(old.services, plan) == {"confirmed": 3}


def test_writing_a_plan_sends_nothing(old, tmp_path):
    """A plan file is words: no order is sent and no delivery is planned by it."""
    write(old, tmp_path)
    assert (old.posts, old.deliveries) == (0, [])


def test_the_file_says_what_it_was_made_from(old, tmp_path):
    """Its header names the period, the flags and that START_FROM does not skip; its lines carry key and revision."""
    plan = write(old, tmp_path)
    [flags] = [each["flags"] for each in plan.header["connections"].values()]
    [first, *_] = plan.lines
    assert (plan.header["lines"], flags["active"], "START_FROM" in plan.header["note"]) == (3, True, True)
    assert (first["booking_id"], first["rule"], first["moment"]) == (A, "on-arrival", "received")
    apply(old, plan)
    assert sorted(old.rows(tables.Delivery, "key", "revision")) == sorted(
        (each["key"], each["revision"]) for each in plan.lines
    )


def test_carried_out_twice_it_is_done_once(old, tmp_path):
    """The same command again finds everything done and sends nothing."""
    plan = write(old, tmp_path)
    apply(old, plan)
    again = apply(old, plan)
    assert (again.before, again.taken_up, old.posts) == (3, 0, 3)


def test_polls_afterwards_leave_it_as_it_is(old, tmp_path):
    """The live lane comes by later, with START_FROM in force: nothing is undone and nothing doubled."""
    plan = write(old, tmp_path)
    apply(old, plan)
    for hours in (0, 1, 30):
        old.later(hours=hours)
    assert (old.posts, {rule for _, rule in old.decisions}) == (3, {"already-invoiced"})


def test_a_poll_between_planning_and_sending_undoes_nothing(old, tmp_path):
    """A notice that comes while the deliveries of a backfill are only planned decides them as the backfill did."""
    plan = write(old, tmp_path)
    old.sandbox.faults.add(**ORDER, kind="status", code=429, times=3)
    apply(old, plan)
    waiting = old.documents
    old.later(minutes=20)
    old.later(minutes=20)
    assert (waiting, len(old.documents), old.most_documents()) == ([], 3, 1)


def test_what_changed_since_is_skipped_and_named(old, tmp_path):
    """A cancelled booking and one with another price are left alone; the third is issued."""
    plan = write(old, tmp_path)
    old.sandbox.change(A, cancel=True)
    old.sandbox.change(B, reprice="55.00")
    done = apply(old, plan)
    assert old.documents == [("invoice", C)]
    assert [(each.line["booking_id"], each.because) for each in done.skipped] == [
        (A, "changed since the plan: it is skip (cancelled-before-document) now, then tell invoice (on-arrival)"),
        (B, f"changed since the plan: 55.00 EUR now, then {plan.lines[1]['amount']} EUR"),
    ]


def test_what_was_told_since_is_skipped(old, tmp_path):
    """A booking that another plan has told of meanwhile is not told of again."""
    first, second = write(old, tmp_path), write(old, tmp_path, "other.jsonl")
    apply(old, first)
    again = apply(old, second)
    assert (first.id, again.before, old.posts) == (second.id, 3, 3)


def test_a_later_plan_of_told_bookings_issues_nothing(old, tmp_path):
    """Planned anew after it was carried out, the same period calls for nothing."""
    apply(old, write(old, tmp_path))
    assert write(old, tmp_path, "later.jsonl").issuing == []


def test_a_file_that_was_cut_or_edited_is_refused(old, tmp_path):
    """A plan is carried out as it was written or not at all."""
    write(old, tmp_path)
    file = tmp_path / "plan.jsonl"
    head, *lines = file.read_text().splitlines()
    for texts in ([head, *lines[:2]], [head, lines[0].replace("invoice", "estimate"), *lines[1:]]):
        file.write_text("\n".join(texts) + "\n")
        with pytest.raises(planfile.WrongPlan, match="changed or cut"):
            planfile.read(file)


def test_mail_no_sends_the_orders_with_the_mail_flags_off(old, tmp_path):
    """Of a quiet backfill no document is mailed; what is live afterwards is mailed as the connection says."""
    apply(old, write(old, tmp_path), mail=False)
    book(old, 9_000_009, created=NOW)
    old.drain(2)
    assert [each["mailed"] for each in old.sandbox.documents] == [False, False, False, True]


def test_mail_no_holds_when_the_booking_is_decided_anew(old, tmp_path):
    """A delivery that gives way to another decision before it left keeps its quiet."""
    plan = write(old, tmp_path)
    old.sandbox.faults.add(**ORDER, kind="status", code=429, times=3)
    apply(old, plan, mail=False)
    [connection] = old.sandbox.connections
    old.sandbox.flags(connection["id"], issueInvoiceOnComplete=True)
    old.later(minutes=20)
    old.sandbox.flags(connection["id"], issueInvoiceOnComplete=False)
    old.later(minutes=20)
    old.later(minutes=20)
    assert [each["mailed"] for each in old.sandbox.documents] == [False, False, False]


def test_the_connections_that_mail_are_named(old, tmp_path):
    """Only connections that issue by this plan and whose flags are on are named before it is carried out."""
    old.sandbox.connect("Other", organization=old.sandbox.add_organization("org-9"), account=_other(old))
    plan = write(old, tmp_path)
    [first, _] = old.sandbox.connections
    assert backfill.mailing(old.services, plan) == [first["id"]]


def _other(house):
    return house.sandbox.add_account("another-key", "another-secret").access_key


@pytest.mark.parametrize("steps", range(0, 42, 6))
def test_killed_at_any_step_the_same_command_ends_it(old, tmp_path, steps):
    """Whichever step was its last, carrying the file out again issues each document once."""
    plan = write(old, tmp_path)
    with pytest.raises(Killed):
        apply(mortal(old, steps), plan)
    for minutes in (3, 5, 16, 1):
        old.clock.pass_by(minutes=minutes)
        apply(old, plan)
    assert sorted(old.documents) == [("invoice", A), ("invoice", B), ("invoice", C)]
    assert backfill.states(old.services, plan) == {"confirmed": 3}


def test_asked_to_stop_it_goes_on_later(old, tmp_path):
    """Stopped before its first batch it has done nothing; said again it does everything."""
    plan = write(old, tmp_path)
    first = apply(old, plan, until=Until(lambda: 1.0, 1.0))
    between = old.posts
    apply(old, plan)
    assert (first.stopped, between, old.posts) == ("it was asked to stop", 0, 3)


def test_a_backfill_gives_way_to_what_is_live(old, tmp_path):
    """While a live delivery is due and fresh, nothing of a backfill is claimed; after it, everything is."""
    plan = write(old, tmp_path)
    old.sandbox.faults.add(**ORDER, kind="status", code=429, times=3)
    apply(old, plan)
    book(old, 9_000_009, created=NOW)
    old.clock.pass_by(minutes=20)
    old.drain(2)
    assert (claimed(old)[3], len(old.documents)) == (9_000_009, 4)


def test_another_connections_live_delivery_goes_first_too(old, tmp_path):
    """One seller's history does not hold up another seller's sale of today."""
    plan = write(old, tmp_path)
    old.sandbox.faults.add(**ORDER, kind="status", code=429, times=3)
    apply(old, plan)
    key = _other(old)
    other = old.sandbox.connect("Other", account=key)
    old.sandbox.book(bookings.own_sale(9_000_009, NOW), account=key)
    old.mirror()
    with old.services.database.transaction() as open_:
        connections.change(open_, other["id"], access_key=key, secret_key="another-secret")
    old.clock.pass_by(minutes=20)
    old.drain(2)
    assert (claimed(old)[3], len(old.documents)) == (9_000_009, 4)


def test_a_plan_waits_for_its_turn_and_then_goes_on(old, tmp_path):
    """Its own drain sends nothing while something live waits for a worker; a minute later it does."""
    old.drain()
    plan = write(old, tmp_path)
    book(old, 9_000_009, created=NOW)
    old.poll()
    old.plan()  # a live delivery is due, and no worker runs
    began = old.clock()
    apply(old, plan)
    assert sorted(old.documents) == [("invoice", A), ("invoice", B), ("invoice", C)]
    assert old.clock() - began > timedelta(minutes=1)


def test_waiting_bookings_of_the_past_are_decided_by_the_plan_too(house, tmp_path):
    """What waits for its end is taken up, so that its clock wakes it although START_FROM would skip it."""
    built = house.with_terms(start_from=NOW - timedelta(days=1))
    built.sandbox.connect(issueInvoiceOnComplete=True)
    book(built, A, ends_in=timedelta(hours=5))
    built.mirror()
    apply(built, write(built, tmp_path))
    before = built.documents
    built.later(hours=6)
    assert (before, built.documents) == ([], [("invoice", A)])
