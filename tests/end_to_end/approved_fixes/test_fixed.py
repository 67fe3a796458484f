"""Approved fixes, from a person's approval to a row that is OK, by both APIs; and what must not be fixed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.approved_fixes.desk import Desk
from tests.lab import lab


def test_an_approved_suggestion_is_written_and_the_row_is_ok_in_the_same_pass(desk: Desk) -> None:
    row_id = desk.wrong[0]
    before, others = desk.cell(row_id), {id_: dict(item.fields) for id_, item in desk.lab.agents.items.items()}
    desk.approve(row_id)
    versions = len(desk.item(row_id).versions)
    told = desk.sync()
    change = {"row": row_id, "before": before, "after": desk.suggestion(row_id), "code": "upn_is_alias", "done": True}
    assert told["changes"] == [change]
    assert (told["planned"], told["done"], told["failed"], told["unfollowed"]) == (1, 1, 0, [])
    assert desk.cell(row_id) == desk.suggestion(row_id)
    assert (desk.cell(row_id, "SyncApproveFix"), desk.cell(row_id, "SyncAnomalies")) == (None, None)
    assert desk.cell(row_id, "SyncStatus") == "OK"
    assert desk.cell(row_id, "Presence") not in (None, "")
    assert len(desk.item(row_id).versions) > versions
    theirs = {name for name in others[row_id] if not name.startswith(("Sync", "Presence", "Entra"))} - {"UPN"}
    assert {name: desk.cell(row_id, name) for name in theirs} == {name: others[row_id][name] for name in theirs}
    upns = {id_: item.fields.get("UPN") for id_, item in desk.lab.agents.items.items() if id_ != row_id}
    assert upns == {id_: cells.get("UPN") for id_, cells in others.items() if id_ != row_id}


def test_the_second_pass_fixes_nothing_and_writes_nothing(desk: Desk) -> None:
    desk.approve(desk.wrong[0])
    desk.sync()
    revisions = {id_: item.revision for id_, item in desk.lab.agents.items.items()}
    assert desk.sync()["planned"] == 0
    assert {id_: item.revision for id_, item in desk.lab.agents.items.items()} == revisions


def test_the_journal_says_what_was_there_what_is_and_who_approved(desk: Desk) -> None:
    row_id, before = desk.wrong[0], desk.cell(desk.wrong[0])
    desk.approve(row_id)
    desk.sync()
    intended, written = desk.journal()
    assert (intended.row_id, intended.column) == (row_id, "UPN")
    assert [(entry.before, entry.after) for entry in (intended, written)] == [(before, desk.suggestion(row_id))] * 2
    assert intended.why.startswith("to be written: a person approved what upn_is_alias suggests")
    assert "last edited by terry.leader@contoso.com, at 20" in intended.why
    assert written.why == "written"


def test_it_is_off_unless_it_is_asked_for(desk: Desk) -> None:
    desk.lab.replace("approved_fixes: true", "approved_fixes: false")
    desk.approve(desk.wrong[0])
    before = desk.cell(desk.wrong[0])
    document = desk.run("sync", "--json").json()
    assert "fixes" not in document
    assert desk.cell(desk.wrong[0]) == before


def test_without_the_column_the_rest_goes_on_and_that_is_told(tmp_path: Path) -> None:
    with lab(tmp_path, rows=40) as made:
        made.provisioned()
        made.replace("pacing:", "safety: {approved_fixes: true}\npacing:")
        ran = made.run("sync", "--json")
        assert ran.code == 1
        assert "Run `sync-agent provision`" in ran.json()["fixes"]["error"]
        assert ran.json()["writes"]["done"] == 40


@pytest.mark.parametrize("text", ["nobody@contoso.com", "{}."])
def test_another_value_is_not_written_and_the_person_is_told_why(desk: Desk, text: str) -> None:
    row_id = desk.wrong[0]
    before, suggestion = desk.cell(row_id), desk.suggestion(row_id)
    desk.approve(row_id, text.format(suggestion, suggestion))
    told = desk.sync()
    assert (told["planned"], desk.cell(row_id)) == (0, before)
    assert told["unfollowed"][0]["reason"] == f"the suggestion is {suggestion} now"
    shown = desk.run("sync")
    assert f"Row {row_id}: " in shown.out and f"is approved, but the suggestion is {suggestion} now" in shown.out
    assert desk.journal() == []


def test_two_rows_that_approve_one_upn_are_both_left_alone(desk: Desk) -> None:
    row_id, other = desk.wrong[0], desk.wrong[1]
    alias = desk.cell(row_id)
    desk.lab.agents.edit(other, {"UPN": alias})
    desk.sync()
    desk.approve(row_id)
    desk.approve(other, desk.suggestion(row_id))
    told = desk.sync()
    assert (told["planned"], desk.cell(row_id), desk.cell(other)) == (0, alias, alias)
    assert {each["row"]: each["reason"] for each in told["unfollowed"]} == {
        row_id: f"it is approved for row {other} too",
        other: f"it is approved for row {row_id} too",
    }


def test_a_upn_that_another_row_has_is_not_written(desk: Desk) -> None:
    row_id, other = desk.wrong[0], desk.wrong[1]
    desk.lab.agents.edit(other, {"UPN": desk.suggestion(row_id).upper()})
    desk.approve(row_id)
    before = desk.cell(row_id)
    told = desk.sync()
    assert (told["planned"], desk.cell(row_id)) == (0, before)
    assert told["unfollowed"][0]["reason"] == f"row {other} has it already"


def test_a_dry_run_lists_what_would_be_fixed_and_writes_nothing(desk: Desk) -> None:
    row_id = desk.wrong[0]
    desk.approve(row_id)
    before = {id_: (item.revision, dict(item.fields)) for id_, item in desk.lab.agents.items.items()}
    told = desk.sync("--dry-run")
    assert (told["planned"], told["done"], told["changes"][0]["done"]) == (1, 0, False)
    shown = desk.run("sync", "--dry-run").out
    assert "Approved fixes that would be written: 1" in shown
    assert f"Row {row_id}: {desk.cell(row_id)} → {desk.suggestion(row_id)} (upn_is_alias)" in shown
    assert {id_: (item.revision, dict(item.fields)) for id_, item in desk.lab.agents.items.items()} == before
    assert desk.journal() == []


def test_the_terminal_says_what_was_fixed(desk: Desk) -> None:
    row_id, before = desk.wrong[0], desk.cell(desk.wrong[0])
    desk.approve(row_id)
    shown = desk.run("sync").out
    assert "Approved fixes: 1 of 1 written" in shown
    assert f"Row {row_id}: {before} → {desk.suggestion(row_id)} (upn_is_alias)" in shown


def test_a_held_pass_fixes_nothing(desk: Desk) -> None:
    row_id, before = desk.wrong[0], desk.cell(desk.wrong[0])
    desk.approve(row_id)
    for other, truth in desk.lab.world.truth.items():
        if not truth.codes:
            desk.lab.agents.edit(other, {"UPN": "nobody"})
    ran = desk.run("sync", "--json")
    assert (ran.code, ran.json()["held"]["fuse"]) == (3, "max_worsened")
    assert "fixes" not in ran.json()
    assert (desk.cell(row_id), desk.journal()) == (before, [])


def test_too_many_at_once_are_held_until_their_checksum_is_approved(desk: Desk) -> None:
    desk.lab.replace("approved_fixes: true", "approved_fixes: true, max_worsened_floor: 2, max_fixes: 1%")
    rows = desk.wrong[:2]
    before = {row_id: desk.cell(row_id) for row_id in rows}
    for row_id in rows:
        desk.approve(row_id)
    told = desk.sync(code=3)
    assert (told["held"]["fuse"], told["held"]["rows"], told["done"]) == ("max_fixes", 2, 0)
    assert {row_id: desk.cell(row_id) for row_id in rows} == before
    shown = desk.run("sync")
    assert (shown.code, "2 of 50 rows are approved for fixes at once, and at most 1% may be" in shown.out) == (3, True)
    assert desk.run("sync", "--approve", "c0ffee").code == 3
    assert desk.sync("--approve", told["held"]["checksum"])["done"] == 2
    assert {row_id: desk.cell(row_id) for row_id in rows} == {row_id: desk.suggestion(row_id) for row_id in rows}
