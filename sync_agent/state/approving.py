"""Beside which UPN cells approvals were first seen, as it is kept between processes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, insert, select

from sync_agent.fixes import Sighting
from sync_agent.state.tables import approvals


def kept(connection: Connection, list_title: str) -> dict[int, Sighting]:
    """By row id."""
    query = select(*approvals.c["row_id", "approved", "upn", "void"]).where(approvals.c.list == list_title)
    return {row_id: Sighting(*rest) for row_id, *rest in connection.execute(query)}


def note(connection: Connection, list_title: str, news: Mapping[int, Sighting | None]) -> None:
    """``news`` by row id; None: there is no approval any more."""
    for row_id, seen in news.items():
        _forget(connection, list_title, row_id)
        if seen is not None:
            values = {"approved": seen.approved, "upn": seen.upn, "void": seen.void}
            connection.execute(insert(approvals).values(list=list_title, row_id=row_id, **values))


def forget_gone(connection: Connection, list_title: str, rows: Collection[int]) -> None:
    """Of rows that are in the list no more; an id is never given to another row."""
    found = connection.execute(select(approvals.c.row_id).where(approvals.c.list == list_title)).scalars().all()
    for row_id in found:
        if row_id not in rows:
            _forget(connection, list_title, row_id)


def _forget(connection: Connection, list_title: str, row_id: int) -> None:
    connection.execute(delete(approvals).where(approvals.c.list == list_title, approvals.c.row_id == row_id))
