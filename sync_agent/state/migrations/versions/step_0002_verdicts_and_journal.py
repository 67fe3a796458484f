"""The history of verdicts, the journal, and all that is known of an anomaly's life in one line."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("anomalies") as anomalies:
        anomalies.add_column(sa.Column("team", sa.Text, nullable=False, server_default=""))
        anomalies.add_column(sa.Column("acknowledged", sa.Boolean, nullable=False, server_default=sa.false()))
        anomalies.add_column(sa.Column("told", sa.Boolean, nullable=False, server_default=sa.false()))
        anomalies.alter_column("seen", existing_type=sa.DateTime, existing_nullable=False, nullable=True)
        anomalies.create_index("anomalies_of_row", ["list", "row_id", "code"])
    _take_over_acknowledgements()
    op.create_table(
        "verdicts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("list", sa.String(255), nullable=False),
        sa.Column("row_id", sa.Integer, nullable=False),
        sa.Column("upn", sa.Text),
        sa.Column("upn_key", sa.String(255), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("user_upn", sa.Text, nullable=False),
        sa.Column("anomalies", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("until", sa.DateTime),
    )
    standing = sa.text("until IS NULL")
    op.create_index(
        "verdicts_standing",
        "verdicts",
        ["list", "row_id"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )
    op.create_index("verdicts_open", "verdicts", ["list", "until"])
    op.create_index("verdicts_of_row", "verdicts", ["list", "row_id"])
    op.create_index("verdicts_of_upn", "verdicts", ["list", "upn_key"])
    op.create_table(
        "journal",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("list", sa.String(255), nullable=False),
        sa.Column("row_id", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("column", sa.String(255), nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_index("journal_of_row", "journal", ["list", "row_id"])


def _take_over_acknowledgements() -> None:
    """Those that are for what the anomaly says now; the others were void already."""
    anomalies = sa.table("anomalies", *map(sa.column, ("id", "message", "upn", "acknowledged")))
    given = sa.table("acknowledgements", *map(sa.column, ("anomaly", "message", "upn")))
    as_it_stands = sa.exists().where(
        given.c.anomaly == anomalies.c.id,
        given.c.message == anomalies.c.message,
        given.c.upn.is_not_distinct_from(anomalies.c.upn),
    )
    op.execute(anomalies.update().where(as_it_stands).values(acknowledged=sa.true()))
    op.drop_table("acknowledgements")
