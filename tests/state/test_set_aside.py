"""A database that can never be used is moved out of the way by the service, whole, and told once; a new one begins."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sync_agent.model import Code
from sync_agent.state.database import REVISION
from sync_agent.state.store import StateUnavailable, Store
from tests.outcomes import STARTED, anomaly, outcome

KEEP = timedelta(days=180)
MISSING = {1: [anomaly(Code.UPN_MISSING)]}
_SAVES = """
import sys
from datetime import timedelta
from sync_agent.state.store import Store
from tests.outcomes import outcome

store = Store.for_service(sys.argv[1], timedelta(days=9))
sys.stdin.readline()
store.save(outcome({}))
store.close()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database with the history of 500 rows in it, closed."""
    path = tmp_path / "history.db"
    store = Store.open(f"sqlite:///{path}")
    store.save(outcome(MISSING, rows=500))
    store.close()
    return path


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    """As the service has it; not opened yet."""
    opened = Store.for_service(f"sqlite:///{file}", KEEP)
    yield opened
    opened.close()


def aside(file: Path) -> list[Path]:
    return sorted(file.parent.glob("history.db.set-aside-*"))


def told(logs: list[Any]) -> list[str]:
    return [entry["event"] for entry in logs]


@pytest.mark.parametrize(
    "garbage", [b"whatever its name says, no database " * 50, b"SQLite format 3\0" + b"\xff" * 8000]
)
def test_garbage_is_kept_as_it_is_and_a_new_history_begins(store: Store, file: Path, garbage: bytes) -> None:
    file.write_bytes(garbage)
    with capture_logs() as logs:
        store.save(outcome(MISSING))
        store.save(outcome({}, started=STARTED + timedelta(hours=1)))
    assert store.known_rows("Agents") == 5
    [kept] = aside(file)
    assert kept.read_bytes() == garbage
    assert told(logs) == ["state_set_aside"]
    assert logs[0]["kept_as"] == str(kept)
    assert "Move the file away" not in logs[0]["reason"]


@pytest.mark.parametrize("part", [0.3, 0.7])
def test_a_file_that_was_cut_off_costs_one_pass_at_most(store: Store, file: Path, part: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * part)])
    with capture_logs() as logs:
        for hour in range(2):
            try:
                store.save(outcome(MISSING, rows=500, started=STARTED + timedelta(hours=hour)))
            except StateUnavailable:
                assert hour == 0
    assert told(logs) == ["state_set_aside"]
    assert len(aside(file)) == 1
    assert [one.row_id for one in store.open_anomalies("Agents")] == [1]


def test_damage_that_shows_while_it_is_in_use_is_found_at_the_next_pass(store: Store, file: Path) -> None:
    assert store.known_rows("Agents") == 500
    store.close()
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    for hour in range(3):
        try:
            store.save(outcome(MISSING, started=STARTED + timedelta(hours=hour)))
        except StateUnavailable:
            assert hour < 1
    assert store.known_rows("Agents") == 5
    assert len(aside(file)) == 1


def test_an_empty_file_is_a_new_database_and_nothing_to_set_aside(store: Store, file: Path) -> None:
    file.write_bytes(b"")
    store.save(outcome(MISSING))
    assert aside(file) == []


def test_one_of_a_newer_version_is_kept_whole_and_can_be_brought_back_as_it_is_told(store: Store, file: Path) -> None:
    version(file, "9999")
    with capture_logs() as logs:
        store.save(outcome({}, rows=3, started=STARTED + timedelta(days=1)))
    store.close()
    [kept] = aside(file)
    assert told(logs) == ["state_set_aside"]
    assert "newer version of sync-agent (its tables are 9999" in logs[0]["reason"]
    assert f"rename {kept.name} to history.db" in logs[0]["what_to_do"]

    file.unlink()
    kept.rename(file)
    version(file, REVISION)  # what is there is of this version, but for its number
    again = Store.open(f"sqlite:///{file}")
    assert again.known_rows("Agents") == 500
    again.close()


def test_what_the_newer_version_wrote_last_goes_along(store: Store, file: Path) -> None:
    """Killed, it leaves its last passes in the file beside the database."""
    newer = Store.open(f"sqlite:///{file}")
    newer.save(outcome({}, rows=77, started=STARTED + timedelta(hours=1)))
    writing = sqlite3.connect(file)
    writing.execute("UPDATE alembic_version SET version_num = '9999'")
    writing.commit()
    store.save(outcome({}, rows=3, started=STARTED + timedelta(days=1)))
    writing.close()
    newer.close()
    kept = next(path for path in aside(file) if not path.name.endswith(("-wal", "-shm")))
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT rows FROM passes ORDER BY id DESC").fetchone() == (77,)
    assert store.known_rows("Agents") == 3


def test_others_that_use_the_file_go_on_with_the_new_one(store: Store, file: Path) -> None:
    other = Store.for_service(f"sqlite:///{file}", KEEP)
    assert other.known_rows("Agents") == 500
    version(file, "9999")
    store.save(outcome({}, rows=3, started=STARTED + timedelta(hours=1)))
    assert other.known_rows("Agents") == 3
    other.save(outcome({}, rows=4, started=STARTED + timedelta(hours=2)))
    assert store.known_rows("Agents") == 4
    assert len([path for path in aside(file) if not path.name.endswith(("-wal", "-shm"))]) == 1
    other.close()


def test_two_services_that_find_it_damaged_at_once_begin_one_new_database(file: Path) -> None:
    file.write_bytes(b"no database " * 1_000)
    command = [sys.executable, "-c", _SAVES, f"sqlite:///{file}"]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[1] for process in processes] == [""] * 3
    assert len(aside(file)) == 1
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM passes").fetchone() == (3,)


def test_who_only_looks_or_reports_moves_nothing(file: Path) -> None:
    version(file, "9999")
    for opening in (Store.open, Store.look):
        with pytest.raises(StateUnavailable, match="version of sync-agent"):
            opening(f"sqlite:///{file}")
    assert aside(file) == []


def version(file: Path, revision: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [revision])
