"""Two services on one list and one database: one writes, the other takes over when it is killed, hangs or stops."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab import Lab, lab

FAST = "schedule: {read_list: 1s, resolve_users: 1h, presence: 300ms, write_back: 300ms}\nsafety: {lease: 6s}\n"
PATIENCE = 60.0


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path, rows=40) as made:
        if request.param == "postgresql":
            made.replace("sharepoint:", f"state: {{database: '{_new_database(request)}'}}\nsharepoint:")
        made.settings.write_text(made.settings.read_text() + FAST)
        yield made.provisioned()


def _new_database(request: pytest.FixtureRequest) -> str:
    address: str = request.getfixturevalue("postgresql").new_database()
    return address


@contextmanager
def running(lab_: Lab, name: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "sync_agent", "--settings", str(lab_.settings), "run"]
    with (lab_.folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(command, stderr=log, text=True, cwd=lab_.folder)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def log(lab_: Lab, name: str) -> str:
    return (lab_.folder / f"{name}.log").read_text()


def until(seen: Callable[[], bool], lab_: Lab) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if seen():
            return
        time.sleep(0.05)
    logs = sorted(lab_.folder.glob("*.log"))
    pytest.fail("\n".join(f"{path.name}: {path.read_text()[-2_000:]}" for path in logs))


def test_one_writes_whatever_becomes_of_the_other(opened: Lab) -> None:
    row_id = next(row_id for row_id, truth in opened.world.truth.items() if not truth.codes)
    user = opened.world.user(opened.world.truth[row_id].object_id)
    assert user is not None

    def now(availability: str) -> None:
        user.availability, user.activity = availability, availability

    def shown(availability: str) -> Callable[[], bool]:
        return lambda: bool(opened.shown(row_id, "Presence") == availability)

    with running(opened, "first") as first, running(opened, "second") as second:
        until(lambda: "lease_held" in log(opened, "first") + log(opened, "second"), opened)
        until(lambda: "standing_by" in log(opened, "first") + log(opened, "second"), opened)
        if "standing_by" in log(opened, "first"):
            writer, other, name = second, first, "first"
        else:
            writer, other, name = first, second, "second"
        now("Busy")
        until(shown("Busy"), opened)
        assert log(opened, name).count("standing_by") == 1

        woken = "second" if name == "first" else "first"
        if "postgresql" in opened.settings.read_text():  # a file is kept from all by who hangs while writing to it
            writer.send_signal(signal.SIGSTOP)  # as a machine that hangs
            now("DoNotDisturb")
            until(shown("DoNotDisturb"), opened)
            assert "lease_held" in log(opened, name)
            writer.send_signal(signal.SIGCONT)
            until(lambda: "standing_by" in log(opened, woken), opened)
            writer, other, name, woken = other, writer, woken, name

        writer.kill()
        now("Away")
        until(shown("Away"), opened)
        assert "lease_held" in log(opened, name)
        writer = other

        with running(opened, "third") as third:
            until(lambda: "standing_by" in log(opened, "third"), opened)
            ran = opened.run("sync")
            assert "another_service_writes" in ran.err
            assert ran.code in (0, 1)
            writer.send_signal(signal.SIGTERM)
            assert writer.wait(20) == 0
            until(lambda: "lease_held" in log(opened, "third"), opened)
            now("Available")
            until(shown("Available"), opened)
            third.send_signal(signal.SIGTERM)
            assert third.wait(20) == 0
    for each in ("first", "second", "third"):
        assert "Traceback" not in log(opened, each)
    assert "another_service_writes" not in opened.run("sync").err
