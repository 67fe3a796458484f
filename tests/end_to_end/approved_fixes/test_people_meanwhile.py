"""Whatever people do between an approval and its fix: nothing that they typed is overwritten."""

from __future__ import annotations

import pytest

from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import Call, Reply
from tests.end_to_end.approved_fixes.desk import Desk


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
