"""When a lease was last renewed, so that whoever was killed is not said to be writing."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("leases", sa.Column("at", sa.DateTime))
