"""The item map of prices, and the lease and due time of a price sync."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import worker.store.types

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
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


def downgrade() -> None:
    op.drop_table("price_sync")
    op.drop_table("price_item")
