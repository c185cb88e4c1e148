"""What webhooks announced, connections that fell silent, and the sums of calls."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import worker.store.types

revision = "0002"
down_revision = "0001"

_WORD = sqlmodel.sql.sqltypes.AutoString()
_TIME = worker.store.types.Utc(timezone=True)
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LOOK = "look_at IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "hearing",
        sa.Column("connection_id", _WORD, nullable=False),
        sa.Column("booking_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("heard_at", _TIME, nullable=True),
        sa.Column("vendor", _WORD, nullable=True),
        sa.Column("looks", sa.Integer(), nullable=True),
        sa.Column("look_at", _TIME, nullable=True),
        sa.Column("found_at", _TIME, nullable=True),
        sa.Column("found_since", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("connection_id", "booking_id"),
    )
    op.create_index(
        "ix_hearing_look", "hearing", ["look_at"], sqlite_where=sa.text(_LOOK), postgresql_where=sa.text(_LOOK)
    )
    op.create_table(
        "silence",
        sa.Column("connection_id", _WORD, nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("unannounced", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("connection_id"),
    )
    op.create_table(
        "calltally",
        sa.Column("remote", _WORD, nullable=False),
        sa.Column("call", _WORD, nullable=False),
        sa.Column("outcome", _WORD, nullable=False),
        sa.Column("within", _WORD, nullable=False),
        sa.Column("calls", _BIG, nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("remote", "call", "outcome", "within"),
    )


def downgrade() -> None:
    op.drop_table("calltally")
    op.drop_table("silence")
    op.drop_index("ix_hearing_look", "hearing", sqlite_where=sa.text(_LOOK), postgresql_where=sa.text(_LOOK))
    op.drop_table("hearing")
