"""Who of this database writes to a list and when, up to when its times are accepted, and what a stranger wrote."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, insert, select

from sync_agent.state.database import reading, writing
from sync_agent.state.opening import Opening
from sync_agent.state.tables import accepted_times, list_writers, strange_looks
from sync_agent.two_writers import Known, Look, Span


class ListWriters:
    """Of one list, named by its site and title; ``Store.list_writers`` makes it. Blocking; raises StateUnavailable."""

    def __init__(self, opening: Opening, name: str) -> None:
        self._opening = opening
        self._name = name

    @property
    def _engine(self) -> Engine:
        return self._opening.engine()

    def known(self) -> Known:
        with reading(self._engine) as connection:
            return Known(self._accepted(connection), self._spans(connection), self._looks(connection))

    def cover(self, writer: str, span: Span) -> None:
        """Before it writes: within which times it has written or is about to."""
        mine = (list_writers.c.name == self._name) & (list_writers.c.writer == writer)
        with writing(self._engine, takes_turns=False) as connection:
            connection.execute(delete(list_writers).where(mine))
            values = {"writer": writer, "since": span.since, "until": span.until}
            connection.execute(insert(list_writers).values(name=self._name, **values))

    def note(self, accepted: datetime, looks: Sequence[Look]) -> None:
        """After a look. Writers whose times are all accepted are forgotten."""
        with writing(self._engine) as connection:
            for table in (accepted_times, strange_looks):
                connection.execute(delete(table).where(table.c.name == self._name))
            connection.execute(insert(accepted_times).values(name=self._name, until=accepted))
            for look in looks:
                values = {"seen": look.seen, "rows": look.rows, "latest": look.latest}
                connection.execute(insert(strange_looks).values(name=self._name, **values))
            over = (list_writers.c.name == self._name) & (list_writers.c.until < accepted)
            connection.execute(delete(list_writers).where(over))

    def _accepted(self, connection: Connection) -> datetime | None:
        query = select(accepted_times.c.until).where(accepted_times.c.name == self._name)
        accepted: datetime | None = connection.execute(query).scalar()
        return accepted

    def _spans(self, connection: Connection) -> dict[str, Span]:
        query = select(*list_writers.c["writer", "since", "until"]).where(list_writers.c.name == self._name)
        return {writer: Span(since, until) for writer, since, until in connection.execute(query)}

    def _looks(self, connection: Connection) -> tuple[Look, ...]:
        query = select(*strange_looks.c["seen", "rows", "latest"]).where(strange_looks.c.name == self._name)
        return tuple(Look(*found) for found in connection.execute(query.order_by(strange_looks.c.id)))
