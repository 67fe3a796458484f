"""Which anomalies people have acknowledged: as they stood then, and for no other life of theirs."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, insert, select

from sync_agent.state.tables import acknowledgements, anomalies


def is_acknowledged() -> ColumnElement[bool]:
    """Of an anomaly in a query: while it says what it said when it was acknowledged."""
    return exists().where(
        and_(
            acknowledgements.c.anomaly == anomalies.c.id,
            acknowledgements.c.message == anomalies.c.message,
            acknowledgements.c.upn.is_not_distinct_from(anomalies.c.upn),
        )
    )


def acknowledge(connection: Connection, list_title: str, keys: Collection[tuple[int, str]]) -> None:
    """These of the list's standing anomalies are acknowledged as they are now, and no others. Writes what differs."""
    open_ = and_(anomalies.c.list == list_title, anomalies.c.resolved.is_(None))
    query = select(anomalies.c.id, anomalies.c.row_id, anomalies.c.code, anomalies.c.message, anomalies.c.upn)
    found = connection.execute(query.add_columns(is_acknowledged().label("acknowledged")).where(open_)).all()
    changed = [each for each in found if each.acknowledged != ((each.row_id, each.code) in keys)]
    if not changed:
        return
    connection.execute(delete(acknowledgements).where(acknowledgements.c.anomaly.in_([each.id for each in changed])))
    new = [{"anomaly": each.id, "message": each.message, "upn": each.upn} for each in changed if not each.acknowledged]
    if new:
        connection.execute(insert(acknowledgements), new)
