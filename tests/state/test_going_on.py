"""Whatever is wrong with the disk, the folder or the file for a time: it is told, costs history only, and passes."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sync_agent.jobs.history import History
from sync_agent.model import Code
from sync_agent.outcome import Outcome
from sync_agent.state.store import Store
from tests.outcomes import STARTED, anomaly, outcome

NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """Reached by every user: root may write wherever it likes, so that some tests are another user's."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made) / "state"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    opened = Store.for_service(f"sqlite:///{folder}/history.db", timedelta(days=180))
    yield opened
    opened.close()


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """As on a full disk: whatever would make a file grow fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def as_another_user() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def passed(number: int, rows: int = 5) -> Outcome:
    found = {1: [anomaly(Code.UPN_MISSING)]} if number % 2 else {}
    return outcome(found, rows=rows, started=STARTED + timedelta(hours=number))


def save(history: History, made: Outcome) -> None:
    asyncio.run(history.save(made))


def told(logs: list[Any]) -> list[str]:
    return [entry["event"] for entry in logs]


def test_a_full_disk_is_told_once_and_the_history_goes_on_when_there_is_room(store: Store, folder: Path) -> None:
    history = History(store)
    with capture_logs() as logs:
        save(history, passed(0))
        with files_no_larger_than(sum(file.stat().st_size for file in folder.iterdir()) // 2):
            for number in (1, 2, 3):
                save(history, passed(number, rows=3_000))
            assert asyncio.run(history.told(lambda store: store.known_rows("Agents"), None)) == 5  # reading still works
        save(history, passed(4, rows=6))
    assert told(logs) == ["state_unavailable", "state_available_again"]
    assert "cannot be used" in logs[0]["reason"]
    assert store.known_rows("Agents") == 6
    with closing(sqlite3.connect(folder / "history.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_disk_that_is_full_from_the_start_is_no_reason_to_stop(store: Store) -> None:
    history = History(store)
    with capture_logs() as logs:
        with files_no_larger_than(0):
            save(history, passed(0))
            save(history, passed(1))
        save(history, passed(2))
    assert told(logs) == ["state_unavailable", "state_available_again"]
    assert store.known_rows("Agents") == 5


def test_a_folder_that_may_not_be_written_to_is_told_with_its_file(store: Store, folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o555)
    history = History(store)
    with capture_logs() as logs, as_another_user():
        save(history, passed(0))
        save(history, passed(1))
    assert told(logs) == ["state_unavailable"]
    assert f"cannot write to {folder}/history.db: Permission denied" in logs[0]["reason"]
    folder.chmod(0o777)
    with capture_logs() as logs, as_another_user():
        save(history, passed(2))
    assert told(logs) == ["state_available_again"]


def test_a_folder_that_is_removed_while_it_runs_is_made_anew(store: Store, folder: Path) -> None:
    history = History(store)
    with capture_logs() as logs:
        save(history, passed(0))
        shutil.rmtree(folder)
        save(history, passed(1))
    assert logs == []
    assert [one.row_id for one in store.open_anomalies("Agents")] == [1]
    assert sorted(file.name for file in folder.iterdir()) == ["history.db", "history.db-shm", "history.db-wal"]


def test_a_database_that_another_program_keeps_locked_is_told_and_used_again(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_agent.state.database._PATIENCE", 0.2)
    history = History(store)
    save(history, passed(0))
    with capture_logs() as logs:
        with closing(sqlite3.connect(folder / "history.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            save(history, passed(1))
            save(history, passed(2))
            other.execute("ROLLBACK")
        save(history, passed(3, rows=7))
    assert told(logs) == ["state_unavailable", "state_available_again"]
    assert "database is locked" in logs[0]["reason"]
    assert store.known_rows("Agents") == 7
