"""The file: whom it belongs to, what is told when it cannot be used, and that several may use it at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sync_agent.state.store import StateUnavailable, Store
from tests.outcomes import outcome

_OPENS = "import sys; from sync_agent.state.store import Store; Store.open(sys.argv[1]).close()"


def modes(file: Path) -> dict[str, str]:
    return {each.name: oct(each.stat().st_mode & 0o777) for each in file.parent.iterdir()}


def test_nobody_else_may_read_the_files(file: Path) -> None:
    before = os.umask(0)
    try:
        store = Store.open(f"sqlite:///{file}")
        store.save(outcome({}))
        while_open = modes(file)
        store.close()
    finally:
        os.umask(before)
    assert while_open == {"history.db": "0o600", "history.db-wal": "0o600", "history.db-shm": "0o600"}
    assert modes(file) == {"history.db": "0o600"}


def test_files_that_others_may_read_are_closed_to_them(file: Path) -> None:
    store = Store.open(f"sqlite:///{file}")
    store.save(outcome({}))
    for each in file.parent.iterdir():
        each.chmod(0o644)
    Store.open(f"sqlite:///{file}").close()
    assert set(modes(file).values()) == {"0o600"}
    store.close()


def test_a_file_that_is_no_database_is_told_in_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "history.db"
    broken.write_text("this is not a database, whatever its name says " * 50)
    with pytest.raises(
        StateUnavailable, match=r"history\.db cannot be used: file is not a database\. Move the file away"
    ):
        Store.open(f"sqlite:///{broken}")


def test_a_damaged_database_is_told_in_a_sentence(file: Path) -> None:
    store = Store.open(f"sqlite:///{file}")
    store.save(outcome({}, rows=500))
    store.close()
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(StateUnavailable, match=r"malformed\. Move the file away"):
        damaged = Store.open(f"sqlite:///{file}")
        damaged.save(outcome({}))


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(StateUnavailable, match="cannot write to"):
        Store.open(f"sqlite:///{tmp_path}/taken/history.db")


def test_several_may_make_the_same_database_at_once(file: Path) -> None:
    opening = [
        subprocess.Popen([sys.executable, "-c", _OPENS, f"sqlite:///{file}"], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate(timeout=60)[1] for process in opening] == [""] * 4
