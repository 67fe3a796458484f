"""What those missed whom a digest did not reach while it reached others."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "owed",
        sa.Column("list", sa.String(255), primary_key=True),
        sa.Column("target", sa.String(255), primary_key=True),
        sa.Column("anomaly", sa.Integer, primary_key=True),
        sa.Column("over", sa.Boolean, nullable=False),
    )
