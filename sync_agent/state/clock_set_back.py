"""Putting right what was noted while this machine's clock was ahead: else it would hold only once that time comes."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update

from sync_agent.state.passes import believed
from sync_agent.state.tables import anomalies, passes, verdicts

TOLERATED = timedelta(hours=1)
"""The clocks of two services may differ by so much; less puts nothing right."""


def was_set_back(before: datetime | None, now: datetime) -> bool:
    """``before``: the end of the last pass."""
    return before is not None and before - now > TOLERATED


def put_right(connection: Connection, list_title: str, now: datetime) -> None:
    """Whatever is said to have happened after ``now`` happened until now. Passes of then are forgotten, but for the
    last that no fuse held: by it the next one tells whether rows are missing.
    """
    for table, names in ((verdicts, ("since", "until")), (anomalies, ("opened", "seen", "resolved"))):
        for name in names:
            ahead = (table.c.list == list_title) & (table.c[name] > now)
            connection.execute(update(table).where(ahead).values({name: now}))
    last = connection.execute(select(func.max(passes.c.id)).where(believed(list_title))).scalar()
    ahead = (passes.c.list == list_title) & (passes.c.started > now)
    connection.execute(update(passes).where(ahead, passes.c.id == last).values(started=now, seconds=0.0))
    connection.execute(delete(passes).where(ahead))
