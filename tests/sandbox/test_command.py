"""The command that plays both remotes."""

import json
import signal
import subprocess
import sys

import httpx


def test_the_command_plays_until_it_is_stopped():
    """The command prints one line of JSON, answers at the printed addresses and ends with 0 when it is terminated."""
    command = [sys.executable, "-m", "worker.sandbox", "--scenario", "demo", "--bookings", "20", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        described = json.loads(process.stdout.readline())
        state = httpx.get(f"{described['bokun_url']}/_sandbox/expectations", trust_env=False)
        process.send_signal(signal.SIGTERM)
        assert (process.wait(timeout=10), len(state.json())) == (0, 20)
    assert set(described["connections"][0]) == {"id", "name", "organization", "access_key", "secret_key"}


def test_a_taken_port_is_one_clear_line(sandbox):
    """A port that is taken ends the command with 1 and one sentence."""
    port = sandbox.bokun_url.rpartition(":")[2]
    command = [sys.executable, "-m", "worker.sandbox", "--bokun-port", port]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
