"""How fresh what the list shows was, when `run` last looked."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "freshness",
        sa.Column("list", sa.String(255), primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("right_rows", sa.Integer, nullable=False),
        sa.Column("never_read", sa.Integer, nullable=False),
        sa.Column("p50", sa.Float),
        sa.Column("p95", sa.Float),
        sa.Column("longest", sa.Float),
    )
