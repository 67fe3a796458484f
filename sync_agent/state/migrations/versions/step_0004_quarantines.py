"""Tenants that suddenly did not know most of the list's users."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "quarantines",
        sa.Column("list", sa.String(255), primary_key=True),
        sa.Column("tenant", sa.String(255), primary_key=True),
        sa.Column("known", sa.Integer, nullable=False),
        sa.Column("gone", sa.Integer, nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("released", sa.DateTime),
    )
