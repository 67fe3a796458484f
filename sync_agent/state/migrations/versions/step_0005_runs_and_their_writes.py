"""Who wrote what into the columns of ours, run by run."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("list", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("began", sa.DateTime, nullable=False),
        sa.Column("undoes", sa.Integer),
        sqlite_autoincrement=True,
    )
    op.create_index("runs_of_list", "runs", ["list"])
    op.create_table(
        "writes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("row_id", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("upn", sa.Text),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("made", sa.DateTime),
    )
    op.create_index("writes_of_run", "writes", ["run", "row_id"])
    op.create_index("writes_of_row", "writes", ["row_id"])
    unknown = sa.text("made IS NULL")
    op.create_index("writes_unknown", "writes", ["id"], sqlite_where=unknown, postgresql_where=unknown)
    op.add_column("journal", sa.Column("run", sa.Integer))
