"""What a look changes of a delivery stands in no index, and PostgreSQL leaves room for it beside the row (ADR 16)."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

UNPROVEN = sa.text("state IN ('accepted', 'unknown')")
LOOKED_FOR = sa.text("state IN ('planned', 'accepted', 'unknown')")


def upgrade() -> None:
    op.create_index("ix_delivery_unproven", "delivery", ["called_at"], sqlite_where=UNPROVEN, postgresql_where=UNPROVEN)
    op.drop_index("ix_delivery_look", "delivery")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE delivery SET (fillfactor = 50)")
        op.execute("ALTER TABLE attempt SET (fillfactor = 50)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE attempt RESET (fillfactor)")
        op.execute("ALTER TABLE delivery RESET (fillfactor)")
    op.create_index("ix_delivery_look", "delivery", ["look_at"], sqlite_where=LOOKED_FOR, postgresql_where=LOOKED_FOR)
    op.drop_index("ix_delivery_unproven", "delivery")
