"""Who of a database writes to a list and when, so that another database's writer can be told from them."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "list_writers",
        sa.Column("name", sa.String(700), primary_key=True),
        sa.Column("writer", sa.String(32), primary_key=True),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("until", sa.DateTime, nullable=False),
    )
    op.create_table(
        "accepted_times",
        sa.Column("name", sa.String(700), primary_key=True),
        sa.Column("until", sa.DateTime, nullable=False),
    )
    op.create_table(
        "strange_looks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(700), nullable=False),
        sa.Column("seen", sa.DateTime, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("latest", sa.DateTime, nullable=False),
    )
