"""What was spent of limits of 24 hours, for services that start again."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "day_spending",
        sa.Column("budget", sa.String(255), primary_key=True),
        sa.Column("missing", sa.Float, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
