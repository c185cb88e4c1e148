"""`audit` as a person runs it: its exit codes, its report, and that the command it names really settles it."""

import shlex
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from tests.doors.person import A, B
from worker.sandbox import bookings

SINCE = f"{datetime.now(UTC) - timedelta(days=5):%Y-%m-%d}"


@pytest.fixture
def sold(mirrored):
    """A shop with two sales that were invoiced and proven."""
    for booking in (A, B):
        mirrored.book(booking)
    mirrored("drain", "--yes")
    mirrored("drain", "--yes")
    assert mirrored("status", "--json").json["deliveries"]["confirmed"] == 2
    return mirrored


def order_of(shop, booking):
    return next(row for row in shop.neighbours.world.orders.rows.values() if row["orderId"] == str(booking))


def lost(shop):
    """Order and document are gone without a trace."""
    order = order_of(shop, A)
    del shop.neighbours.world.documents.rows[order["invoiceId"]]
    del shop.neighbours.world.orders.rows[order["id"]]


def deleted(shop):
    """A person deleted the document there."""
    shop.neighbours.world.documents.delete(order_of(shop, A)["invoiceId"])


def order_deleted(shop):
    """A person deleted the order with its document."""
    order = order_of(shop, A)
    shop.neighbours.world.documents.delete(order["invoiceId"])
    shop.neighbours.world.orders.delete(order["id"])


def cancelled(shop):
    """A person cancelled the document there."""
    shop.neighbours.world.documents.rows[order_of(shop, A)["invoiceId"]]["cancelled"] = True


GONE = {"missing": lost, "deleted": deleted, "deleted with its order": order_deleted, "cancelled-there": cancelled}


def settle_command(shop):
    """The command below the one difference that the audit prints, as a person would copy it."""
    said = shop("audit", "--since", SINCE)
    assert said.code == 3
    [line] = [line for line in said.out.splitlines() if line.startswith("    bokun-sync ")]
    words = shlex.split(line.rpartition("    (key")[0].strip())
    return ["they wrote a credit note" if word == "..." else word for word in words[1:]]


@pytest.mark.parametrize(("name", "plant"), GONE.items(), ids=GONE)
def test_the_command_it_names_settles_a_document_that_is_gone(sold, name, plant):
    """Copied to the prompt, the command that stands below the difference ends it; nothing is issued by that."""
    plant(sold)
    said = sold("audit", "--since", SINCE, "--json")
    [found] = said.json["differences"]
    before = len(sold.documents)
    assert (said.code, found["kind"], found["booking_id"]) == (3, name.split()[0], A)
    assert sold(*settle_command(sold)).code == 0
    after = sold("audit", "--since", SINCE, "--json")
    assert (after.code, after.json["differences"], len(after.json["accepted"])) == (0, [], 1)
    sold("drain", "--yes")
    assert len(sold.documents) == before


def test_only_what_an_audit_named_can_be_accepted(sold):
    """A mistyped key is refused with a sentence, and the difference it was meant for is still one."""
    deleted(sold)
    [found] = sold("audit", "--since", SINCE, "--json").json["differences"]
    mistyped = [sold("audit", "--accept", key, "--because", "checked") for key in (found["key"][:-1], "%", "")]
    assert [(said.code, said.lines) for said in mistyped[:1]] == [
        (1, [f"No audit of the last 90 days names a difference {found['key'][:-1]}: see `bokun-sync audit`."])
    ]
    assert [said.code for said in mistyped] == [1, 1, 1]
    assert sold("audit", "--since", SINCE).code == 3
    assert [sold("audit", "--accept", found["key"], "--because", why).code for why in ("checked", "again")] == [0, 0]


def test_a_document_written_by_hand_instead_settles_it_too(sold):
    """The deleted invoice was written anew by hand in Space Invoices: the books agree again without a word."""
    paper = dict(sold.neighbours.world.documents.rows[order_of(sold, A)["invoiceId"]])
    deleted(sold)
    assert sold("audit", "--since", SINCE).code == 3
    sold.neighbours.world.documents.create({**paper, "number": "2025-900000"})
    assert sold("audit", "--since", SINCE).code == 0


def test_as_a_process_it_says_by_its_exit_code_whether_the_books_agree(sold):
    """0 where nothing differs, 3 with a difference, 1 where a book stays closed, 2 for a period that makes no sense."""
    run = sold.terminal.process
    agree = run("audit", "--since", SINCE)
    deleted(sold)
    differ = run("audit", "--since", SINCE)
    sold.neighbours.faults.add(remote="space-invoices", path="/documents", kind="status", code=503, times=None)
    closed = sold("audit", "--since", SINCE)
    backwards = sold("audit", "--since", "2026-01-02", "--until", "2026-01-01")
    assert (agree.code, differ.code, closed.code, backwards.code) == (0, 3, 1, 2)
    assert "no difference" in agree.out
    assert "deleted: the invoice was deleted in Space Invoices" in differ.out
    assert (agree.err, differ.err, "Not compared" in closed.err) == ("", "", True)


class Tags(HTMLParser):
    """The names of all tags of a page, and its text."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, _attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def test_the_report_shows_foreign_words_as_text(mirrored, tmp_path):
    """A store, a code, a number and a customer called <script> stand in the report as text, and run nowhere."""
    evil = "<script>alert(1)</script>"
    mirrored.neighbours.flags(mirrored.connection, name=evil)
    mirrored("connections", "refresh")
    sale = bookings.own_sale(A, datetime.now(UTC), code=f"T-{evil}")
    sale["customer"] |= {"firstName": evil, "lastName": evil}
    mirrored.neighbours.book(sale)
    for _ in range(2):
        mirrored("drain", "--yes")
    [document] = mirrored.neighbours.world.documents.rows.values()
    document |= {"number": f"1{evil}", "cancelled": True}
    said = mirrored("audit", "--since", SINCE, "--html", "report.html", "--csv", "report.csv")
    page = Tags()
    page.feed((tmp_path / "report.html").read_text())
    assert (said.code, "script" in page.tags, f"1{evil}" in page.text, f"T-{evil}" in page.text) == (
        3,
        False,
        True,
        True,
    )


def test_the_report_needs_nothing_else(sold, tmp_path):
    """One file: no address of a script, a style, a font or an image in it."""
    sold("audit", "--since", SINCE, "--html", "report.html")
    text = (tmp_path / "report.html").read_text()
    assert not any(word in text for word in ("src=", "href=", "@import", "url("))
