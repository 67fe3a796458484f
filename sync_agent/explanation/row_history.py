"""All that is known to have happened to one row, newest first: verdicts, what was written, fixes, undos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sync_agent.characters import printable
from sync_agent.explanation.cell import quoted
from sync_agent.explanation.standing import time_of
from sync_agent.model import OurColumn
from sync_agent.outcome import in_json
from sync_agent.state.records import WRITTEN, JournalEntry, RunRecord, VerdictRecord, WriteRecord
from sync_agent.state.store import Store
from sync_agent.undoing import VerdictCells


class EventKind(StrEnum):
    VERDICT = "verdict"
    """From then on this was said of the row."""
    WRITE = "write"
    """Cells of ours were written."""
    UPN = "upn"
    """The UPN cell was written, or was to be."""


@dataclass(frozen=True, slots=True)
class Event:
    """``made``: False where it is not known whether a write was made. ``cells``: before and after, by column."""

    at: datetime
    kind: EventKind
    why: str
    cells: Mapping[str, tuple[str | None, str | None]]
    run: RunRecord | None = None
    made: bool = True
    status: str = ""
    until: datetime | None = None

    @property
    def document(self) -> dict[str, Any]:
        told: dict[str, Any] = {"at": self.at, "kind": str(self.kind), "why": self.why}
        if self.kind is EventKind.VERDICT:
            return {**told, "status": self.status, "until": self.until, "upn": in_json(self.cells["UPN"][1])}
        run = None if self.run is None else run_document(self.run)
        cells = {
            column: {"before": in_json(before), "after": in_json(after)}
            for column, (before, after) in self.cells.items()
        }
        return {**told, "run": run, "known_to_be_written": self.made, "cells": cells}


@dataclass(frozen=True, slots=True)
class RowHistory:
    row_id: int
    list_title: str
    events: tuple[Event, ...]
    reaches_back_to: datetime | None

    @property
    def document(self) -> dict[str, Any]:
        return {
            "row": self.row_id,
            "list": self.list_title,
            "reaches_back_to": self.reaches_back_to,
            "events": [event.document for event in self.events],
        }


def row_history(store: Store, list_title: str, row_id: int) -> RowHistory:
    """Raises StateUnavailable."""
    journal = store.run_journal(list_title)
    lines, entries = journal.of_row(row_id), store.journalled(list_title, row_id)
    numbers = {line.run for line in lines} | {entry.run for entry in entries if entry.run is not None}
    runs = journal.runs(numbers)
    events = [
        *map(_of_verdict, store.verdicts_of(list_title, row_id)),
        *(_of_write(line, runs.get(line.run)) for line in lines),
        *(_of_entry(entry, None if entry.run is None else runs.get(entry.run)) for entry in entries),
    ]
    oldest_first = sorted(events, key=lambda event: event.at)
    return RowHistory(row_id, list_title, tuple(reversed(oldest_first)), store.reaches_back_to(list_title))


def sentences(event: Event) -> Iterator[str]:
    """What happened, and beneath it each cell."""
    if event.kind is EventKind.VERDICT:
        until = "and still" if event.until is None else f"until {time_of(event.until)}"
        yield f"Said of it from then on, {until}: {event.status}{f' ({event.why})' if event.why else ''}"
        yield f"with {quoted(event.cells['UPN'][1])} in the UPN cell"
        return
    yield f"{_done(event)}{_by(event.run)}: {printable(event.why, 300)}"
    for column, (before, after) in event.cells.items():
        yield f"{column}: {quoted(before)} → {quoted(after)}"


def _done(event: Event) -> str:
    """Of a cell of people's, the reason says what came of it."""
    if event.kind is EventKind.UPN:
        return "Fixing a cell"
    return "Written" if event.made else "To be written, and it is not known whether it was"


def undid_what(run: RunRecord) -> str:
    """ "" of a run that is no undo."""
    if run.undoes_since is not None:
        return f"what was written since {time_of(run.undoes_since)}"
    return "" if run.undoes is None else f"run {run.undoes}"


def run_document(run: RunRecord) -> dict[str, Any]:
    return {"id": run.id, "kind": str(run.kind), "undoes": run.undoes, "undoes_since": run.undoes_since}


def _by(run: RunRecord | None) -> str:
    if run is None:
        return ""
    undid = undid_what(run)
    return f" by run {run.id} ({run.kind}{f', which undid {undid}' if undid else ''})"


def _of_verdict(verdict: VerdictRecord) -> Event:
    codes = ", ".join(str(anomaly.code) for anomaly in verdict.anomalies)
    why = codes or (f"user {printable(verdict.user_upn)} matched" if verdict.user_id else "")
    upn = {"UPN": (None, verdict.upn)}
    return Event(verdict.since, EventKind.VERDICT, why, upn, status=str(verdict.status), until=verdict.until)


def _of_write(line: WriteRecord, run: RunRecord | None) -> Event:
    before, after = _by_column(line.before), _by_column(line.after)
    cells: dict[str, tuple[str | None, str | None]] = {
        column: (before[column], after[column]) for column in before if before[column] != after[column]
    }
    return Event(line.made or line.at, EventKind.WRITE, line.why, cells, run, made=line.made is not None)


def _of_entry(entry: JournalEntry, run: RunRecord | None) -> Event:
    """The words of the journal say whether it was written, or only to be."""
    cells, made = {entry.column: (entry.before, entry.after)}, entry.why == WRITTEN
    return Event(entry.at, EventKind.UPN, entry.why, cells, run, made)


def _by_column(cells: VerdictCells) -> dict[str, str]:
    return {
        str(OurColumn.STATUS): cells.status,
        str(OurColumn.ANOMALIES): cells.anomalies,
        str(OurColumn.ACCOUNT): cells.account,
        str(OurColumn.OBJECT_ID): cells.object_id,
    }
