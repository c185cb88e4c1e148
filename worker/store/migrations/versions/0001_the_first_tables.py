"""The first tables."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import worker.store.types

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "accepted_difference",
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "alert",
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("news", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("since", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("last", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("told_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("over_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("over_told_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("lease_until", worker.store.types.Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("begun_at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("ended_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token", name="ux_attempt_token"),
    )
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.create_index("ix_attempt_delivery", ["delivery_id"], unique=False)

    op.create_table(
        "audit_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("since", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("until", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("sales", sa.Integer(), nullable=False),
        sa.Column("differences", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "bokun_import",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("connection_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("type", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("options", sa.Text(), nullable=True),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("asked_at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("called_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("lease_until", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("token", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("ended_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("bokun_import", schema=None) as batch_op:
        batch_op.create_index(
            "ux_import_open",
            ["connection_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('planned', 'sending', 'unknown', 'held')"),
            postgresql_where=sa.text("state IN ('planned', 'sending', 'unknown', 'held')"),
        )

    op.create_table(
        "booking",
        sa.Column("connection_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "booking_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("organization", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("confirmation_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("read_at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("status", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("revision", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("decision", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("document", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("moment", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("rule", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("decided_at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("wakes_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("backfill", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("mail", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("connection_id", "booking_id"),
    )
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.create_index("ix_booking_code", ["confirmation_code"], unique=False)
        batch_op.create_index("ix_booking_decision", ["decision"], unique=False)
        batch_op.create_index("ix_booking_sale", ["organization", "booking_id"], unique=False)
        batch_op.create_index(
            "ix_booking_wakes",
            ["wakes_at"],
            unique=False,
            postgresql_where=sa.text("wakes_at IS NOT NULL"),
            sqlite_where=sa.text("wakes_at IS NOT NULL"),
        )

    op.create_table(
        "calltally",
        sa.Column("remote", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("call", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("within", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("calls", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("remote", "call", "outcome", "within"),
    )
    op.create_table(
        "connection",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("organization", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("refreshed_at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("gone_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("access_key", sa.Text(), nullable=True),
        sa.Column("secret_key", sa.Text(), nullable=True),
        sa.Column("watermark", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("polled_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("poll_since", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("poll_until", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("poll_role", sa.Integer(), nullable=False),
        sa.Column("poll_page", sa.Integer(), nullable=False),
        sa.Column("poll_seen", sa.Integer(), nullable=False),
        sa.Column("poll_lease_until", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("paused_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("blocked_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("blocked_by", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("blocked_because", sa.Text(), nullable=True),
        sa.Column("on_change", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("on_cancel", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("brake_per_hour", sa.Integer(), nullable=True),
        sa.Column("brake_amount", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("brake_age_days", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("connection", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_connection_organization"), ["organization"], unique=False)

    op.create_table(
        "decision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("connection_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("booking_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("decided_at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("decision", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("document", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("moment", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("rule", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("revision", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.create_index("ix_decision_booking", ["booking_id", "connection_id"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("organization", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("booking_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("connection_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("moment", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("document", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("change", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("expects_invoice", sa.Boolean(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("rule", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("revision", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("amount", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("planned_at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("due_at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("risks", sa.Integer(), nullable=False),
        sa.Column("token", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("called_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("lease_until", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("look_at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("looked_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("empty_looks", sa.Integer(), nullable=False),
        sa.Column("order_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("document_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("ended_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("backfill", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("mail", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(
            "ix_delivery_due",
            ["connection_id", "due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'planned'"),
            postgresql_where=sa.text("state = 'planned'"),
        )
        batch_op.create_index(
            "ix_delivery_lease",
            ["lease_until"],
            unique=False,
            sqlite_where=sa.text("state = 'sending'"),
            postgresql_where=sa.text("state = 'sending'"),
        )
        batch_op.create_index(
            "ix_delivery_look",
            ["look_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('planned', 'accepted', 'unknown')"),
            postgresql_where=sa.text("state IN ('planned', 'accepted', 'unknown')"),
        )
        batch_op.create_index("ix_delivery_state", ["state"], unique=False)
        batch_op.create_index(
            "ux_delivery_in_flight",
            ["organization", "booking_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('sending', 'unknown')"),
            postgresql_where=sa.text("state IN ('sending', 'unknown')"),
        )
        batch_op.create_index(
            "ux_delivery_invoice",
            ["organization", "booking_id"],
            unique=True,
            sqlite_where=sa.text("expects_invoice AND state <> 'superseded'"),
            postgresql_where=sa.text("expects_invoice AND state <> 'superseded'"),
        )
        batch_op.create_index(
            "ux_delivery_key",
            ["organization", "booking_id", "moment", "document", "change"],
            unique=True,
            sqlite_where=sa.text("state <> 'superseded'"),
            postgresql_where=sa.text("state <> 'superseded'"),
        )

    op.create_table(
        "hearing",
        sa.Column("connection_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "booking_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("heard_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("vendor", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("looks", sa.Integer(), nullable=True),
        sa.Column("look_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("found_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("found_since", worker.store.types.Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("connection_id", "booking_id"),
    )
    with op.batch_alter_table("hearing", schema=None) as batch_op:
        batch_op.create_index(
            "ix_hearing_look",
            ["look_at"],
            unique=False,
            sqlite_where=sa.text("look_at IS NOT NULL"),
            postgresql_where=sa.text("look_at IS NOT NULL"),
        )

    op.create_table(
        "heartbeat",
        sa.Column("bell", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("rung_at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("done_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("bell"),
    )
    op.create_table(
        "look",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("saw", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("look", schema=None) as batch_op:
        batch_op.create_index("ix_look_delivery", ["delivery_id"], unique=False)

    op.create_table(
        "notice",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("connection_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("booking_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("noticed_at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("due_at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("connection_id", "booking_id", name="ux_notice_booking"),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_due_at"), ["due_at"], unique=False)

    op.create_table(
        "price_item",
        sa.Column("organization", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("item_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("organization", "key"),
    )
    op.create_table(
        "price_sync",
        sa.Column("connection_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("due_at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("token", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("lease_until", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("synced_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("connection_id"),
    )
    op.create_table(
        "run",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("task", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("connection_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("booking_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("import_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("asked_at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("started_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("ended_at", worker.store.types.Utc(timezone=True), nullable=True),
        sa.Column("result", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "sighting",
        sa.Column("connection_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "booking_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("fingerprint", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "booking_id"),
    )
    op.create_table(
        "silence",
        sa.Column("connection_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("since", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("unannounced", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("connection_id"),
    )
    op.create_table(
        "stop",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("since", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "verdict",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("import_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", worker.store.types.Utc(timezone=True), nullable=False),
        sa.Column("event", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("verdict", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_verdict_delivery_id"), ["delivery_id"], unique=False)



def downgrade() -> None:
    with op.batch_alter_table("verdict", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_verdict_delivery_id"))

    op.drop_table("verdict")
    op.drop_table("stop")
    op.drop_table("silence")
    op.drop_table("sighting")
    op.drop_table("run")
    op.drop_table("price_sync")
    op.drop_table("price_item")
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_notice_due_at"))

    op.drop_table("notice")
    with op.batch_alter_table("look", schema=None) as batch_op:
        batch_op.drop_index("ix_look_delivery")

    op.drop_table("look")
    op.drop_table("heartbeat")
    with op.batch_alter_table("hearing", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_hearing_look",
            sqlite_where=sa.text("look_at IS NOT NULL"),
            postgresql_where=sa.text("look_at IS NOT NULL"),
        )

    op.drop_table("hearing")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_delivery_key",
            sqlite_where=sa.text("state <> 'superseded'"),
            postgresql_where=sa.text("state <> 'superseded'"),
        )
        batch_op.drop_index(
            "ux_delivery_invoice",
            sqlite_where=sa.text("expects_invoice AND state <> 'superseded'"),
            postgresql_where=sa.text("expects_invoice AND state <> 'superseded'"),
        )
        batch_op.drop_index(
            "ux_delivery_in_flight",
            sqlite_where=sa.text("state IN ('sending', 'unknown')"),
            postgresql_where=sa.text("state IN ('sending', 'unknown')"),
        )
        batch_op.drop_index("ix_delivery_state")
        batch_op.drop_index(
            "ix_delivery_look",
            sqlite_where=sa.text("state IN ('planned', 'accepted', 'unknown')"),
            postgresql_where=sa.text("state IN ('planned', 'accepted', 'unknown')"),
        )
        batch_op.drop_index(
            "ix_delivery_lease",
            sqlite_where=sa.text("state = 'sending'"),
            postgresql_where=sa.text("state = 'sending'"),
        )
        batch_op.drop_index(
            "ix_delivery_due", sqlite_where=sa.text("state = 'planned'"), postgresql_where=sa.text("state = 'planned'")
        )

    op.drop_table("delivery")
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.drop_index("ix_decision_booking")

    op.drop_table("decision")
    with op.batch_alter_table("connection", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_connection_organization"))

    op.drop_table("connection")
    op.drop_table("calltally")
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_booking_wakes",
            postgresql_where=sa.text("wakes_at IS NOT NULL"),
            sqlite_where=sa.text("wakes_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_booking_sale")
        batch_op.drop_index("ix_booking_decision")
        batch_op.drop_index("ix_booking_code")

    op.drop_table("booking")
    with op.batch_alter_table("bokun_import", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_import_open",
            sqlite_where=sa.text("state IN ('planned', 'sending', 'unknown', 'held')"),
            postgresql_where=sa.text("state IN ('planned', 'sending', 'unknown', 'held')"),
        )

    op.drop_table("bokun_import")
    op.drop_table("audit_run")
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_attempt_delivery")

    op.drop_table("attempt")
    op.drop_table("alert")
    op.drop_table("accepted_difference")
