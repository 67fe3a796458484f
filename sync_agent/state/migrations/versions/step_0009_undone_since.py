"""From when on an undo took back what was written, where it was not about one run."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("runs", sa.Column("undoes_since", sa.DateTime))
