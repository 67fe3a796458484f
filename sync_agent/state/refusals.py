"""Rows that the last pass could not write: locked, checked out, denied, or the service failed."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select

from sync_agent.state.records import storable
from sync_agent.state.tables import unwritten


def standing(connection: Connection, list_title: str) -> dict[int, str]:
    """By row id, why."""
    query = select(*unwritten.c["row_id", "reason"]).where(unwritten.c.list == list_title).order_by(unwritten.c.row_id)
    return {found.row_id: found.reason for found in connection.execute(query)}


def keep(connection: Connection, list_title: str, reasons: Mapping[int, str]) -> None:
    now = {row_id: storable(reason) for row_id, reason in reasons.items()}
    if now == standing(connection, list_title):
        return
    connection.execute(delete(unwritten).where(unwritten.c.list == list_title))
    if now:
        values = [{"list": list_title, "row_id": row_id, "reason": reason} for row_id, reason in now.items()]
        connection.execute(insert(unwritten), values)
