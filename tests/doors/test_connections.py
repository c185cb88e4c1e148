"""`connections`: the Bokun resource of Space Invoices, and what only we know about it."""

import sqlite3
from contextlib import closing

import pytest

from tests.doors.person import KEY, A
from worker.store.secrets import Vault


def ours(shop):
    """What only we know about the connection."""
    return shop("connections", "show", shop.connection, "--json").json["bokunSync"]


def stored(shop, *columns):
    """These columns of the connection's row, as they lie in the file."""
    with closing(sqlite3.connect(shop.file)) as file:
        file.row_factory = sqlite3.Row
        [row] = file.execute("SELECT * FROM connection").fetchall()
    return tuple(row[name] for name in columns)


def test_a_connection_is_created_listed_counted_changed_and_deleted(mirrored):
    """The commands of the resource do what they say at Space Invoices."""
    made = mirrored("connections", "create", "--name", "Second", "--issue-invoice-on-complete", "--custom",
                    '{"theirs": 1}', "--yes", "--json").json  # fmt: skip
    assert (made["name"], made["issueInvoiceOnComplete"], made["custom"]) == ("Second", True, {"theirs": 1})
    assert [each["name"] for each in mirrored("connections", "list", "--json").json] == ["Our store", "Second"]
    assert mirrored("connections", "count", "--json").json == {"count": 2}
    changed = mirrored("connections", "update", made["id"], "--no-active", "--yes", "--json").json
    assert (changed["active"], changed["issueInvoiceOnComplete"]) == (False, True)
    assert mirrored("connections", "list", "--where", '{"active": true}', "--json").json[0]["name"] == "Our store"
    assert mirrored("connections", "delete", made["id"], "--yes", "--json").json == {"count": 1}
    assert mirrored("connections", "count", "--json").json == {"count": 1}


def test_several_organizations_need_one_to_create_in(mirrored):
    """With several organizations `create` asks which one instead of guessing."""
    mirrored.neighbours.add_organization("org-2")
    mirrored.terminal.set(SPACE_INVOICES_ORGANIZATIONS="org-1,org-2")
    said = mirrored("connections", "create", "--name", "Second", "--yes")
    assert (said.code, mirrored.posts) == (2, [])
    made = mirrored("connections", "create", "--name", "Second", "--organization", "org-2", "--yes", "--json")
    assert made.json["organizationId"] == "org-2"


def test_refresh_mirrors_the_flags(mirrored):
    """What a person changes at Space Invoices is known after `connections refresh`."""
    mirrored.neighbours.flags(mirrored.connection, issueInvoiceOnComplete=True)
    assert mirrored("connections", "refresh", "--json").json == {"connections": 1, "changed": 1, "failed": []}
    assert ours(mirrored)["flags"]["issueInvoiceOnComplete"] is True


def test_what_only_we_know_changes_without_telling_space_invoices(mirrored):
    """Our own fields are kept here, and 0 or `default` takes the setting again."""
    change = ("connections", "update", mirrored.connection)
    said = mirrored(*change, "--on-change", "tell", "--brake-per-hour", "5", "--brake-amount", "1000", "--yes")
    assert (said.code, mirrored.posts) == (0, [])
    assert stored(mirrored, "on_change", "brake_per_hour", "brake_amount") == ("tell", 5, "1000.00")
    assert (
        mirrored(*change, "--on-change", "default", "--brake-per-hour", "0", "--brake-amount", "0", "--yes").code == 0
    )
    assert stored(mirrored, "on_change", "brake_per_hour", "brake_amount") == (None, None, None)


def test_keys_are_read_from_standard_input_and_never_shown(mirrored):
    """`link` reads the secret key from standard input, stores it encrypted, and prints neither of the two."""
    said = mirrored("connections", "link", mirrored.connection, stdin="hunter2-access\nhunter2-secret\n")
    assert (said.code, "hunter2" in said.out + said.err) == (0, False)
    closed = stored(mirrored, "access_key", "secret_key")
    assert [Vault([KEY]).open(each) for each in closed] == ["hunter2-access", "hunter2-secret"]
    assert b"hunter2" not in mirrored.file.read_bytes()
    assert (ours(mirrored)["own_keys"], "hunter2" in str(ours(mirrored))) == (True, False)


def test_the_secret_key_is_no_option(mirrored):
    """A secret in argv would show in `ps`, so there is no option for it."""
    said = mirrored("connections", "link", mirrored.connection, "--secret-key", "s")
    assert said.code == 2


def test_keys_that_are_missing_are_asked_for_in_one_line(mirrored):
    """Without anything on standard input `link` says what it reads."""
    said = mirrored("connections", "link", mirrored.connection)
    assert (said.code, said.lines) == (
        2, ["The Bokun keys are read from standard input, one a line; it was empty."])  # fmt: skip


def test_many_connections_are_linked_at_once(mirrored):
    """`link --keys` stores the pair of each line of a CSV, encrypted, and prints none of them."""
    said = mirrored("connections", "link", "--keys", "-", stdin=f"{mirrored.connection},hunter2-a,hunter2-s\n\n")
    assert (said.code, said.out) == (0, f"Connection {mirrored.connection} has its own Bokun keys.\n")
    closed = stored(mirrored, "access_key", "secret_key")
    assert [Vault([KEY]).open(each) for each in closed] == ["hunter2-a", "hunter2-s"]


@pytest.mark.parametrize(
    ("lines", "code", "line"),
    [
        ("c,only-two", 2, "Line 1 of --keys is not connection,access key,secret key."),
        ("nobody,a,s", 1, "Connection nobody is not mirrored: run `bokun-sync connections refresh`."),
    ],
)
def test_a_wrong_line_of_keys_is_named(mirrored, lines, code, line):
    """A line that is no pair, or of a connection that is not there, is named without its keys."""
    said = mirrored("connections", "link", "--keys", "-", stdin=f"{lines}\n")
    assert (said.code, said.lines) == (code, [line])


def test_a_secret_key_rotates(mirrored):
    """With the new key before the old one `keys rotate` encrypts anew, and the new one alone opens the connection."""
    access, secret = mirrored.neighbours.access_key, mirrored.neighbours.secret_key
    mirrored("connections", "link", mirrored.connection, "--access-key", access, stdin=f"{secret}\n")
    new = mirrored("keys", "new").out.strip()
    mirrored.terminal.set(SECRET_KEY=f"{new},{KEY}", BOKUN_ACCESS_KEY="nobody", BOKUN_SECRET_KEY="nothing")
    said = mirrored("keys", "rotate")
    assert (said.code, said.out.splitlines()[0]) == (0, "1 connections' keys encrypted anew, 0 were already.")
    mirrored.terminal.set(SECRET_KEY=new)
    mirrored.book()
    assert (mirrored("drain", "--yes").code, mirrored.documents) == (0, [("invoice", A)])


def test_a_rotation_without_the_old_key_says_so(mirrored):
    """Where the old key is gone too early, `keys rotate` names the connection and fails without touching it."""
    mirrored("connections", "link", mirrored.connection, stdin="a\ns\n")
    before = stored(mirrored, "access_key", "secret_key")
    mirrored.terminal.set(SECRET_KEY=mirrored("keys", "new").out.strip())
    said = mirrored("keys", "rotate")
    assert (said.code, mirrored.connection in said.err, stored(mirrored, "access_key", "secret_key")) == (
        1,
        True,
        before,
    )


def test_a_linked_connection_reads_its_own_account(mirrored):
    """With its own keys a connection reads another account than that of the settings, until they are removed."""
    mirrored.terminal.set(BOKUN_ACCESS_KEY="nobody", BOKUN_SECRET_KEY="nothing")
    access, secret = mirrored.neighbours.access_key, mirrored.neighbours.secret_key
    assert mirrored("connections", "link", mirrored.connection, "--access-key", access, stdin=f"{secret}\n").code == 0
    mirrored.book()
    assert (mirrored("drain", "--yes").code, mirrored.documents) == (0, [("invoice", A)])
    assert mirrored("connections", "link", mirrored.connection, "--remove").code == 0
    assert stored(mirrored, "access_key", "secret_key") == (None, None)


def test_keys_of_another_secret_key_are_one_line(mirrored):
    """Keys stored under another SECRET_KEY stop nobody with a traceback."""
    mirrored("connections", "link", mirrored.connection, stdin="a\ns\n")
    mirrored.terminal.set(SECRET_KEY="YW5vdGhlciBrZXkgb2YgdGhpcnR5LXR3byBieXRlcyE=")
    said = mirrored("drain", "--yes")
    assert said.code in {1, 2}
    assert len(said.lines) == 1
    assert "SECRET_KEY" in said.lines[0]


def test_a_pause_stops_and_a_resume_goes_on(mirrored):
    """While paused nothing is sent; after `resume` what came meanwhile gets its document."""
    assert mirrored("connections", "pause", mirrored.connection).code == 0
    mirrored.book()
    mirrored("drain", "--yes")
    assert (mirrored.documents, ours(mirrored)["paused"]) == ([], True)
    assert mirrored("connections", "resume", mirrored.connection).code == 0
    assert (mirrored("drain", "--yes").code, mirrored.documents) == (0, [("invoice", A)])


def test_an_inactive_connection_tells_nothing(mirrored):
    """With `update --no-active` the connection's bookings wait."""
    assert mirrored("connections", "update", mirrored.connection, "--no-active", "--yes").code == 0
    mirrored.book()
    mirrored("drain", "--yes")
    assert mirrored.documents == []
    [waits] = mirrored("bookings", "list", "--json").json
    assert (waits["decision"], waits["rule"]) == ("wait", "connection-inactive")
