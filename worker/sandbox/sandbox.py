"""The sandbox: both remotes on real ports, and the hands to play with them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Self

from starlette.applications import Starlette

from worker.sandbox import changes
from worker.sandbox.bokun import Bokun
from worker.sandbox.control import Control
from worker.sandbox.exact import Json, copy
from worker.sandbox.faults import Switchboard
from worker.sandbox.reading import status
from worker.sandbox.server import Servers
from worker.sandbox.spaceinvoices import SpaceInvoices
from worker.sandbox.webhooks import Webhooks
from worker.sandbox.wire import Playground
from worker.sandbox.world import Account, Knobs, World


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """Plays Bokun and Space Invoices across HTTP until it is stopped; `knobs` say how slow and strict they are."""

    def __init__(
        self,
        clock: Callable[[], datetime] = _utc_now,
        *,
        bokun_port: int = 0,
        space_invoices_port: int = 0,
        host: str = "127.0.0.1",
        **knobs: Any,
    ) -> None:
        self.world = World(clock, Knobs(**knobs))
        self.webhooks = Webhooks(clock)
        self.access_key, self.secret_key = "sandbox-access", "sandbox-secret"
        self.world.add_account(self.access_key, self.secret_key)
        self._host = host
        self._ports = (bokun_port, space_invoices_port)
        self._servers: Servers | None = None

    def start(self) -> Self:
        """Opens both ports."""
        control = Control(self).routes()
        routes = {"bokun": Bokun(self.world).routes(), "space-invoices": SpaceInvoices(self.world).routes()}
        apps = [Playground(Starlette(routes=[*own, *control]), self.world, remote) for remote, own in routes.items()]
        self._servers = Servers(self._host, list(zip(self._ports, apps, strict=True)))
        self._servers.start()
        return self

    def stop(self) -> None:
        """Closes both ports; what the remotes hold stays readable."""
        self.webhooks.stop()
        if self._servers is not None:
            self._servers.stop()

    def __enter__(self) -> Self:
        """Starts."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stops."""
        self.stop()

    @property
    def bokun_url(self) -> str:
        """Bokun's base address."""
        return f"http://{self._host}:{self._port(0)}"

    @property
    def space_invoices_url(self) -> str:
        """Space Invoices' base address with its version."""
        return f"http://{self._host}:{self._port(1)}/v1"

    def _port(self, place: int) -> int:
        if self._servers is None:
            raise RuntimeError("the sandbox is not started")
        return self._servers.ports[place]

    @property
    def token(self) -> str:
        """The bare token that Space Invoices takes."""
        return self.world.token

    @property
    def organization(self) -> str:
        """The first organization."""
        return self.world.organizations[0]

    @property
    def organizations(self) -> list[str]:
        """All organizations."""
        return list(self.world.organizations)

    @property
    def knobs(self) -> Knobs:
        """How slow, strict and forgetful the remotes are; may be turned while they run."""
        return self.world.knobs

    @property
    def faults(self) -> Switchboard:
        """The switchboard."""
        return self.world.faults

    def add_organization(self, organization: str) -> str:
        """Opens another organization."""
        with self.world.lock:
            self.world.organizations.append(organization)
        return organization

    def add_account(self, access_key: str, secret_key: str) -> Account:
        """Opens another Bokun account."""
        return self.world.add_account(access_key, secret_key)

    def connect(
        self, name: str = "Store", organization: str | None = None, *, account: str | None = None, **fields: object
    ) -> Json:
        """Creates a connection in Space Invoices; `account` is the access key of the Bokun account it stands for."""
        with self.world.lock:
            record = {"name": name, **fields, "organizationId": organization or self.organization}
            connection = self.world.connections.create({"active": True, **_MAIL, **record})
            self.world.accounts_of[connection["id"]] = account or self.access_key
            return copy(connection)

    def flags(self, connection_id: str, **fields: object) -> Json:
        """Changes a connection on the remote's side, as a person in its pages does."""
        with self.world.lock:
            return copy(self.world.connections.patch(connection_id, fields))

    def book(self, booking: Json, account: str | None = None, modified: datetime | None = None) -> int:
        """Adds or replaces a booking in Bokun and tells the webhooks' target of it."""
        owner = account or self.access_key
        new = self.world.store(owner, booking, modified)
        topic = "bookings/create" if new else "bookings/update"
        topic = "bookings/cancel" if status(booking) == "cancelled" else topic
        self.webhooks.announce(topic, booking, self.world.accounts[owner])
        return int(booking["bookingId"])

    def booking(self, booking_id: int, account: str | None = None) -> Json:
        """Gives a booking as Bokun holds it."""
        with self.world.lock:
            return copy(self.world.bookings[self._owner(booking_id, account), booking_id].detail)

    def change(self, booking_id: int, account: str | None = None, **wish: object) -> Json:
        """Changes a booking: `cancel=`, `status=`, `pay=`, `reprice=`, `complete=`, `fields=` (changes.change)."""
        owner = self._owner(booking_id, account)
        booking = self.booking(booking_id, owner)
        changes.change(booking, self.world.clock(), wish)
        self.book(booking, owner)
        return booking

    def _owner(self, booking_id: int, account: str | None) -> str:
        """Gives the account that is named, else the one that holds the booking."""
        with self.world.lock:
            return account or next(
                (key for key, number in self.world.bookings if number == booking_id), self.access_key
            )

    @property
    def orders(self) -> list[Json]:
        """The orders that Space Invoices holds, whether it shows them yet or not."""
        return self._copies(self.world.orders.rows.values())

    @property
    def documents(self) -> list[Json]:
        """The documents that Space Invoices has issued; here `orderId` and `bookingId` say for what."""
        return self._copies(self.world.documents.rows.values())

    @property
    def connections(self) -> list[Json]:
        """The connections that are not deleted, with the Bokun keys of each."""
        with self.world.lock:
            return [self._described(row) for row in self.world.connections.rows.values() if not row["_isDeleted"]]

    @property
    def imports(self) -> list[Json]:
        """The import calls that Space Invoices has taken."""
        return self._copies(self.world.imports)

    @property
    def requests(self) -> list[Json]:
        """Every call that either remote has seen."""
        with self.world.lock:
            return list(self.world.requests)

    @property
    def expectations(self) -> list[Json]:
        """What the scenario expects for each booking and connection."""
        return self._copies(self.world.expectations)

    def describe(self) -> Json:
        """Gives addresses, token, organizations, connections and keys, as the command prints them."""
        return {
            "bokun_url": self.bokun_url,
            "space_invoices_url": self.space_invoices_url,
            "token": self.token,
            "organizations": self.organizations,
            "connections": [
                {name: row[name] for name in ("id", "name", "organization", "access_key", "secret_key")}
                for row in self.connections
            ],
            "access_key": self.access_key,
            "secret_key": self.secret_key,
        }

    def _described(self, row: Json) -> Json:
        account = self.world.accounts[self.world.accounts_of.get(row["id"], self.access_key)]
        keys = {"access_key": account.access_key, "secret_key": account.secret_key}
        return {**copy(row), "organization": row["organizationId"], **keys}

    def _copies(self, rows: Any) -> list[Json]:
        with self.world.lock:
            return [copy(row) for row in rows]


_MAIL = {"sendInvoiceAutomatically": True, "sendEstimateAutomatically": True}
