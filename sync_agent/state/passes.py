"""The passes as they were. One that a fuse held is kept, but is nothing that a later one may start from."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, insert, select

from sync_agent.model import Status
from sync_agent.outcome import Outcome
from sync_agent.state.records import PassRecord
from sync_agent.state.tables import passes


def add_pass(connection: Connection, outcome: Outcome) -> None:
    connection.execute(insert(passes).values(_values(outcome)))


def last_believed(connection: Connection, list_title: str | None = None) -> PassRecord | None:
    """The last pass that no fuse held, of the list or of any."""
    query = select(passes).where(passes.c.held.is_(None)).order_by(passes.c.id.desc()).limit(1)
    if list_title is not None:
        query = query.where(passes.c.list == list_title)
    found = connection.execute(query).mappings().first()
    return None if found is None else _record(found)


def last_finished(connection: Connection, list_title: str) -> datetime | None:
    """When the list's last pass that no fuse held came to its end."""
    last = last_believed(connection, list_title)
    return None if last is None else last.started + timedelta(seconds=last.seconds)


def last_held(connection: Connection) -> str | None:
    """The fuse that held the last pass, if one did."""
    held: str | None = connection.execute(select(passes.c.held).order_by(passes.c.id.desc()).limit(1)).scalar()
    return held


def days(connection: Connection, list_title: str, since: datetime) -> list[PassRecord]:
    """The last pass of each day (UTC) since then that no fuse held, oldest first."""
    last_of_day = select(func.max(passes.c.id)).where(believed(list_title)).group_by(func.date(passes.c.started))
    query = select(passes).where(passes.c.list == list_title, passes.c.started >= since, passes.c.id.in_(last_of_day))
    return [_record(found) for found in connection.execute(query.order_by(passes.c.id)).mappings()]


def around(connection: Connection, list_title: str, at: datetime) -> tuple[PassRecord | None, PassRecord | None]:
    """The last pass that had begun then, and the first that began later."""
    query = select(passes).where(believed(list_title)).limit(1)
    before = query.where(passes.c.started <= at).order_by(passes.c.started.desc(), passes.c.id.desc())
    after = query.where(passes.c.started > at).order_by(passes.c.started, passes.c.id)
    found = [connection.execute(each).mappings().first() for each in (before, after)]
    records = [None if each is None else _record(each) for each in found]
    return records[0], records[1]


def first_begun(connection: Connection, list_title: str) -> datetime | None:
    query = select(passes.c.started).where(believed(list_title)).order_by(passes.c.started).limit(1)
    begun: datetime | None = connection.execute(query).scalar()
    return begun


def believed(list_title: str) -> ColumnElement[bool]:
    return and_(passes.c.list == list_title, passes.c.held.is_(None))


def _values(outcome: Outcome) -> dict[str, Any]:
    status = outcome.status
    return {
        "list": outcome.list_title,
        "started": outcome.started,
        "seconds": outcome.seconds,
        "rows": len(outcome.verdicts),
        "ok": status[Status.OK],
        "warning": status[Status.WARNING],
        "error": status[Status.ERROR],
        "unknown": status[Status.UNKNOWN],
        "written": outcome.writes.done,
        "held": None if outcome.held is None else outcome.held.fuse,
    }


def _record(found: RowMapping) -> PassRecord:
    return PassRecord(
        list_title=found["list"],
        started=found["started"],
        seconds=found["seconds"],
        rows=found["rows"],
        status={
            Status.OK: found["ok"],
            Status.WARNING: found["warning"],
            Status.ERROR: found["error"],
            Status.UNKNOWN: found["unknown"],
        },
        written=found["written"],
    )
