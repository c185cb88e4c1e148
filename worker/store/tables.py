"""All tables, and the unique indexes that forbid a second invoice. Readable in one sitting on purpose.

The three indexes on `delivery` are the promise of this program; the code only asks politely:

* ux_delivery_key: one delivery per organization, booking, moment, document (and revision, for a change)
* ux_delivery_invoice: one delivery that expects an invoice per organization and booking
* ux_delivery_in_flight: one of them on the wire, or unanswered, per organization and booking

None of them contains the connection: two connections of one organization must not both invoice a sale.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from worker.store.types import Utc

_BIG = BigInteger().with_variant(Integer, "sqlite")
metadata = MetaData()


class Table(SQLModel):
    """Our own metadata, so that nothing else that uses SQLModel mixes with it."""

    metadata = metadata


def _time(*, nullable: bool = False, index: bool = False) -> Column[datetime]:
    return Column(Utc(), nullable=nullable, index=index)


def _text(*, nullable: bool = False) -> Column[str]:
    return Column(Text, nullable=nullable)


def _row_id() -> Column[int]:
    return Column(_BIG, primary_key=True, autoincrement=True)


class Connection(Table, table=True):
    """A Bokun object of Space Invoices as last mirrored, and what only we know about it."""

    id: str = Field(primary_key=True)
    organization: str = Field(index=True)
    name: str
    record: str = Field(sa_column=_text())
    """The whole record as Space Invoices shows it, JSON."""
    flags: str = Field(sa_column=_text())
    """The flags alone, JSON: what a decision is made with."""
    refreshed_at: datetime = Field(sa_column=_time())
    gone_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    access_key: str | None = Field(default=None, sa_column=_text(nullable=True))
    """Encrypted with SECRET_KEY, like secret_key; None: the account of BOKUN_ACCESS_KEY."""
    secret_key: str | None = Field(default=None, sa_column=_text(nullable=True))
    watermark: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    polled_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    poll_since: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    poll_until: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """The window of a poll that is under way: it goes on at this page, whoever does it, until the watermark moves."""
    poll_role: int = 0
    poll_page: int = 0
    poll_seen: int = 0
    poll_lease_until: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    paused_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    blocked_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    blocked_by: str | None = None
    """The remote that refuses the credentials: `bokun` or `space-invoices`."""
    blocked_because: str | None = Field(default=None, sa_column=_text(nullable=True))
    on_change: str | None = None
    on_cancel: str | None = None
    brake_per_hour: int | None = None
    brake_amount: str | None = None
    """Decimal text, like every amount here: SQLite would keep a number as a float."""
    brake_age_days: int | None = None


class Sighting(Table, table=True):
    """What the search showed last of a booking: unchanged items cost one comparison."""

    connection_id: str = Field(primary_key=True)
    booking_id: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    fingerprint: str
    """What is kept of its item (worker.domain.sighting)."""


class Notice(Table, table=True):
    """The inbox: a booking that may have changed and has not been read again since."""

    __table_args__ = (UniqueConstraint("connection_id", "booking_id", name="ux_notice_booking"),)

    id: int | None = Field(default=None, sa_column=_row_id())
    connection_id: str
    booking_id: int = Field(sa_column=Column(_BIG, nullable=False))
    source: str
    """poll, webhook, clock, flags, person, absence."""
    noticed_at: datetime = Field(sa_column=_time())
    due_at: datetime = Field(sa_column=_time(index=True))
    tries: int = 0
    version: int = 1
    """Raised by every further notice: one that comes while the booking is being read is not lost."""
    reason: str | None = Field(default=None, sa_column=_text(nullable=True))


class Booking(Table, table=True):
    """A booking as last read for a connection, and the decision made then."""

    __table_args__ = (
        Index("ix_booking_sale", "organization", "booking_id"),
        Index("ix_booking_wakes", "wakes_at", postgresql_where=text("wakes_at IS NOT NULL"),
              sqlite_where=text("wakes_at IS NOT NULL")),
        Index("ix_booking_code", "confirmation_code"),
        Index("ix_booking_decision", "decision"),
    )  # fmt: skip

    connection_id: str = Field(primary_key=True)
    booking_id: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    organization: str
    confirmation_code: str
    read_at: datetime = Field(sa_column=_time())
    status: str
    revision: str
    facts: str = Field(sa_column=_text())
    """The facts of the decision, JSON (worker.store.facts)."""
    content: str | None = Field(default=None, sa_column=_text(nullable=True))
    """Bokun's own JSON without what no document needs: the body of the order carries it."""
    flags: str = Field(sa_column=_text())
    decision: str
    document: str | None = None
    moment: str | None = None
    rule: str
    because: str = Field(sa_column=_text())
    decided_at: datetime = Field(sa_column=_time())
    wakes_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    backfill: str | None = None
    """The plan file that took this booking up: START_FROM does not skip it any more."""
    mail: bool | None = None
    """False: its first document is sent with the mail flags off."""


class Decision(Table, table=True):
    """Every decision that differed from the one before it, with what it was made from; append only."""

    __table_args__ = (Index("ix_decision_booking", "booking_id", "connection_id"),)

    id: int | None = Field(default=None, sa_column=_row_id())
    connection_id: str
    booking_id: int = Field(sa_column=Column(_BIG, nullable=False))
    decided_at: datetime = Field(sa_column=_time())
    decision: str
    document: str | None = None
    moment: str | None = None
    rule: str
    because: str = Field(sa_column=_text())
    flags: str = Field(sa_column=_text())
    facts: str = Field(sa_column=_text())
    told: str = Field(sa_column=_text())
    policy: str = Field(sa_column=_text())
    revision: str


_LIVE = "state <> 'superseded'"


def _forbids(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, unique=True, sqlite_where=text(where), postgresql_where=text(where))


def _finds(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


ROOM_TO_CHANGE = {"postgresql_with": {"fillfactor": 50}}
"""PostgreSQL fills half of a page and leaves the other half to new versions of its rows: one that is written there costs
no index anything where no column of an index changes, as in a look, or when an attempt is closed (ADR 16)."""


class Delivery(Table, table=True):
    """The outbox: the intention to tell Space Invoices of one moment of a booking by one POST."""

    __table_args__ = (
        _forbids("ux_delivery_key", "organization", "booking_id", "moment", "document", "change", where=_LIVE),
        _forbids("ux_delivery_invoice", "organization", "booking_id", where=f"expects_invoice AND {_LIVE}"),
        _forbids("ux_delivery_in_flight", "organization", "booking_id", where="state IN ('sending', 'unknown')"),
        _finds("ix_delivery_due", "connection_id", "due_at", where="state = 'planned'"),
        _finds("ix_delivery_unproven", "called_at", where="state IN ('accepted', 'unknown')"),
        _finds("ix_delivery_lease", "lease_until", where="state = 'sending'"),
        Index("ix_delivery_state", "state"),
        ROOM_TO_CHANGE,
    )

    id: int | None = Field(default=None, sa_column=_row_id())
    organization: str
    booking_id: int = Field(sa_column=Column(_BIG, nullable=False))
    connection_id: str
    moment: str
    document: str
    change: str = ""
    """The revision of a `changed`; empty for every other moment."""
    expects_invoice: bool
    key: str
    """Our mark in the order's body: the same for every attempt."""
    rule: str
    revision: str
    mark: str = Field(sa_column=_text())
    """custom.bokunSync of the order's body, JSON: what is told, frozen when it was decided."""
    amount: str
    currency: str
    state: str
    reason: str | None = Field(default=None, sa_column=_text(nullable=True))
    planned_at: datetime = Field(sa_column=_time())
    due_at: datetime = Field(sa_column=_time())
    attempts: int = 0
    failures: int = 0
    """Attempts that were certainly without effect and count towards MAX_ATTEMPTS."""
    taken: int = 0
    """Attempts that may have taken effect and are not proven absent."""
    risks: int = 0
    """Attempts that ever went unanswered."""
    token: str | None = None
    """Who holds the claim: a worker whose token was replaced changes nothing any more."""
    called_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    lease_until: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    look_at: datetime = Field(sa_column=_time())
    looked_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When a look before sending last found nothing there."""
    looks: int = 0
    empty_looks: int = 0
    order_id: str | None = None
    document_id: str | None = None
    ended_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    released: bool = False
    """A person took it upon themselves to send it again."""
    backfill: str | None = None
    """The plan file that called for it: it gives way to what is live. None: live."""
    mail: bool | None = None
    """False: the order is sent with the mail flags off."""


class Attempt(Table, table=True):
    """The ledger: one row a try, written before the call and closed after it; append only."""

    __table_args__ = (
        UniqueConstraint("token", name="ux_attempt_token"),
        Index("ix_attempt_delivery", "delivery_id"),
        ROOM_TO_CHANGE,
    )

    id: int | None = Field(default=None, sa_column=_row_id())
    delivery_id: int = Field(sa_column=Column(_BIG, nullable=False))
    token: str
    begun_at: datetime = Field(sa_column=_time())
    ended_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    outcome: str | None = None
    status: int | None = None
    reason: str | None = Field(default=None, sa_column=_text(nullable=True))


class Look(Table, table=True):
    """What the remote's orders said about a delivery, each time we looked and it mattered; append only."""

    __table_args__ = (Index("ix_look_delivery", "delivery_id"),)

    id: int | None = Field(default=None, sa_column=_row_id())
    delivery_id: int = Field(sa_column=Column(_BIG, nullable=False))
    at: datetime = Field(sa_column=_time())
    saw: str
    """found, mismatched, pending, absent."""
    reason: str | None = Field(default=None, sa_column=_text(nullable=True))


class Verdict(Table, table=True):
    """What a person did to a delivery or an import, and why; append only."""

    id: int | None = Field(default=None, sa_column=_row_id())
    delivery_id: int | None = Field(default=None, sa_column=Column(_BIG, nullable=True, index=True))
    import_id: int | None = Field(default=None, sa_column=Column(_BIG, nullable=True))
    at: datetime = Field(sa_column=_time())
    event: str
    because: str = Field(sa_column=_text())


class Import(Table, table=True):
    """One POST /import that a person asked for; it is never repeated without one."""

    __tablename__ = "bokun_import"
    __table_args__ = (
        _forbids("ux_import_open", "connection_id", where="state IN ('planned', 'sending', 'unknown', 'held')"),
    )

    id: int | None = Field(default=None, sa_column=_row_id())
    connection_id: str
    type: str
    options: str | None = Field(default=None, sa_column=_text(nullable=True))
    state: str
    reason: str | None = Field(default=None, sa_column=_text(nullable=True))
    asked_at: datetime = Field(sa_column=_time())
    called_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    lease_until: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    token: str | None = None
    ended_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class Run(Table, table=True):
    """A task that a person put on the broker: its id is the task's id, its row what `--wait` follows."""

    id: str = Field(primary_key=True)
    task: str
    connection_id: str | None = None
    booking_id: int | None = Field(default=None, sa_column=Column(_BIG, nullable=True))
    import_id: int | None = Field(default=None, sa_column=Column(_BIG, nullable=True))
    asked_at: datetime = Field(sa_column=_time())
    started_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    ended_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    result: str | None = None
    """done or failed."""
    summary: str | None = Field(default=None, sa_column=_text(nullable=True))


class Heartbeat(Table, table=True):
    """When each bell last rang and last came to its end: progress, not processes, says whether we are alive."""

    bell: str = Field(primary_key=True)
    rung_at: datetime = Field(sa_column=_time())
    done_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class Hearing(Table, table=True):
    """What webhooks announced of a booking and what polls found of it: where the two differ, webhooks are lost."""

    __table_args__ = (_finds("ix_hearing_look", "look_at", where="look_at IS NOT NULL"),)

    connection_id: str = Field(primary_key=True)
    booking_id: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    heard_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When a webhook last announced a change."""
    vendor: str | None = None
    """The signed vendor of that webhook, if it had one."""
    looks: int | None = None
    """How often the booking was read since without showing a change; None: none is waited for."""
    look_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When it is looked at again, because it showed no change yet."""
    found_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When a poll last found a change."""
    found_since: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """Since when that poll asked: a webhook heard after it announced what was found."""


class Silence(Table, table=True):
    """A connection whose webhooks look broken: polls find changes that nothing announced."""

    connection_id: str = Field(primary_key=True)
    since: datetime = Field(sa_column=_time())
    unannounced: int


class CallTally(Table, table=True):
    """How many calls ended so within so many seconds, counted by all processes together."""

    remote: str = Field(primary_key=True)
    call: str = Field(primary_key=True)
    outcome: str = Field(primary_key=True)
    within: str = Field(primary_key=True)
    """The upper bound of the histogram's bucket, as Prometheus writes it."""
    calls: int = Field(sa_column=Column(_BIG, nullable=False))
    seconds: float


class PriceItem(Table, table=True):
    """Which item of Space Invoices a price of Bokun's stands for, as a person said."""

    organization: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    """Product, rate and pricing category: the natural key of a price."""
    item_id: str

    __tablename__ = "price_item"


class PriceSync(Table, table=True):
    """When the prices of a connection are due, and who is at it now: two syncs at once would create twice."""

    connection_id: str = Field(primary_key=True)
    due_at: datetime = Field(sa_column=_time())
    failures: int = 0
    token: str | None = None
    lease_until: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    synced_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    reason: str | None = Field(default=None, sa_column=_text(nullable=True))
    """Why the last sync failed."""

    __tablename__ = "price_sync"


class Stop(Table, table=True):
    """The one row that holds all sends, while it is there."""

    id: int = Field(primary_key=True)
    since: datetime = Field(sa_column=_time())
    because: str = Field(sa_column=_text())


class AuditRun(Table, table=True):
    """What the last audits found; the newest says when the next is due."""

    id: int | None = Field(default=None, sa_column=_row_id())
    at: datetime = Field(sa_column=_time())
    since: datetime = Field(sa_column=_time())
    until: datetime = Field(sa_column=_time())
    sales: int
    differences: int
    failed: int
    report: str = Field(sa_column=_text())
    """The whole report, JSON."""

    __tablename__ = "audit_run"


class Accepted(Table, table=True):
    """A difference that a person looked at and lets stand, and why; it is named again once anything about it changes."""

    key: str = Field(primary_key=True)
    at: datetime = Field(sa_column=_time())
    because: str = Field(sa_column=_text())

    __tablename__ = "accepted_difference"


class Alert(Table, table=True):
    """Something that a person should hear of once when it begins and once when it is over."""

    key: str = Field(primary_key=True)
    said: str = Field(sa_column=_text())
    """A sentence without personal data."""
    news: str = ""
    """What makes it news again while it lasts: another value is told once more."""
    since: datetime = Field(sa_column=_time())
    last: datetime = Field(sa_column=_time())
    count: int = 1
    told_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    over_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    over_told_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    lease_until: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """Somebody is telling it."""
