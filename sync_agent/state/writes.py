"""The journal of what was written into our own columns, run by run: first that it is to be, then that it was.

A line says that a write was made (``made``), or that it is not known. Of what was certainly not written no line is
left. Presence leaves none at all: see docs/decisions/0018.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, delete, func, insert, select, update

from sync_agent.state.records import Intention, RunKind, RunRecord, WriteRecord, storable
from sync_agent.state.tables import journal, runs, writes
from sync_agent.undoing import VerdictCells

_AT_ONCE = 500
"""Ids in one statement: databases take no endless ones."""


def begin_run(
    connection: Connection, list_title: str, kind: RunKind, at: datetime, undoes: int | None, since: datetime | None
) -> int:
    values = {"list": list_title, "kind": str(kind), "began": at, "undoes": undoes, "undoes_since": since}
    made = connection.execute(insert(runs).values(values))
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def intend(connection: Connection, run: int, intentions: Sequence[Intention], at: datetime) -> None:
    if intentions:
        connection.execute(insert(writes), [_values(run, each, at) for each in intentions])


def note_made(connection: Connection, run: int, intentions: Sequence[Intention], at: datetime) -> None:
    """Also of writes whose intention could not be kept, or is gone by now."""
    for some in _chunks(intentions):
        ids = [each.row_id for each in some]
        open_ = (writes.c.run == run, writes.c.row_id.in_(ids), writes.c.made.is_(None))
        if connection.execute(update(writes).where(*open_).values(made=at)).rowcount == len(some):
            continue
        known = select(writes.c.row_id).where(writes.c.run == run, writes.c.row_id.in_(ids), writes.c.made == at)
        kept = set(connection.execute(known).scalars())
        missing = [{**_values(run, each, at), "made": at} for each in some if each.row_id not in kept]
        if missing:
            connection.execute(insert(writes), missing)


def note_not_made(connection: Connection, run: int, row_ids: Collection[int]) -> None:
    for some in _chunks(list(row_ids)):
        open_ = (writes.c.run == run, writes.c.row_id.in_(some), writes.c.made.is_(None))
        connection.execute(delete(writes).where(*open_))


def unknown(connection: Connection, list_title: str) -> list[WriteRecord]:
    """Writes of which it is not known whether they were made, and after which nothing was written to their row."""
    later = writes.alias()
    overlaid = select(later.c.id).join(runs, runs.c.id == later.c.run).where(runs.c.list == list_title)
    overlaid = overlaid.where(later.c.row_id == writes.c.row_id, later.c.id > writes.c.id)
    return records(connection, lines_of(list_title).where(writes.c.made.is_(None), ~overlaid.exists()))


def settle(connection: Connection, made: Collection[int], not_made: Collection[int], at: datetime) -> None:
    """Lines, by their ids, of which it is known by now."""
    for some in _chunks(list(made)):
        connection.execute(update(writes).where(writes.c.id.in_(some), writes.c.made.is_(None)).values(made=at))
    for some in _chunks(list(not_made)):
        connection.execute(delete(writes).where(writes.c.id.in_(some), writes.c.made.is_(None)))


def last_written(connection: Connection, list_title: str, intentions: Sequence[Intention]) -> dict[int, VerdictCells]:
    """By row id: what is known to have been written last to the rows that show something else by now."""
    found: dict[int, VerdictCells] = {}
    for some in _chunks(intentions):
        shows = {each.row_id: _cells(each.before) for each in some}
        last = select(func.max(writes.c.id)).join(runs, runs.c.id == writes.c.run)
        last = last.where(runs.c.list == list_title, writes.c.row_id.in_(shows)).group_by(writes.c.row_id)
        query = select(*writes.c["row_id", "after"]).where(writes.c.id.in_(last), writes.c.made.is_not(None))
        others = ((row_id, text) for row_id, text in connection.execute(query) if text != shows[row_id])
        found |= {row_id: VerdictCells(*orjson.loads(text)) for row_id, text in others}
    return found


def of_row(connection: Connection, list_title: str, row_id: int) -> list[WriteRecord]:
    return records(connection, lines_of(list_title).where(writes.c.row_id == row_id))


def of_run(connection: Connection, run: int) -> list[WriteRecord]:
    return records(connection, select(writes).where(writes.c.run == run))


def runs_of(connection: Connection, list_title: str, ids: Collection[int]) -> dict[int, RunRecord]:
    found: dict[int, RunRecord] = {}
    for some in _chunks(list(ids)):
        query = select(runs).where(runs.c.list == list_title, runs.c.id.in_(some))
        found |= {one["id"]: run_of(one) for one in connection.execute(query).mappings()}
    return found


def last_run(connection: Connection, list_title: str) -> RunRecord | None:
    """That of the last write, of whichever column."""
    ours = select(writes.c.run, writes.c.at).join(runs, runs.c.id == writes.c.run).where(runs.c.list == list_title)
    theirs = select(journal.c.run, journal.c.at).where(journal.c.list == list_title, journal.c.run.is_not(None))
    lasts = [_last(connection, query) for query in (ours.order_by(writes.c.id.desc()), _by_id(theirs))]
    known = [last for last in lasts if last is not None]
    if not known:
        return None
    run = max(known, key=lambda last: last[1])[0]
    return runs_of(connection, list_title, [run]).get(run)


def forget(connection: Connection, before: datetime) -> None:
    """Writes of earlier, and runs of which nothing is left."""
    connection.execute(delete(writes).where(writes.c.at < before))
    used = _used(writes.c.run), _used(journal.c.run)
    connection.execute(delete(runs).where(runs.c.began < before, *(runs.c.id.not_in(each) for each in used)))


def _used(column: ColumnElement[Any]) -> Select[Any]:
    return select(column).where(column.is_not(None))


def _by_id(query: Select[Any]) -> Select[Any]:
    return query.order_by(journal.c.id.desc())


def _last(connection: Connection, query: Select[Any]) -> tuple[int, datetime] | None:
    found = connection.execute(query.limit(1)).first()
    return None if found is None else (found[0], found[1])


def lines_of(list_title: str) -> Select[Any]:
    return select(writes).join(runs, runs.c.id == writes.c.run).where(runs.c.list == list_title)


def records(connection: Connection, query: Select[Any]) -> list[WriteRecord]:
    """Oldest first."""
    return [_record(found) for found in connection.execute(query.order_by(writes.c.id)).mappings()]


def _values(run: int, each: Intention, at: datetime) -> dict[str, Any]:
    return {
        "run": run,
        "row_id": each.row_id,
        "at": at,
        "upn": storable(each.upn),
        "before": _cells(each.before),
        "after": _cells(each.after),
        "why": each.why,
        "made": None,
    }


def _cells(cells: VerdictCells) -> str:
    texts = (cells.status, cells.anomalies, cells.account, cells.object_id)
    return orjson.dumps([storable(text) for text in texts]).decode()


def _record(found: RowMapping) -> WriteRecord:
    before, after = (VerdictCells(*orjson.loads(found[name])) for name in ("before", "after"))
    values = {name: found[name] for name in ("id", "run", "row_id", "at", "upn", "why", "made")}
    return WriteRecord(before=before, after=after, **values)


def run_of(found: RowMapping) -> RunRecord:
    since = found["undoes_since"]
    return RunRecord(found["id"], found["list"], RunKind(found["kind"]), found["began"], found["undoes"], since)


def _chunks(every: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (every[start : start + _AT_ONCE] for start in range(0, len(every), _AT_ONCE))
