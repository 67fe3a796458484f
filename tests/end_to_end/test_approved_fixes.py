"""Approved fixes, from a person's approval to a row that is OK, by both APIs; and all that must not be fixed."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sync_agent.simulator.faults import Truly
from sync_agent.simulator.lab import Api
from sync_agent.simulator.lists import ListItem
from sync_agent.simulator.wire import Call, Reply
from sync_agent.state.store import JournalEntry, Store
from tests.lab import Lab, Ran, lab

FIX = r"(PATCH .*/items/\d+/fields|POST .*/items\(\d+\)$)"
"""The write of a UPN: Graph's in a batch, REST's by itself."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A lab whose list was synced once, so that people see suggestions."""

    lab: Lab
    api: Api

    @property
    def wrong(self) -> list[int]:
        """Rows of which the right UPN is known, one that holds an alias first."""
        codes = ("upn_is_alias", "upn_whitespace")
        truths = {row_id: truth for row_id, truth in self.lab.world.truth.items() if truth.suggestion}
        return [row_id for code in codes for row_id, truth in truths.items() if truth.codes == {code}]

    def suggestion(self, row_id: int) -> str:
        return str(self.lab.world.truth[row_id].suggestion)

    def item(self, row_id: int) -> ListItem:
        return self.lab.agents.items[row_id]

    def cell(self, row_id: int, column: str = "UPN") -> Any:
        return self.lab.shown(row_id, column)

    def approve(self, row_id: int, text: str | None = None) -> None:
        """As a person does, in the list."""
        self.lab.agents.edit(row_id, {"SyncApproveFix": self.suggestion(row_id) if text is None else text})

    def sync(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """What became of fixes."""
        ran = self.lab.run("sync", "--json", *arguments)
        assert ran.code == code, ran.err + ran.out
        fixes: dict[str, Any] = ran.json()["fixes"]
        return fixes

    def run(self, *arguments: str) -> Ran:
        return self.lab.run(*arguments)

    def journal(self, row_id: int | None = None) -> list[JournalEntry]:
        store = Store.open(f"sqlite:///{self.lab.folder}/state/sync-agent.db")
        try:
            return store.journalled("Agents", row_id)
        finally:
            store.close()

    def people_edit_before_the_write(self, row_id: int, cells: dict[str, Any], times: int = 1) -> None:
        """In the moment between the last reading of the row and the write of its fix."""

        def edit_first(call: Call, truly: Truly) -> Reply:
            self.lab.agents.edit(row_id, cells)
            return truly(call)

        self.lab.world.faults.add(FIX, holding=b"SyncApproveFix", instead=edit_first, times=times)

    def answer_of_the_write(self, **how: Any) -> None:
        self.lab.world.faults.add(FIX, holding=b"SyncApproveFix", **how)


@pytest.fixture(params=["graph", "rest"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    api: Api = request.param
    with lab(tmp_path, rows=50, api=api) as made:
        made.replace("pacing:", "safety: {approved_fixes: true}\npacing:")
        opened = Desk(made.provisioned(), api)
        assert opened.sync()["planned"] == 0
        assert len(opened.wrong) >= 2
        yield opened


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


def test_a_person_who_edits_the_upn_after_approving_is_faster(desk: Desk) -> None:
    row_id = desk.wrong[0]
    desk.approve(row_id)
    desk.people_edit_before_the_write(row_id, {"UPN": "typed.by.hand@contoso.com"})
    told = desk.sync()
    assert (told["planned"], told["done"], told["conflicts"], told["failed"]) == (1, 0, 1, 0)
    assert desk.cell(row_id) == "typed.by.hand@contoso.com"
    assert desk.cell(row_id, "SyncAnomalies").startswith("user_not_found")
    assert [entry.why.partition(":")[0] for entry in desk.journal(row_id)] == ["to be written", "not written"]
    last = desk.journal(row_id)[-1]
    assert last.before == last.after


def test_a_person_who_edits_anything_in_the_row_is_faster_and_the_next_pass_fixes(desk: Desk) -> None:
    row_id = desk.wrong[0]
    desk.approve(row_id)
    desk.people_edit_before_the_write(row_id, {"Team": "Billing"})
    assert desk.sync()["conflicts"] == 1
    assert (desk.cell(row_id, "Team"), desk.sync()["done"]) == ("Billing", 1)
    assert (desk.cell(row_id), desk.cell(row_id, "Team")) == (desk.suggestion(row_id), "Billing")


def suggested_again(desk: Desk, row_id: int) -> str:
    """Type a UPN that is nobody's, for which the row's name suggests what was suggested before."""
    typed = f"somebody.else@{desk.suggestion(row_id).partition('@')[2]}"
    desk.lab.agents.edit(row_id, {"UPN": typed})
    return typed


def named_after_its_user(desk: Desk, row_id: int) -> None:
    user = next(user for _, tenant, _ in desk.lab.world.accounts if (user := tenant.by_upn(desk.suggestion(row_id))))
    desk.lab.agents.edit(row_id, {"Title": user.display_name})


def test_what_a_person_types_after_the_approval_is_never_overwritten(desk: Desk) -> None:
    """Each `sync` is a process of its own; the approval stays, and the row's name goes on suggesting what it says."""
    row_id = desk.wrong[0]
    named_after_its_user(desk, row_id)
    desk.approve(row_id)
    typed = f"somebody.else@{desk.suggestion(row_id).partition('@')[2]}"
    desk.people_edit_before_the_write(row_id, {"UPN": typed})
    assert desk.sync()["conflicts"] == 1
    for _ in range(2):
        told = desk.sync()
        assert (told["planned"], desk.cell(row_id)) == (0, typed)
        assert told["unfollowed"][0]["reason"].startswith("the UPN was edited after that")
    assert f"Did you mean {desk.suggestion(row_id)}?" in desk.cell(row_id, "SyncAnomalies")
    explained = desk.run("explain", str(row_id)).out
    assert "the UPN was edited after that" in " ".join(explained.split())

    desk.approve(row_id, "")
    assert desk.sync()["unfollowed"] == []
    desk.approve(row_id)
    assert (desk.sync()["done"], desk.cell(row_id)) == (1, desk.suggestion(row_id))


@pytest.mark.parametrize("held_by", ["its own fuse", "the fuse of the pass", "a silent tenant", "another row"])
def test_an_approval_that_had_to_wait_is_void_once_the_upn_is_edited(desk: Desk, held_by: str) -> None:
    row_id = desk.wrong[0]
    named_after_its_user(desk, row_id)
    desk.approve(row_id)
    faults, agents = desk.lab.world.faults, desk.lab.agents
    before = {id_: item.fields.get("UPN") for id_, item in agents.items.items()}
    if held_by == "its own fuse":
        desk.lab.replace("approved_fixes: true", "approved_fixes: true, max_worsened_floor: 0, max_fixes: 1%")
        assert desk.sync(code=3)["held"]["fuse"] == "max_fixes"
        desk.lab.replace(", max_worsened_floor: 0, max_fixes: 1%", "")
    elif held_by == "the fuse of the pass":
        right = [id_ for id_, truth in desk.lab.world.truth.items() if not truth.codes]
        for other in right:
            agents.edit(other, {"UPN": "nobody"})
        assert desk.run("sync").code == 3
        for other in right:
            agents.edit(other, {"UPN": before[other]})
    elif held_by == "a silent tenant":
        faults.add(r"(GET|POST) /v1\.0/users", status=403)
        assert desk.sync(code=1)["planned"] == 0
        faults.clear()
    else:
        agents.edit(desk.wrong[1], {"UPN": desk.suggestion(row_id)})
        assert desk.sync()["planned"] == 0
        agents.edit(desk.wrong[1], {"UPN": before[desk.wrong[1]]})
    typed = suggested_again(desk, row_id)
    told = desk.sync()
    assert (told["planned"], desk.cell(row_id)) == (0, typed)
    assert told["unfollowed"][0]["reason"].startswith("the UPN was edited after that")


def test_what_is_seen_together_for_the_first_time_counts(desk: Desk) -> None:
    """Somebody edits the UPN and approves what the row's name suggests for it, between two passes."""
    row_id = desk.wrong[0]
    named_after_its_user(desk, row_id)
    suggested_again(desk, row_id)
    desk.approve(row_id)
    assert (desk.sync()["done"], desk.cell(row_id)) == (1, desk.suggestion(row_id))


def test_a_dry_run_notes_nothing(desk: Desk) -> None:
    row_id = desk.wrong[0]
    named_after_its_user(desk, row_id)
    desk.approve(row_id)
    desk.sync("--dry-run")
    suggested_again(desk, row_id)
    assert desk.sync()["done"] == 1


def test_a_row_that_is_deleted_meanwhile_is_no_failure(desk: Desk) -> None:
    row_id = desk.wrong[0]
    desk.approve(row_id)

    def delete_first(call: Call, truly: Truly) -> Reply:
        desk.lab.agents.delete(row_id)
        return truly(call)

    desk.answer_of_the_write(instead=delete_first, times=1)
    told = desk.sync()
    assert (told["done"], told["conflicts"], told["failed"]) == (0, 1, 0)


def test_an_approval_taken_back_before_the_write_is_taken_back(desk: Desk) -> None:
    row_id = desk.wrong[0]
    before = desk.cell(row_id)
    desk.approve(row_id)
    desk.people_edit_before_the_write(row_id, {"SyncApproveFix": ""})
    assert desk.sync()["conflicts"] == 1
    assert (desk.cell(row_id), desk.sync()["planned"]) == (before, 0)


def test_a_suggestion_that_has_changed_since_is_not_written(desk: Desk) -> None:
    """The user was renamed after the person approved the name before."""
    row_id = desk.wrong[0]
    before, approved = desk.cell(row_id), desk.suggestion(row_id)
    desk.approve(row_id)
    user = next(user for _, tenant, _ in desk.lab.world.accounts if (user := tenant.by_upn(approved)) is not None)
    tenant = next(tenant for _, tenant, _ in desk.lab.world.accounts if tenant.by_upn(approved) is not None)
    del tenant.users[user.id]
    user.upn = f"renamed.{approved}"
    tenant.add(user)
    told = desk.sync()
    assert (told["planned"], desk.cell(row_id)) == (0, before)
    assert told["unfollowed"][0]["reason"] == f"the suggestion is renamed.{approved} now"


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
    locking = sqlite3.connect(desk.lab.folder / "state" / "sync-agent.db", check_same_thread=False)

    def lock_first(call: Call, truly: Truly) -> Reply:
        locking.execute("BEGIN EXCLUSIVE")
        return truly(call)

    desk.answer_of_the_write(instead=lock_first, times=1)
    ran = desk.run("sync", "--json")
    locking.rollback()
    locking.close()
    told = ran.json()["fixes"]
    assert (ran.code, told["done"], desk.cell(row_id)) == (1, 1, desk.suggestion(row_id))
    assert told["error"].startswith("The journal says of the last fixes only that they were to be written: state.data")
    (entry,) = desk.journal()
    assert (entry.before, entry.after) == (before, desk.suggestion(row_id))
    assert desk.sync()["planned"] == 0


def killed_at_the_write(desk: Desk, *, after: bool) -> None:
    """A `sync` of its own process, killed as its write of the UPN arrives, or as the answer to it is on its way."""
    command = [sys.executable, "-m", "sync_agent", "--settings", str(desk.lab.settings), "sync"]
    begun: list[subprocess.Popen[bytes]] = []

    def kill(call: Call, truly: Truly) -> Reply:
        reply = truly(call) if after else Reply(503)
        begun[0].kill()
        begun[0].wait()
        return reply

    desk.answer_of_the_write(instead=kill)
    begun.append(subprocess.Popen(command, cwd=desk.lab.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    assert begun[0].wait(60) == -signal.SIGKILL
    desk.lab.world.faults.clear()


def test_killed_before_the_write_nothing_is_undone_by_the_journal_and_the_next_pass_fixes(desk: Desk) -> None:
    row_id, before = desk.wrong[0], desk.cell(desk.wrong[0])
    desk.approve(row_id)
    killed_at_the_write(desk, after=False)
    assert desk.cell(row_id) == before
    (intended,) = desk.journal()
    assert intended.after == desk.suggestion(row_id) != desk.cell(row_id)
    assert desk.sync()["done"] == 1
    assert [entry.why.partition(":")[0] for entry in desk.journal()] == ["to be written", "written"]


def test_killed_after_the_write_the_journal_has_what_it_takes_to_undo(desk: Desk) -> None:
    row_id, before = desk.wrong[0], desk.cell(desk.wrong[0])
    desk.approve(row_id)
    killed_at_the_write(desk, after=True)
    (intended,) = desk.journal()
    assert (intended.before, intended.after) == (before, desk.cell(row_id)) == (before, desk.suggestion(row_id))
    told = desk.sync()
    assert (told["planned"], desk.cell(row_id, "SyncStatus")) == (0, "OK")
