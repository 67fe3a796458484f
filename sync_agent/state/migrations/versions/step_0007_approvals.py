"""Beside which UPN cell an approval was first seen."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "approvals",
        sa.Column("list", sa.String(255), primary_key=True),
        sa.Column("row_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("approved", sa.String(64), nullable=False),
        sa.Column("upn", sa.String(64), nullable=False),
        sa.Column("void", sa.Boolean, nullable=False),
    )
