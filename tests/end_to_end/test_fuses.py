"""A plan that looks like a mistake is held, and stays held, until a person approves it or the cause is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import Call, Reply
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


def test_vanished_rows_are_let_go_by_no_other_checksum(synced: Lab) -> None:
    for row_id in list(synced.agents.items)[:40]:
        synced.agents.delete(row_id)
    refused = synced.run("sync", "--approve", "c0ffee")
    assert refused.code == 3
    assert "40 of 60 rows are no longer in the list" in refused.err
    assert synced.run("sync", "--json").json()["held"]["fuse"] == "max_missing_rows"


def test_what_is_approved_goes_on_though_a_person_edits_a_row_meanwhile(synced: Lab) -> None:
    for row_id in list(synced.agents.items)[:40]:
        synced.agents.delete(row_id)
    edited = next(iter(synced.agents.items))
    synced.agents.edit(edited, {"UPN": "nobody"})
    checksum = synced.run("sync", "--json").json()["held"]["checksum"]

    def overtaken(call: Call, truly: Truly) -> Reply:
        synced.agents.edit(edited, {"UPN": None})
        return truly(call)

    synced.world.faults.add(r"PATCH .*/fields", instead=overtaken, times=1)
    ran = synced.run("sync", "--json", "--approve", checksum)
    assert (ran.code, ran.json()["held"], ran.json()["writes"]["conflicts"]) == (0, None, 1)
    assert "upn_missing" in synced.agents.items[edited].fields["SyncAnomalies"]
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
