"""When the credentials of accounts end, and of what people have been told."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "credential_ends",
        sa.Column("list", sa.String(255), primary_key=True),
        sa.Column("account", sa.String(255), primary_key=True),
        sa.Column("setting", sa.String(64), primary_key=True),
        sa.Column("ends", sa.DateTime, nullable=False),
        sa.Column("known_from", sa.String(64), nullable=False),
    )
    op.create_table(
        "credential_warnings",
        sa.Column("list", sa.String(255), primary_key=True),
        sa.Column("name", sa.String(400), primary_key=True),
    )
