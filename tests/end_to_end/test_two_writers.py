"""Two services that share no database write one list, with settings that disagree: they stop correcting each other."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sync_agent.simulator.lab import Api
from sync_agent.two_writers import LOOKS
from tests.end_to_end.test_two_copies import log, running, until
from tests.lab import Lab, Ran, lab

FAST = "schedule: {read_list: 1s, resolve_users: 1h, presence: 300ms, write_back: 300ms, read_whole_list: 3s}\n"
PASSES = LOOKS + 2


@dataclass(frozen=True, slots=True)
class Pair:
    """``right`` has all accounts, ``left`` knows nothing of the second tenant and lets any verdict through."""

    right: Lab
    left: Lab


@pytest.fixture(params=["graph", "rest"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    api: Api = request.param
    with lab(tmp_path, rows=40, api=api) as made:
        made.provisioned()
        text = made.settings.read_text()
        left = Lab(made.world, made.folder, made.folder / "left.yaml")
        one_account = re.sub(r"(?ms)^accounts:\n(  - .*?)(?=^  - |^\S).*?(?=^clouds:)", r"accounts:\n\1", text)
        assert one_account != text
        safety = "safety: {max_worsened: 100%, max_wrong_at_first: 100%}\n"
        left.settings.write_text(f"{one_account}{safety}state: {{database: sqlite:///state/left.db}}\n")
        yield Pair(made, left)


def next_second() -> None:
    """SyncChangedAt has whole ones."""
    time.sleep(1.02 - time.time() % 1)


def fuse(ran: Ran) -> str | None:
    held = ran.json()["held"]
    return None if held is None else str(held["fuse"])


def revisions(lab_: Lab) -> dict[int, int]:
    return {id_: item.revision for id_, item in lab_.agents.items.items()}


def test_passes_that_correct_each_other_come_to_a_stop_until_somebody_approves(pair: Pair) -> None:
    """Who notices first writes no more, so the other one has nothing to notice, nor to correct."""
    right, left = list[Ran](), list[Ran]()
    for _ in range(PASSES):
        next_second()
        right.append(pair.right.run("sync", "--json"))
        next_second()
        left.append(pair.left.run("sync", "--json"))
    assert [fuse(one) for one in right] == [None] * LOOKS + ["two_writers"] * (PASSES - LOOKS)
    assert [fuse(one) for one in left] == [None] * PASSES
    assert all(one.json()["writes"]["done"] > 5 for one in [*right[:LOOKS], *left[:LOOKS]])
    assert all(one.json()["writes"]["done"] == 0 for one in [*right[LOOKS:], *left[LOOKS:]])
    assert {one.code for one in right[LOOKS:]} == {3}
    [checksum] = {one.json()["held"]["checksum"] for one in right[LOOKS:]}
    (line, *_) = [line for one in right for line in one.err.splitlines() if "strange_writes" in line]
    assert re.search(r"latest=.\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", line)
    assert "and stop it: docs/safety.md" in line

    before = revisions(pair.right)
    shown = pair.right.run("sync")
    assert shown.code == 3
    assert "Held by the fuse two_writers: nothing is written. Another service, with another state.database" in shown.out
    assert pair.right.run("report", "--json").json()["held"] == "two_writers"
    dry = pair.right.run("sync", "--dry-run", "--approve", checksum, "--json")
    assert dry.json()["held"] is None
    assert fuse(pair.right.run("sync", "--json")) == "two_writers"
    plan = pair.right.run("sync", "--approve", "c0ffee")
    assert plan.code == 3
    assert "--approve c0ffee lets nothing through: another service" in plan.err
    assert revisions(pair.right) == before

    # the other one is stopped
    approved = pair.right.run("sync", "--json", "--approve", checksum)
    assert (approved.code, fuse(approved)) == (0, None)
    for _ in range(3):
        again = pair.right.run("sync", "--json").json()
        assert (again["held"], again["writes"]["planned"]) == (None, 0)


def test_services_that_correct_each_other_come_to_a_stop(pair: Pair) -> None:
    for each in (pair.right, pair.left):
        each.settings.write_text(each.settings.read_text() + FAST)
    with running(pair.right, "right") as right, running(pair.left, "left") as left:
        processes = {"right": right, "left": left}
        until(lambda: any("fuse=two_writers" in log(pair.right, name) for name in processes), pair.right)
        time.sleep(2)
        before = revisions(pair.right)
        time.sleep(3)
        assert revisions(pair.right) == before
        held = next(name for name in processes if "fuse=two_writers" in log(pair.right, name))
        assert log(pair.right, held).count("fuse=two_writers") == 1
        other = processes.pop("left" if held == "right" else "right")
        other.send_signal(signal.SIGTERM)
        assert other.wait(20) == 0
        found = re.search(r"fuse=two_writers.*--approve ([0-9a-f]{16})", log(pair.right, held))
        assert found is not None
        one = pair.right if held == "right" else pair.left
        assert one.run("sync", "--approve", found[1]).code == 0
        until(lambda: "no_longer_held" in log(pair.right, held), pair.right)
        row_id = next(row_id for row_id in one.world.truth if _is_of_the_first_tenant(one, row_id))
        user = one.world.user(one.world.truth[row_id].object_id)
        assert user is not None
        user.availability, user.activity = "DoNotDisturb", "Presenting"
        until(lambda: bool(one.shown(row_id, "Presence") == "DoNotDisturb"), one)
        processes[held].send_signal(signal.SIGTERM)
        assert processes[held].wait(20) == 0
    assert "Traceback" not in log(pair.right, "right") + log(pair.right, "left")


def _is_of_the_first_tenant(lab_: Lab, row_id: int) -> bool:
    return bool(not lab_.world.truth[row_id].codes and lab_.shown(row_id, "SyncStatus") == "OK")


def test_a_pass_by_hand_beside_a_service_and_an_undo_are_no_strangers(pair: Pair) -> None:
    """Of one database; the service goes on, though each pass undoes what the undo did."""
    lab_ = pair.right
    lab_.settings.write_text(lab_.settings.read_text() + FAST)
    with running(lab_, "right") as process:
        until(lambda: all(item.fields.get("SyncStatus") for item in lab_.agents.items.values()), lab_)
        for number in range(6):
            for row_id in list(lab_.agents.items)[:10]:
                lab_.agents.edit(row_id, {"SyncStatus": "Warning", "SyncAnomalies": f"odd {number}"})
            assert lab_.run("sync").code in (0, 1)
            assert lab_.run("undo").code == 0
            next_second()
        assert "strange_writes" not in log(lab_, "right")
        process.kill()
    assert "strange_writes" not in lab_.run("sync").err
