"""What is forgotten: people's names and addresses are not kept for longer than somebody may ask about them."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select

from sync_agent.state import writes
from sync_agent.state.tables import anomalies, answered, approvals, journal, owed, passes, quarantines, verdicts

EVERY_PASS = timedelta(days=7)
"""Of older days the last pass is kept: what the trend shows."""


def is_due(before: datetime | None, now: datetime, keep: timedelta) -> bool:
    """At the first pass of a day. Not after a gap as long as all that is kept: that may be a clock set to a wrong year,
    and what is over can be forgotten tomorrow. ``before``: the end of the last pass.
    """
    return before is None or (before.date() != now.date() and now - before < keep)


def prune(connection: Connection, now: datetime, keep: timedelta) -> None:
    """Forget, of all lists, what was over ``keep`` ago, and all of a list that has had no pass since.

    What still stands is kept, however old, and so is each list's last pass that no fuse held: it is what the next one
    is compared with.
    """
    before = now - keep
    abandoned = select(passes.c.list).group_by(passes.c.list).having(func.max(passes.c.started) < before)
    titles = connection.execute(abandoned).scalars().all()
    for table in (anomalies, verdicts, quarantines, answered, approvals, passes):
        connection.execute(delete(table).where(table.c.list.in_(titles)))
    connection.execute(delete(anomalies).where(anomalies.c.resolved < before))
    # Before its id is given to another.
    connection.execute(delete(owed).where(owed.c.anomaly.not_in(select(anomalies.c.id))))
    connection.execute(delete(verdicts).where(verdicts.c.until < before))
    connection.execute(delete(journal).where(journal.c.at < before))
    writes.forget(connection, before)
    _thin_out(connection, now, before)


def _thin_out(connection: Connection, now: datetime, before: datetime) -> None:
    believed = select(func.max(passes.c.id)).where(passes.c.held.is_(None))
    last, last_of_day = believed.group_by(passes.c.list), believed.group_by(passes.c.list, func.date(passes.c.started))
    connection.execute(delete(passes).where(passes.c.started < before, passes.c.id.not_in(last)))
    connection.execute(delete(passes).where(passes.c.started < now - EVERY_PASS, passes.c.id.not_in(last_of_day)))
