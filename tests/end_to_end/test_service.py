"""`sync-agent run` as its operator has it: all day, through outages, until SIGTERM."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sync_agent.simulator.lab import Api
from tests.lab import Lab, lab

FAST = "schedule: {read_list: 1s, resolve_users: 2s, presence: 200ms, write_back: 200ms}\n"
PATIENCE = 20.0


@pytest.fixture(params=["graph", "rest"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    api: Api = request.param
    with lab(tmp_path, api=api) as made:
        made.settings.write_text(made.settings.read_text() + FAST)
        yield made.provisioned()


@contextmanager
def running(lab_: Lab) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "sync_agent", "--settings", str(lab_.settings), "run"]
    with (lab_.folder / "run.log").open("w") as log:
        process = subprocess.Popen(command, stderr=log, text=True, cwd=lab_.folder)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def until(seen: Callable[[], bool], lab_: Lab) -> None:
    """Wait for the service to bring something about; fail with its log."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if seen():
            return
        time.sleep(0.05)
    pytest.fail((lab_.folder / "run.log").read_text()[-3_000:])


def all_shown(lab_: Lab) -> bool:
    return all(item.fields.get("SyncStatus") for item in lab_.agents.items.values())


def a_right_row(lab_: Lab) -> int:
    return next(row_id for row_id, truth in lab_.world.truth.items() if not truth.codes)


def test_it_fills_the_list_follows_presence_and_edits_and_ends_within_ten_seconds(opened: Lab) -> None:
    row_id = a_right_row(opened)
    user = opened.world.user(opened.world.truth[row_id].object_id)
    assert user is not None
    with running(opened) as process:
        until(lambda: all_shown(opened), opened)
        user.availability, user.activity = "Busy", "InACall"
        until(lambda: opened.shown(row_id, "Presence") == "Busy", opened)

        opened.agents.edit(row_id, {"UPN": ""})
        until(lambda: opened.shown(row_id, "SyncStatus") == "Error", opened)
        assert opened.shown(row_id, "EntraObjectId") is None
        opened.agents.edit(row_id, {"UPN": user.upn})
        until(lambda: opened.shown(row_id, "EntraObjectId") == user.id, opened)

        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - started < 10
    log = (opened.folder / "run.log").read_text()
    assert "stopped" in log
    assert "Traceback" not in log
    assert opened.run("report").code == 0


def test_an_outage_accuses_nobody_and_passes_by_itself(opened: Lab) -> None:
    row_id = a_right_row(opened)
    user = opened.world.user(opened.world.truth[row_id].object_id)
    assert user is not None
    with running(opened) as process:
        until(lambda: all_shown(opened), opened)
        statuses = {id_: item.fields["SyncStatus"] for id_, item in opened.agents.items.items()}
        opened.world.faults.add(r"(GET /v1.0/users|POST /v1.0/\$batch|GET /v1.0/organization)", status=500)
        opened.world.faults.add(r"_api|/v1.0/sites", reset=True, times=20)
        user.availability, user.activity = "DoNotDisturb", "Presenting"
        log = opened.folder / "run.log"
        until(lambda: "job_failed" in log.read_text() or "could_not_be_asked" in log.read_text(), opened)
        assert {id_: item.fields["SyncStatus"] for id_, item in opened.agents.items.items()} == statuses

        opened.world.faults.clear()
        until(lambda: opened.shown(row_id, "Presence") == "DoNotDisturb", opened)
        assert {id_: item.fields["SyncStatus"] for id_, item in opened.agents.items.items()} == statuses
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_wrong_settings_end_it_at_once_with_two(opened: Lab) -> None:
    opened.replace("agent_list: Agents", "agent_list: Agnets")
    ran = opened.run("run")
    assert ran.code == 2
    assert "Agnets" in ran.err
    assert "Agents" in ran.err


def test_a_stop_lets_the_writes_in_flight_end(opened: Lab) -> None:
    opened.replace("resolve_users: 2s", "resolve_users: 1h")  # it asks by batches too
    with running(opened) as process:
        until(lambda: all_shown(opened), opened)
        before = {id_: item.revision for id_, item in opened.agents.items.items()}
        slow = opened.world.faults.add(r"batch", delay=2.0)
        for tenant in opened.world.tenants.values():
            for user in tenant.users.values():
                user.availability, user.activity = "Busy", "InACall"
        until(lambda: slow.seen > 0, opened)
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert process.wait(10) == 0
        assert time.monotonic() - started < 10
    assert any(item.revision != before[id_] for id_, item in opened.agents.items.items())
    assert "job_cut_off" not in (opened.folder / "run.log").read_text()
