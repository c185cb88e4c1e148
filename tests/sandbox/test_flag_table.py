"""The remote's own decision, held against the table of all flags."""

import csv
from pathlib import Path

import pytest

from worker.sandbox.documents import decide
from worker.sandbox.reading import Reading

TABLE = Path(__file__).parent.parent / "samples" / "flags.csv"
ROWS = list(csv.DictReader(TABLE.read_text("utf-8").splitlines()))


def decided(row):
    yes = {name: value == "true" for name, value in row.items()}
    connection = {name: yes[name] for name in ("active", "issueInvoiceOnComplete", "issueInvoiceForBankPayment")}
    facts = Reading(status=row["status"], bank=yes["bank_payment"], paid=yes["paid"], complete=yes["complete"])
    return decide(connection, facts) or ""


@pytest.mark.parametrize("told", ["none", "estimate"])
def test_the_remote_reads_its_flags_as_the_table_says(told):
    """While nothing is told, the document is the table's; after an estimate, wherever the table tells of an invoice."""
    rows = [row for row in ROWS if row["told"] == told and (told == "none" or row["decision"] == "tell")]
    wrong = [row for row in rows if decided(row) != row["document"]]
    assert (len(rows), wrong) == ({"none": 320, "estimate": 23}[told], [])
