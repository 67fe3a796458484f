"""Keeping the history of 15,000 rows: the first pass, a pass that finds nothing new, a year of it, and its journal.

The floor of each is the same rows by Python's sqlite3 alone, without comparing or deciding anything.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sync_agent.model import Anomaly, Code, Row, Status, User, Verdict
from sync_agent.outcome import Outcome, Writes
from sync_agent.state.records import Intention, RunKind
from sync_agent.state.store import RunJournal, Store
from sync_agent.undoing import VerdictCells

_LIST = "Agents"
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_DAYS = 365
_WRONG_EVERY = 4
_TURNS = 7
_SILENT = Anomaly(
    Code.ACCOUNT_UNAVAILABLE,
    "The tenant could not be asked at the moment; IT knows more.",
    "Nothing to do in the list: it is asked again by itself.",
)


def _row(row_id: int, edited: int = 0) -> tuple[Row, Verdict]:
    upn = f"firstname.lastname{row_id}.{edited}@contoso.com"
    row = Row(row_id, upn, f"Firstname Lastname {row_id}", team=f"Team {row_id % 40}")
    if (row_id + edited // 2) % _WRONG_EVERY == 0:
        meant = f"firstname.lastname{row_id}@contoso.com"
        wrong = Anomaly(Code.USER_NOT_FOUND, f"Nobody in contoso has {upn}.", f"Did you mean {meant}?", meant)
        return row, Verdict(row_id, Status.ERROR, (wrong,))
    return row, Verdict(row_id, Status.OK, (), User(f"00000000-0000-0000-0000-{row_id:012}", upn), "contoso")


def _pass(at: datetime, rows: dict[int, tuple[Row, Verdict]]) -> Outcome:
    verdicts = {row_id: verdict for row_id, (_, verdict) in rows.items()}
    return Outcome(at, 1.0, _LIST, {id_: row for id_, (row, _) in rows.items()}, verdicts, Writes(), {})


def _with_outage(made: Outcome) -> Outcome:
    """A third of the rows could not be judged."""
    silent = {row_id: Verdict(row_id, Status.UNKNOWN, (_SILENT,)) for row_id in made.verdicts if row_id % 3 == 0}
    return replace(made, verdicts={**made.verdicts, **silent})


def _timed(work: Callable[[], object]) -> float:
    """CPU seconds: what waits for the disk keeps nothing else from running."""
    began = time.process_time()
    work()
    return time.process_time() - began


def _a_year(store: Store, rows: dict[int, tuple[Row, Verdict]]) -> None:
    """Of the rows 7 % are edited each week; once a month a tenant does not answer for some minutes."""
    for week in range(1, 53):
        at = _BEGIN + timedelta(weeks=week)
        for row_id in range(1 + week % 14, len(rows) + 1, 14):
            rows[row_id] = _row(row_id, edited=week)
        if week % 4 == 0:
            store.save(_with_outage(_pass(at, rows)))
        store.save(_pass(at + timedelta(minutes=5), rows))


def _floors(file: Path) -> tuple[float, float]:
    """Writing the standing verdicts into an empty database of the same tables, and reading what a pass compares."""
    with closing(sqlite3.connect(file)) as source:
        lines = source.execute("SELECT * FROM verdicts WHERE until IS NULL").fetchall()
        tables = [
            sql for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'verdicts' AND sql <> ''")
        ]
        compared = "SELECT row_id, upn, name, team, status, account, user_id, user_upn, anomalies FROM verdicts"
        reading = _median(lambda: source.execute(f"{compared} WHERE until IS NULL").fetchall())
    with closing(sqlite3.connect(":memory:")) as target:
        for sql in tables:
            target.execute(sql)
        places = ", ".join("?" * len(lines[0]))
        writing = _timed(lambda: target.executemany(f"INSERT INTO verdicts VALUES ({places})", lines))
    return writing, reading


def _median(work: Callable[[], object]) -> float:
    return statistics.median(_timed(work) for _ in range(_TURNS))


def _write_log(file: Path) -> int:
    """Bytes written since the last call: SQLite writes whole pages, first to its log, which is emptied here."""
    size = file.with_name(f"{file.name}-wal").stat().st_size
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return size


def _write(row_id: int, edited: int = 0) -> Intention:
    """Of a row's verdict as above, from OK to what it is now."""
    row, verdict = _row(row_id, edited)
    text = "\n".join(anomaly.line for anomaly in verdict.anomalies)
    after = VerdictCells(str(verdict.status), text, verdict.account, "" if verdict.user is None else verdict.user.id)
    before = VerdictCells("OK", "", "contoso", f"00000000-0000-0000-0000-{row_id:012}")
    return Intention(row_id, row.upn, before, after, "user_not_found" if text else "user matched")


def _journalled(url: str, count: int) -> None:
    """The journal of a pass that writes every row, before and after the writes; the first time and once more."""
    store, file = Store.open(url, timedelta(days=_DAYS)), Path(url.removeprefix("sqlite:///"))
    journal, at = store.run_journal(_LIST), _BEGIN + timedelta(days=_DAYS)
    size = file.stat().st_size
    for time_ in ("first", "again"):
        run, every = journal.begin(RunKind.SYNC, at), [_write(row_id) for row_id in range(1, count + 1)]
        _tell(f"journal, before the writes, {time_}", _timed(partial(journal.intend, run, every, at)))
        chunks = [every[start : start + 500] for start in range(0, count, 500)]
        _tell(f"journal, after them, {time_}", sum(_timed(partial(journal.note, run, some, (), at)) for some in chunks))
    _write_log(file)
    each = (file.stat().st_size - size) / (2 * count)
    print(f"{'':46}{each:>9,.0f} bytes a write of a row")
    few = [_write(row_id) for row_id in range(1, 26)]
    _tell("journal, 25 rows, before and after", _median(partial(_noted, journal, run, few, at)))
    _tell("journal, what is not known", _median(journal.unknown))
    _tell("journal, of a row", _median(partial(journal.of_row, count // 2)))
    store.close()


def _noted(journal: RunJournal, run: int, few: list[Intention], at: datetime) -> None:
    journal.intend(run, few, at)
    journal.note(run, few, (), at)


def _tell(what: str, seconds: float, note: str = "") -> None:
    print(f"{what:46}{seconds * 1000:>9,.1f} ms  {note}")


def _measure(folder: Path, count: int) -> None:
    file = folder / "history.db"
    url = f"sqlite:///{file}"
    print(f"The history of {count:,} rows, a quarter of them wrong, in CPU time; SQLite {sqlite3.sqlite_version}")
    _tell("Store.open, new database", _timed(lambda: Store.open(url).close()))
    store = Store.open(url, timedelta(days=_DAYS))
    rows = {row_id: _row(row_id) for row_id in range(1, count + 1)}
    first = _timed(lambda: store.save(_pass(_BEGIN, rows)))
    writing, reading = _floors(file)
    _tell("save, first pass", first, f"floor {writing * 1000:,.1f} ms: {count:,} verdicts written, no anomaly")
    _write_log(file)
    again = _pass(_BEGIN + timedelta(minutes=1), rows)
    unchanged = _median(lambda: store.save(again))
    written = _write_log(file) / _TURNS
    _tell("save, nothing changed", unchanged, f"floor {reading * 1000:,.1f} ms: {count:,} verdicts read")
    print(f"{'':46}{written / 1024:>9,.1f} KiB written a pass")

    began = time.perf_counter()
    _a_year(store, rows)
    store.close()
    with closing(sqlite3.connect(file)) as connection:
        lines = connection.execute("SELECT count(*) FROM verdicts").fetchone()[0]
    size, took = file.stat().st_size / 1e6, time.perf_counter() - began
    print(f"A year of it: {lines:,} verdicts, {size:,.0f} MB, made in {took:,.0f} s")
    now = _BEGIN + timedelta(days=_DAYS + 1)
    _tell("Store.open", _median(lambda: Store.open(url).close()))
    store, last = Store.open(url), _pass(now, rows)
    for what, work in (
        ("save, nothing changed", lambda: store.save(last)),
        ("open_anomalies", lambda: store.open_anomalies(_LIST)),
        ("last_matched", lambda: store.last_matched(_LIST)),
        ("days, of the last 90", lambda: store.days(_LIST, now - timedelta(days=90))),
        ("digest", lambda: store.digest(_LIST)),
        ("verdict_at", lambda: store.verdict_at(_LIST, count // 2, now - timedelta(days=100))),
        ("rows_with_upn_at", lambda: store.rows_with_upn_at(_LIST, rows[7][0].upn or "", now)),
    ):
        _tell(what, _median(work))
    store.close()
    _journalled(url, count)
    shorter = Store.open(url, timedelta(days=180))
    _tell("save, with half a year to forget", _timed(lambda: shorter.save(_pass(now + timedelta(days=1), rows))))
    shorter.close()


def main(rows: int = 15_000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), rows)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
