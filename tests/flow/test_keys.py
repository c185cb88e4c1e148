"""SECRET_KEY rotates: whatever dies in the middle, every stored key can be opened, and in the end with the new one alone."""

from dataclasses import replace

import pytest
from cryptography.fernet import Fernet

from tests.builders import add_connection
from tests.flow.test_crashes import Killed, Life, MortalDatabase
from worker.flow.keys import link, rotate
from worker.store import tables
from worker.store.secrets import NoSecretKey, Vault

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))
MANY = 3
STEPS = 2 * MANY + 1
"""A read, then a transaction each, before and after its commit."""


@pytest.fixture
def keyed(house):
    """Three connections with keys of their own, stored with the old key, and one without."""
    for number in range(MANY):
        add_connection(house.services.database, f"c{number}")
    add_connection(house.services.database, "bare")
    link(
        house.services, Vault([OLD]), {f"c{number}": (f"access-{number}", f"secret-{number}") for number in range(MANY)}
    )
    return house


def opened(house, *keys):
    """What these keys read of each connection's own."""
    vault = Vault(keys)
    rows = house.rows(tables.Connection, "id", "access_key", "secret_key")
    return {id_: (vault.open(access), vault.open(secret)) for id_, access, secret in rows if access}


EXPECTED = {f"c{number}": (f"access-{number}", f"secret-{number}") for number in range(MANY)}


def test_the_new_key_alone_opens_everything(keyed):
    """After one rotation the old key is needed for nothing, and a second one changes nothing."""
    first = rotate(keyed.services, Vault([NEW, OLD]))
    assert (first.renewed, first.current, opened(keyed, NEW)) == (MANY, 0, EXPECTED)
    again = rotate(keyed.services, Vault([NEW, OLD]))
    assert (again.renewed, again.current, opened(keyed, NEW)) == (0, MANY, EXPECTED)
    with pytest.raises(NoSecretKey):
        opened(keyed, OLD)


@pytest.mark.parametrize("step", range(STEPS))
def test_a_death_at_any_step(keyed, step):
    """Killed before or after any commit, both keys together still open everything, and the next rotation ends it."""
    mortal = replace(keyed.services, database=MortalDatabase(keyed.services.database, Life(step)))
    with pytest.raises(Killed):
        rotate(mortal, Vault([NEW, OLD]))
    assert opened(keyed, NEW, OLD) == EXPECTED
    rotate(keyed.services, Vault([NEW, OLD]))
    assert opened(keyed, NEW) == EXPECTED


def test_what_somebody_links_meanwhile_stays(keyed):
    """Keys linked between the reading and the writing of a rotation are not overwritten by the older ones."""

    class Meddled(MortalDatabase):
        def run(self, step, *, durable=True):
            link(keyed.services, Vault([NEW]), {"c0": ("fresh-access", "fresh-secret")})
            return super().run(step, durable=durable)

    rotate(replace(keyed.services, database=Meddled(keyed.services.database, Life(99))), Vault([NEW, OLD]))
    assert opened(keyed, NEW)["c0"] == ("fresh-access", "fresh-secret")


def test_a_lost_key_is_named_and_the_rest_is_rotated(keyed):
    """Keys that nothing can open stay as they are and are named; all others are encrypted anew."""
    link(keyed.services, Vault([LOST]), {"c1": ("access-1", "secret-1")})
    done = rotate(keyed.services, Vault([NEW, OLD]))
    assert (done.renewed, done.unreadable) == (MANY - 1, ["c1"])
    assert opened(keyed, NEW, LOST) == EXPECTED
