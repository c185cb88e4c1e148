"""Bokun keys of connections at rest: stored, and encrypted anew when SECRET_KEY rotates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from worker.flow.services import Services
from worker.store import connections
from worker.store.secrets import NoSecretKey, Vault


@dataclass
class Rotated:
    """How many connections' keys were encrypted anew, how many were already, and whose cannot be opened."""

    renewed: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)


def link(services: Services, vault: Vault, pairs: Mapping[str, tuple[str, str]]) -> list[str]:
    """Stores access and secret key per connection; returns the connections that were never mirrored."""
    unknown = []
    for connection, (access, secret) in pairs.items():
        values: dict[str, Any] = {
            "access_key": vault.close(access),
            "secret_key": vault.close(secret),
            "watermark": None,
        }
        if not services.database.run(partial(connections.change, connection_id=connection, **values)):
            unknown.append(connection)
    return unknown


def rotate(services: Services, vault: Vault) -> Rotated:
    """Encrypts every stored key with the first SECRET_KEY; to be said again after a death in the middle.

    Each connection is one conditional update of both its keys: keys that somebody links meanwhile stay.
    """
    done = Rotated()
    with services.database.reading() as open_:
        keyed = [(each.id, each.access_key, each.secret_key) for each in connections.load(open_)]
    for id_, access, secret in keyed:
        if access is None or secret is None:
            continue
        if vault.is_current(access) and vault.is_current(secret):
            done.current += 1
            continue
        try:
            new = vault.renew(access), vault.renew(secret)
        except NoSecretKey:
            done.unreadable.append(id_)
            continue
        step = partial(connections.replace_keys, connection_id=id_, old=(access, secret), new=new)
        done.renewed += services.database.run(step)
    return done
