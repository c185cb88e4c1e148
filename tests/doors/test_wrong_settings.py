"""A wrong or missing setting is one line that names the variable, and exit code 2 (behaviour 3)."""

import pytest

from config.settings import Settings
from tests.doors.person import KEY

WRONG = {
    "DATABASE_URL": "mysql://localhost/shop",
    "REDIS_URL": "amqp://localhost",
    "SPACE_INVOICES_URL": "ftp://localhost",
    "BOKUN_URL": "localhost:9001",
    "SECRET_KEY": "not a key",
    "START_FROM": "someday",
    "ON_CHANGE": "shout",
    "ON_CANCEL": "shout",
    "POLL_EVERY": "0",
    "DELIVER_EVERY": "-1",
    "RECONCILE_EVERY": "often",
    "REFRESH_EVERY": "nan",
    "RESCAN_EVERY": "0",
    "POLL_OVERLAP": "-1",
    "CALL_TIMEOUT": "0",
    "SEND_GUARD": "0",
    "LEASE": "inf",
    "ABSENCE_LOOKS": "0",
    "ABSENCE_AFTER": "soon",
    "BOKUN_CALLS_PER_MINUTE": "0",
    "SPACE_INVOICES_CALLS_PER_SECOND": "many",
    "MAX_ATTEMPTS": "0",
    "BRAKE_PER_HOUR": "0",
    "BRAKE_AMOUNT": "-1",
    "BRAKE_AGE_DAYS": "old",
    "PRICES_SYNC_EVERY": "0",
    "PRICES_CURRENCIES": "euro",
    "LOG_FORMAT": "xml",
    "LOG_LEVEL": "loud",
    "PORT": "70000",
    "FLOWER_PORT": "http",
    "IN_FLIGHT": "0",
    "KEEP_CONTENT_DAYS": "0",
    "AUDIT_EVERY": "-1",
    "AUDIT_DAYS": "0",
    "DIGEST_EVERY": "daily",
    "ALERT_URL": "alerts.example",
    "SMTP_URL": "mail.example",
    "WEB_URL": "sync.example",
    "WORKER_NAME": "two words",
    "TRACES_URL": "collector:4318",
}
FREE = {
    "SPACE_INVOICES_TOKEN", "SPACE_INVOICES_ORGANIZATIONS", "BOKUN_ACCESS_KEY", "BOKUN_SECRET_KEY", "BOKUN_APP_SECRET",
    "WEBHOOK_TOKEN", "BANK_PAYMENT_TYPES", "HOST", "FLOWER_ADDRESS", "FLOWER_BASIC_AUTH", "PAGE_PASSWORD",
    "METRICS_TOKEN", "TRUSTED_PROXIES", "ALERT_EMAIL",
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_one_line(terminal, name):
    """Each setting that can be wrong is named in one line, without its value."""
    terminal.set(**{name: WRONG[name]})
    said = terminal("status")
    assert (said.code, said.out, len(said.lines)) == (2, "", 1)
    assert said.err.startswith(f"{name}: ")
    assert KEY not in said.err


def test_every_setting_is_either_checked_or_free():
    """A new setting joins one of the two lists above."""
    assert {name.upper() for name in Settings.model_fields} == set(WRONG) | FREE


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({"LEASE": "40"}, "LEASE must exceed SEND_GUARD + CALL_TIMEOUT"),
        ({"ABSENCE_AFTER": "150"}, "ABSENCE_AFTER must exceed LEASE + CALL_TIMEOUT"),
    ],
)
def test_times_that_break_the_rules_are_one_line(terminal, said, line):
    """Times that would let a booking be sent twice are refused."""
    terminal.set(**said)
    answer = terminal("status")
    assert (answer.code, answer.lines) == (2, [line])


def test_several_wrong_settings_are_a_line_each(terminal):
    """All wrong settings are named at once."""
    terminal.set(PORT="http", LEASE="long")
    assert [line.split(":")[0] for line in terminal("status").lines] == ["LEASE", "PORT"]


def test_a_secret_that_is_wrong_is_not_shown(terminal):
    """The value of a wrong secret does not appear."""
    terminal.set(SECRET_KEY="hunter2hunter2", DATABASE_URL="postgresql://me:hunter2@db:port/shop")
    said = terminal("status")
    assert (said.code, "hunter2" in said.err, len(said.lines)) == (2, False, 2)


def test_the_file_env_is_read(terminal, tmp_path):
    """A wrong setting in .env is named just so."""
    (tmp_path / ".env").write_text("PORT=http\n")
    assert terminal("status").lines[0].startswith("PORT: ")


def test_a_secret_comes_by_file(mirrored, tmp_path):
    """`SECRET_KEY_FILE` is read like `SECRET_KEY`, though the latter stands empty beside it."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    mirrored.terminal.set(SECRET_KEY="", SECRET_KEY_FILE=str(tmp_path / "key"))
    said = mirrored("connections", "link", mirrored.connection, "--access-key", "a", stdin="s\n")
    assert said.code == 0


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({"PORT_FILE": "not-there"}, "PORT_FILE: cannot be read (FileNotFoundError)"),
        ({"PORT": "1", "PORT_FILE": "port"}, "PORT: set it or PORT_FILE, not both"),
        ({"PORT_FILE": "port"}, "PORT: Input should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_a_wrong_file_is_one_line(terminal, tmp_path, said, line):
    """A file that is not there, a setting said twice and a wrong content are named without the content."""
    (tmp_path / "port").write_text("http\n")
    terminal.set(**{name: str(tmp_path / value) if name.endswith("_FILE") else value for name, value in said.items()})
    answer = terminal("status")
    assert (answer.code, answer.lines) == (2, [line])


@pytest.mark.parametrize("missing", ["SPACE_INVOICES_TOKEN", "SPACE_INVOICES_ORGANIZATIONS"])
@pytest.mark.parametrize(
    "words", ["connections list", "connections refresh", "drain --yes", "enqueue poll --now", "up"]
)
def test_a_missing_setting_is_named(unmigrated, missing, words):
    """What a command cannot do without is named before anything else is tried."""
    unmigrated.terminal.set(**{missing: ""})
    said = unmigrated(*words.split())
    assert (said.code, said.out) == (2, "")
    assert said.lines == [f"{missing} is not set; see README.md, Settings, or .env.example"]


def test_no_secret_key_no_stored_keys(mirrored):
    """A connection's own keys are not stored where nothing can encrypt them."""
    mirrored.terminal.set(SECRET_KEY="")
    said = mirrored("connections", "link", mirrored.connection, "--access-key", "a", stdin="s\n")
    assert (said.code, said.lines[0].split()[0]) == (2, "SECRET_KEY")


def test_a_task_needs_a_broker(shop):
    """Without REDIS_URL nothing can be put on a broker, and the line says what to do instead."""
    said = shop("enqueue", "poll")
    assert (said.code, said.lines) == (
        2,
        ["REDIS_URL is not set: say --now to do it here, or point REDIS_URL at the broker."],
    )


@pytest.mark.parametrize("words", ["status", "web", "flower", "up", "migrate", "doctor", "demo"])
def test_no_process_answers_with_a_traceback(terminal, words):
    """As a process of its own, too, a command with a wrong setting is one line and exit code 2."""
    terminal.set(LEASE="long")
    said = terminal.process(words)
    assert (said.code, said.out, said.err) == (
        2,
        "",
        "LEASE: Input should be a valid number, unable to parse string as a number\n",
    )
