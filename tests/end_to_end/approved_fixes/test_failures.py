"""Fixes while something fails: each is told, none is made twice, and all can be undone."""

from __future__ import annotations

import shutil

import pytest

from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import Call, Reply
from tests.end_to_end.approved_fixes.desk import FIX, OF_A_FIX, Desk
from tests.end_to_end.at_the_write import database_locked, killed_sync


def test_without_a_journal_nothing_is_written(desk: Desk) -> None:
    """The database cannot be used: its place is taken by a folder."""
    row_id, before = desk.wrong[0], desk.cell(desk.wrong[0])
    desk.approve(row_id)
    database = desk.lab.folder / "state" / "sync-agent.db"
    shutil.move(database, f"{database}.away")
    database.mkdir()
    told = desk.sync(code=1)
    assert told["done"] == 0
    assert told["error"].startswith("No fix is written where it cannot be journalled, to be undone: state.database")
    assert (desk.cell(row_id), desk.cell(row_id, "SyncApproveFix")) == (before, desk.suggestion(row_id))
    database.rmdir()
    shutil.move(f"{database}.away", database)
    assert desk.sync()["done"] == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [(423, "-2147018894, Microsoft.SharePoint.SPFileLockException"), (403, "accessDenied"), (500, "generalException")],
)
def test_a_row_that_cannot_be_written_is_told_and_tried_again(desk: Desk, status: int, code: str) -> None:
    row_id, before = desk.wrong[0], desk.cell(desk.wrong[0])
    desk.approve(row_id)
    said = f'{{"error": {{"code": "{code}", "message": "The item is locked by Terry."}}}}'.encode()
    desk.answer_of_the_write(status=status, headers={"content-type": "application/json"}, body=said)
    ran = desk.run("sync", "--json")
    told = ran.json()["fixes"]
    assert (ran.code, told["done"], told["failed"], desk.cell(row_id)) == (1, 0, 1, before)
    assert "upn_not_fixed" in ran.err and "The item is locked by Terry" in ran.err
    assert desk.run("sync").code == 1
    assert len(desk.journal()) == 1, "what is tried again and again is journalled once"
    desk.lab.world.faults.clear()
    assert (desk.sync()["done"], desk.cell(row_id)) == (1, desk.suggestion(row_id))


@pytest.mark.parametrize("status", [502, 503])
def test_a_write_whose_answer_is_lost_is_told_by_the_row_itself(desk: Desk, status: int) -> None:
    """After 503 it is sent again, and refused for the version that it made itself."""
    row_id, before = desk.wrong[0], desk.cell(desk.wrong[0])
    desk.approve(row_id)

    def lost(call: Call, truly: Truly) -> Reply:
        truly(call)
        return Reply(status, b"<html>", {"content-type": "text/html"})

    desk.answer_of_the_write(instead=lost, times=1)
    told = desk.sync()
    assert (told["done"], told["conflicts"], told["failed"]) == (1, 0, 0)
    assert desk.cell(row_id) == desk.suggestion(row_id)
    assert desk.cell(row_id, "SyncStatus") == "OK"
    assert [(entry.before, entry.after) for entry in desk.journal()] == [(before, desk.suggestion(row_id))] * 2


def test_when_a_tenant_cannot_be_asked_its_rows_wait(desk: Desk) -> None:
    row_id, before = desk.wrong[0], desk.cell(desk.wrong[0])
    desk.approve(row_id)
    desk.lab.world.faults.add(r"(GET|POST) /v1\.0/users", status=403)
    ran = desk.run("sync", "--json")
    assert (ran.code, desk.cell(row_id)) == (1, before)
    assert ran.json()["fixes"]["planned"] == 0
    assert "could be asked" in ran.json()["fixes"]["unfollowed"][0]["reason"]
    desk.lab.world.faults.clear()
    assert desk.sync()["done"] == 1


def test_a_journal_that_fails_after_the_write_is_told_and_can_undo_all_the_same(desk: Desk) -> None:
    """Somebody else locks the database in the moment of the write."""
    row_id, before = desk.wrong[0], desk.cell(desk.wrong[0])
    desk.approve(row_id)
    with database_locked(desk.lab, FIX, OF_A_FIX):
        ran = desk.run("sync", "--json")
    told = ran.json()["fixes"]
    assert (ran.code, told["done"], desk.cell(row_id)) == (1, 1, desk.suggestion(row_id))
    assert told["error"].startswith("The journal says of the last fixes only that they were to be written: state.data")
    (entry,) = desk.journal()
    assert (entry.before, entry.after) == (before, desk.suggestion(row_id))
    assert desk.sync()["planned"] == 0


def test_killed_before_the_write_nothing_is_undone_by_the_journal_and_the_next_pass_fixes(desk: Desk) -> None:
    row_id, before = desk.wrong[0], desk.cell(desk.wrong[0])
    desk.approve(row_id)
    killed_sync(desk.lab, FIX, OF_A_FIX, after=False)
    assert desk.cell(row_id) == before
    (intended,) = desk.journal()
    assert intended.after == desk.suggestion(row_id) != desk.cell(row_id)
    assert desk.sync()["done"] == 1
    assert [entry.why.partition(":")[0] for entry in desk.journal()] == ["to be written", "written"]


def test_killed_after_the_write_the_journal_has_what_it_takes_to_undo(desk: Desk) -> None:
    row_id, before = desk.wrong[0], desk.cell(desk.wrong[0])
    desk.approve(row_id)
    killed_sync(desk.lab, FIX, OF_A_FIX, after=True)
    (intended,) = desk.journal()
    assert (intended.before, intended.after) == (before, desk.cell(row_id)) == (before, desk.suggestion(row_id))
    told = desk.sync()
    assert (told["planned"], desk.cell(row_id, "SyncStatus")) == (0, "OK")
