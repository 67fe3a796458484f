"""When tenants last answered: how old what is shown may be."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "answered",
        sa.Column("list", sa.String(255), primary_key=True),
        sa.Column("tenant", sa.String(255), primary_key=True),
        sa.Column("names", sa.DateTime),
        sa.Column("presence", sa.DateTime),
    )
