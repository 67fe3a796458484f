"""The journal of what was written into columns of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, insert, select

from sync_agent.state.records import JournalEntry, storable
from sync_agent.state.tables import journal


def add_entries(connection: Connection, list_title: str, entries: Sequence[JournalEntry]) -> None:
    if entries:
        connection.execute(insert(journal), [{"list": list_title, **_values(entry)} for entry in entries])


def read_entries(connection: Connection, list_title: str, row_id: int | None) -> list[JournalEntry]:
    """Of one row or of all, oldest first."""
    query = select(*journal.c[*JournalEntry.__slots__]).where(journal.c.list == list_title)
    if row_id is not None:
        query = query.where(journal.c.row_id == row_id)
    return [JournalEntry(*found) for found in connection.execute(query.order_by(journal.c.id))]


def entries_of_run(connection: Connection, run: int) -> list[JournalEntry]:
    """Oldest first."""
    query = select(*journal.c[*JournalEntry.__slots__]).where(journal.c.run == run)
    return [JournalEntry(*found) for found in connection.execute(query.order_by(journal.c.id))]


def _values(entry: JournalEntry) -> dict[str, object]:
    return {name: storable(value) if isinstance(value, str) else value for name, value in asdict(entry).items()}
