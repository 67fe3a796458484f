"""What an undo is about: all that one run wrote, or all that any run wrote since a time, as the journal has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sync_agent.jobs.fix_journal import UPN_COLUMN
from sync_agent.state.records import JournalEntry, RunRecord, WriteRecord
from sync_agent.state.store import RunJournal
from sync_agent.undoing import UpnWrite, VerdictWrite


class NoSuchRun(Exception):
    """The text says which, and where to look."""


class NothingWritten(Exception):
    """There is nothing to undo; the text says of what."""


@dataclass(frozen=True, slots=True)
class Scope:
    """``run``: the one run; None: whatever was written from ``since`` on. ``runs``: who wrote it, by number."""

    run: RunRecord | None
    since: datetime | None
    runs: tuple[int, ...]
    verdicts: tuple[VerdictWrite, ...]
    upns: tuple[UpnWrite, ...]

    @property
    def name(self) -> str:
        if self.run is not None:
            return f"run {self.run.id}"
        return f"what was written since {self.since:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def row_ids(self) -> set[int]:
        return {each.row_id for each in self.verdicts} | {each.row_id for each in self.upns}


def of_run(journal: RunJournal, number: int | None) -> Scope:
    """None: the run that wrote last. Blocking. Raises NoSuchRun, NothingWritten, StateUnavailable."""
    run = journal.last_run() if number is None else journal.runs([number]).get(number)
    if run is None and number is None:
        raise NothingWritten("Nothing is known to have been written to this list: there is nothing to undo.")
    if run is None:
        raise NoSuchRun(f"--run: no run {number} of this list is known. `sync-agent history` names the runs.")
    return _scope(run, None, *journal.of_run(run.id))


def since(journal: RunJournal, moment: datetime) -> Scope:
    """``moment`` in UTC. Blocking. Raises NothingWritten, StateUnavailable."""
    scope = _scope(None, moment, *journal.since(moment))
    if not scope.row_ids:
        raise NothingWritten(
            f"--since: nothing is known to have been written to this list since {moment:%Y-%m-%d %H:%M:%S} UTC."
        )
    return scope


def _scope(
    run: RunRecord | None, moment: datetime | None, lines: list[WriteRecord], entries: list[JournalEntry]
) -> Scope:
    runs = {line.run for line in lines} | {entry.run for entry in entries if entry.run is not None}
    verdicts = tuple(
        VerdictWrite(each.row_id, each.upn, each.before, each.after, each.made is not None) for each in lines
    )
    return Scope(run, moment, tuple(sorted(runs)), verdicts, _upn_writes(entries))


def _upn_writes(entries: Iterable[JournalEntry]) -> tuple[UpnWrite, ...]:
    """From what the first entry of a row found to what the last one left."""
    by_row: dict[int, UpnWrite] = {}
    for entry in entries:
        if entry.column == UPN_COLUMN:
            before = by_row[entry.row_id].before if entry.row_id in by_row else entry.before
            by_row[entry.row_id] = UpnWrite(entry.row_id, before, entry.after)
    return tuple(by_row.values())
