"""Runs and what they wrote into our columns. Blocking, as Store is; every method raises StateUnavailable."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Engine

from sync_agent.state import journalling, run_list, writes
from sync_agent.state.database import reading, writing
from sync_agent.state.opening import Opening
from sync_agent.state.records import Intention, JournalEntry, RunKind, RunRecord, RunSummary, WriteRecord
from sync_agent.undoing import VerdictCells


class RunJournal:
    """Of one list; ``Store.run_journal`` makes it."""

    def __init__(self, opening: Opening, list_title: str) -> None:
        self._opening = opening
        self._list_title = list_title

    @property
    def _engine(self) -> Engine:
        return self._opening.engine()

    def begin(
        self, kind: RunKind, at: datetime, undoes: int | None = None, undoes_since: datetime | None = None
    ) -> int:
        """The number of a new run."""
        with writing(self._engine) as connection:
            return writes.begin_run(connection, self._list_title, kind, at, undoes, undoes_since)

    def knows(self, run: int) -> bool:
        """Not one that began in a database which has been replaced since."""
        return run in self.runs([run])

    def intend(self, run: int, intentions: Sequence[Intention], at: datetime) -> dict[int, VerdictCells]:
        """Keep what is about to be written: all of it or nothing. By row id: what is known to have been written last,
        where the row shows something else by now.
        """
        with writing(self._engine) as connection:
            last = writes.last_written(connection, self._list_title, intentions)
            writes.intend(connection, run, intentions, at)
        return last

    def note(self, run: int, made: Sequence[Intention], not_made: Collection[int], at: datetime) -> None:
        """What came of it. Of rows in neither nothing is known, and their lines go on saying so."""
        with writing(self._engine) as connection:
            writes.note_made(connection, run, made, at)
            writes.note_not_made(connection, run, not_made)

    def unknown(self) -> list[WriteRecord]:
        """Last writes of rows, of which it is not known whether they were made."""
        with reading(self._engine) as connection:
            return writes.unknown(connection, self._list_title)

    def settle(self, made: Collection[int], not_made: Collection[int], at: datetime) -> None:
        """Lines, by their ids, of which it is known by now."""
        with writing(self._engine) as connection:
            writes.settle(connection, made, not_made, at)

    def of_row(self, row_id: int) -> list[WriteRecord]:
        """Oldest first."""
        with reading(self._engine) as connection:
            return writes.of_row(connection, self._list_title, row_id)

    def of_run(self, run: int) -> tuple[list[WriteRecord], list[JournalEntry]]:
        """What it wrote into our columns and into those of people, oldest first."""
        with reading(self._engine) as connection:
            return writes.of_run(connection, run), journalling.entries_of_run(connection, run)

    def since(self, moment: datetime) -> tuple[list[WriteRecord], list[JournalEntry]]:
        """What any run wrote since then, as ``of_run`` tells it."""
        with reading(self._engine) as connection:
            return run_list.written_since(connection, self._list_title, moment)

    def last_runs(self, most: int) -> list[RunSummary]:
        """Newest first."""
        with reading(self._engine) as connection:
            return run_list.last_runs(connection, self._list_title, most)

    def runs(self, ids: Collection[int]) -> dict[int, RunRecord]:
        """By number, as far as the list has them."""
        with reading(self._engine) as connection:
            return writes.runs_of(connection, self._list_title, ids)

    def last_run(self) -> RunRecord | None:
        """The one that wrote last."""
        with reading(self._engine) as connection:
            return writes.last_run(connection, self._list_title)
