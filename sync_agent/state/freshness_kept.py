"""How fresh what a list shows was when `run` last looked: the latest alone, for reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from sync_agent.freshness import Freshness
from sync_agent.state.tables import freshness


@dataclass(frozen=True, slots=True)
class FreshnessRecord:
    at: datetime
    found: Freshness


def keep(connection: Connection, list_title: str, record: FreshnessRecord) -> None:
    connection.execute(delete(freshness).where(freshness.c.list == list_title))
    values = asdict(record.found)
    values["right_rows"] = values.pop("right")  # a word of SQL
    connection.execute(insert(freshness).values(list=list_title, at=record.at, **values))


def latest(connection: Connection, list_title: str) -> FreshnessRecord | None:
    kept = connection.execute(select(freshness).where(freshness.c.list == list_title)).one_or_none()
    if kept is None:
        return None
    found = Freshness(kept.rows, kept.right_rows, kept.never_read, kept.p50, kept.p95, kept.longest)
    return FreshnessRecord(kept.at, found)
