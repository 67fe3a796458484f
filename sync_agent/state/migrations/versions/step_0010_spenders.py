"""Which running services spend from which of Microsoft's limits."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "spenders",
        sa.Column("budget", sa.String(255), primary_key=True),
        sa.Column("spender", sa.String(64), primary_key=True),
        sa.Column("beat", sa.BigInteger, nullable=False),
    )
