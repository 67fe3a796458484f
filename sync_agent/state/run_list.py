"""The runs of a list, each with what it wrote and what has been undone of it; and all that was written since a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, distinct, func, select

from sync_agent.state.records import WRITTEN, JournalEntry, RunKind, RunRecord, RunSummary, WriteRecord
from sync_agent.state.tables import journal, runs, writes
from sync_agent.state.writes import lines_of, records, run_of

_WRITTEN_AT = func.coalesce(writes.c.made, writes.c.at)
_ENTRY = tuple(journal.c[*JournalEntry.__slots__])


def written_since(
    connection: Connection, list_title: str, moment: datetime
) -> tuple[list[WriteRecord], list[JournalEntry]]:
    """Oldest first, by whichever run; a write of which it is not known whether it was made counts from when it was to
    be.
    """
    lines = records(connection, lines_of(list_title).where(moment <= _WRITTEN_AT))
    query = select(*_ENTRY).where(journal.c.list == list_title, journal.c.at >= moment).order_by(journal.c.id)
    return lines, [JournalEntry(*found) for found in connection.execute(query)]


def last_runs(connection: Connection, list_title: str, most: int) -> list[RunSummary]:
    """Newest first."""
    query = select(runs).where(runs.c.list == list_title).order_by(runs.c.id.desc()).limit(most)
    found = [run_of(one) for one in connection.execute(query).mappings()]
    numbers = [run.id for run in found]
    lines, fixes = _lines(connection, numbers), _fixes(connection, numbers)
    undos = select(runs).where(runs.c.list == list_title, runs.c.kind == str(RunKind.UNDO)).order_by(runs.c.id)
    undone_by = [run_of(one) for one in connection.execute(undos).mappings()]
    return [_summary(run, lines.get(run.id), fixes.get(run.id), undone_by) for run in found]


def _summary(run: RunRecord, lines: Row[Any] | None, fixes: Row[Any] | None, undos: Iterable[RunRecord]) -> RunSummary:
    """A run that was numbered, and then wrote nothing, ended when it began."""
    last = max(found.last for found in (lines, fixes) if found is not None) if lines or fixes else run.began
    return RunSummary(
        run=run,
        last_write=last,
        rows=0 if lines is None else lines.rows,
        writes=0 if lines is None else lines.writes,
        unknown=0 if lines is None else lines.writes - lines.made,
        upns=0 if fixes is None else fixes.rows,
        undone_by=tuple(undo.id for undo in undos if _takes_back(undo, run, last)),
    )


def _takes_back(undo: RunRecord, run: RunRecord, last_write: datetime) -> bool:
    if undo.undoes_since is None:
        return undo.undoes == run.id
    return undo.id > run.id and undo.undoes_since <= last_write


def _lines(connection: Connection, numbers: Collection[int]) -> dict[int, Row[Any]]:
    counts = (
        func.count(distinct(writes.c.row_id)).label("rows"),
        func.count().label("writes"),
        func.count(writes.c.made).label("made"),
        _latest(_WRITTEN_AT),
    )
    query = select(writes.c.run, *counts).where(writes.c.run.in_(numbers)).group_by(writes.c.run)
    return {found.run: found for found in connection.execute(query)}


def _fixes(connection: Connection, numbers: Collection[int]) -> dict[int, Row[Any]]:
    counts = (func.count(distinct(journal.c.row_id)).label("rows"), _latest(journal.c.at))
    query = select(journal.c.run, *counts).where(journal.c.run.in_(numbers), journal.c.why == WRITTEN)
    return {found.run: found for found in connection.execute(query.group_by(journal.c.run))}


def _latest(column: ColumnElement[datetime]) -> ColumnElement[datetime]:
    return func.max(column).label("last")
