"""Exit codes: 0 done, 1 refused or failed, 2 wrong use or settings, 3 done but something needs a person."""

import pytest

from tests.doors.person import A, B


def test_done_is_0(shop):
    """A drain that leaves nothing for a person ends with 0, and the document is there."""
    shop.book()
    assert (shop("drain", "--yes").code, shop.documents) == (0, [("invoice", A)])


def test_something_for_a_person_is_3(shop):
    """A drain that leaves a question ends with 3 and names the commands that show it."""
    shop.book(status="ON_HOLD")
    said = shop("drain", "--yes")
    assert (said.code, shop.documents) == (3, [])
    [line] = said.lines
    assert line.startswith("0 deliveries are held and 1 bookings ask for a person: ")
    assert line.endswith("see `deliveries list --state held` and `bookings list --state ask`.")


@pytest.mark.parametrize(
    "words",
    [
        "nonsense",
        "explain",
        "status --loud",
        "bookings list --state nonsense",
        "deliveries list --state nonsense",
        "deliveries release 1 --yes",
        "deliveries settle one --because x --yes",
        "connections list --where [1",
        "connections list --where []",
        "connections create --yes",
        "connections update c1",
        "connections update c1 --on-change shout --yes",
        "connections update c1 --brake-amount lots --yes",
        "connections update c1 --custom 7 --yes",
        "enqueue booking c1 one --now",
        "enqueue import c1 --yes",
        "drain --yes --seconds soon",
        "demo --bookings 3",
        "prices sync --apply --since yesterday",
        "sandbox --bokun-port http",
    ],
)
def test_wrong_use_is_2(shop, words):
    """Words that mean nothing, miss something or are out of range end with 2 and without a traceback."""
    said = shop(*words.split())
    assert said.code == 2
    assert "Traceback" not in said.err
    assert shop.posts == []


ASKING = [
    "enqueue import {connection} --type orders --now",
    "connections create --name Second",
    "connections update {connection} --no-active",
    "connections delete {connection}",
    "deliveries release 1 --because x",
    "deliveries settle 1 --because x",
]


@pytest.mark.parametrize("words", ASKING)
def test_a_question_without_a_terminal_needs_yes(mirrored, words):
    """Whatever causes an effect says what it would do, and without a terminal does nothing unless --yes is said."""
    said = mirrored(*words.format(connection=mirrored.connection).split())
    assert (said.code, mirrored.posts) == (2, [])
    assert said.lines[-1].endswith("? Say --yes to do it without being asked.")


def test_what_the_service_does_all_day_needs_no_yes(mirrored):
    """A drain without a terminal, as in a line of cron, goes ahead."""
    mirrored.book()
    assert (mirrored("drain").code, mirrored.documents) == (0, [("invoice", A)])


def test_unknown_things_are_1(mirrored):
    """What does not exist is one line and 1."""
    for words in (
        "explain NOPE-1",
        "connections show nope",
        "connections pause nope",
        "connections resume nope",
        "connections settle-import 7 --because x",
        "deliveries release 7 --because x --yes",
        "deliveries settle 7 --because x --yes",
        "enqueue booking nope 7 --now",
        "enqueue poll nope --now",
        "enqueue import nope --type orders --yes --now",
    ):
        said = mirrored(*words.split())
        assert (words, said.code, said.lines[1:], said.out) == (words, 1, said.lines[1:2], "")


def test_a_database_that_is_not_migrated_is_one_line(unmigrated):
    """Without `migrate` every command says so in one line and changes nothing."""
    unmigrated.book()
    for words in ("status", "drain --yes", "bookings list", "explain X", "connections refresh", "enqueue poll --now"):
        said = unmigrated(*words.split())
        assert (said.code, said.out) == (1, "")
        assert said.lines == ["The database is not at the newest version: run `bokun-sync migrate`."]
    assert unmigrated("migrate").out.startswith("The database went from None to ")
    assert (unmigrated("drain", "--yes").code, unmigrated.documents) == (0, [("invoice", A)])


def test_migrating_again_is_harmless(shop):
    """A second `migrate` changes nothing and ends with 0."""
    said = shop("migrate")
    assert (said.code, said.out.startswith("The database is at version ")) == (0, True)


def test_a_database_that_is_away_is_one_line(shop):
    """A PostgreSQL that does not answer is one line and 1."""
    shop.terminal.set(DATABASE_URL="postgresql://postgres@127.0.0.1:1/shop")
    for words in (["status"], ["migrate"], ["drain", "--yes"]):
        said = shop(*words)
        assert (said.code, said.out) == (1, "")
        assert said.lines == ["The database cannot be used now (OperationalError). Nothing was lost; see DATABASE_URL."]


def test_a_file_that_is_no_database_is_one_line(shop):
    """A DATABASE_URL that names something else is one line and 1."""
    shop.file.write_text("This is a letter to my grandmother, and no database at all. " * 20)
    said = shop("status")
    assert (said.code, len(said.lines), said.out) == (1, 1, "")


def test_a_refused_token_is_one_line_and_nothing_is_lost(shop):
    """A token that Space Invoices refuses ends in 1; with the right one the booking gets its document."""
    shop.book()
    shop.terminal.set(SPACE_INVOICES_TOKEN="wrong")
    for words in (["connections", "refresh"], ["connections", "list"], ["drain", "--yes"]):
        said = shop(*words)
        assert (said.code, len(said.lines), shop.posts) == (1, 1, [])
        assert "Space Invoices" in said.lines[0]
    shop.terminal.set(SPACE_INVOICES_TOKEN=shop.neighbours.token)
    assert (shop("drain", "--yes").code, shop.documents) == (0, [("invoice", A)])


def test_refused_bokun_keys_block_the_connection_until_they_work(shop):
    """Keys that Bokun refuses block the connection in one line; with the right ones it goes on by itself."""
    shop.book()
    shop.terminal.set(BOKUN_SECRET_KEY="wrong")
    said = shop("drain", "--yes")
    assert (said.code, len(said.lines), shop.documents) == (1, 1, [])
    [connection] = shop("status", "--json").json["connections"]
    assert (connection["blocked"], "Bokun" in connection["blocked_because"]) == (True, True)
    shop.terminal.set(BOKUN_SECRET_KEY=shop.neighbours.secret_key)
    assert shop("drain", "--yes").code == 0
    shop("drain", "--yes")
    assert shop.documents == [("invoice", A)]


def test_remotes_that_are_away_are_one_line_and_nothing_is_lost(shop):
    """While nobody answers nothing is lost; when they are back the booking gets its document."""
    shop.book(B)
    shop.terminal.set(SPACE_INVOICES_URL="http://127.0.0.1:1/v1")
    said = shop("drain", "--yes")
    assert (said.code, len(said.lines), shop.documents) == (1, 1, [])
    shop.terminal.set(SPACE_INVOICES_URL=shop.neighbours.space_invoices_url)
    assert (shop("drain", "--yes").code, shop.documents) == (0, [("invoice", B)])


@pytest.mark.parametrize("words", ["drain", "enqueue deliver --now"])
def test_routine_work_needs_no_yes_in_a_cron_line(mirrored, words):
    """What the service does by itself all day goes ahead without a terminal to ask at."""
    assert mirrored(*words.split()).code == 0
