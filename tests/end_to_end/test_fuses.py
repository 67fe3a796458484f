"""A plan that looks like a mistake is held, and stays held, until a person approves it or the cause is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import Lab, lab


@pytest.fixture
def synced(tmp_path: Path) -> object:
    with lab(tmp_path, rows=60) as made:
        assert made.provisioned().run("sync").code == 0
        yield made


def test_vanished_rows_are_not_taken_for_granted_by_the_next_pass(synced: Lab) -> None:
    for row_id in list(synced.agents.items)[:40]:
        synced.agents.delete(row_id)
    held = synced.run("sync", "--json")
    assert held.code == 3
    assert held.json()["held"]["fuse"] == "max_missing_rows"
    assert held.json()["held"]["rows"] == 40
    again = synced.run("sync", "--json")
    assert again.code == 3
    assert again.json()["held"] == held.json()["held"]
    assert synced.run("sync", "--approve", held.json()["held"]["checksum"]).code == 0
    assert synced.run("sync").code == 0


def test_a_held_pass_opens_and_resolves_nothing_and_the_report_says_so(synced: Lab) -> None:
    before = synced.run("report", "--json").json()
    for row_id, truth in synced.world.truth.items():
        if not truth.codes:
            synced.agents.edit(row_id, {"UPN": "nobody"})
    assert synced.run("sync").code == 3
    after = synced.run("report", "--json").json()
    assert after["held"] == "max_worsened"
    assert (after["status"], after["by_code"]) == (before["status"], before["by_code"])
    assert "held by the fuse max_worsened" in synced.run("report").out
    assert synced.run("report", "--html", "report.html").code == 0
    assert "held by the fuse max_worsened" in (synced.folder / "report.html").read_text()


def test_another_checksum_lets_nothing_through_and_that_is_told(synced: Lab) -> None:
    for row_id, truth in synced.world.truth.items():
        if not truth.codes:
            synced.agents.edit(row_id, {"UPN": "nobody"})
    ran = synced.run("sync", "--approve", "c0ffee")
    assert ran.code == 3
    assert "sync-agent: --approve c0ffee lets nothing through: c0ffee is not the plan at hand" in ran.err


@pytest.mark.parametrize("by", ["id", "title in other letters"])
def test_however_the_list_is_named_vanished_rows_are_noticed(tmp_path: Path, by: str) -> None:
    with lab(tmp_path, rows=40) as made:
        made.replace("agent_list: Agents", f"agent_list: {made.agents.id if by == 'id' else 'AGENTS'}")
        assert made.provisioned().run("sync").code == 0
        for row_id in list(made.agents.items)[:30]:
            made.agents.delete(row_id)
        held = made.run("sync", "--json")
    assert held.code == 3
    assert held.json()["held"]["fuse"] == "max_missing_rows"
