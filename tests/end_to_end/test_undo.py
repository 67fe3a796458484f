"""Undo and history, by both APIs: a run is taken back where nobody changed anything since, and each row tells of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sync_agent.simulator.faults import Truly
from sync_agent.simulator.lab import Api
from sync_agent.simulator.wire import Call, Reply
from tests.end_to_end.at_the_write import database_locked, killed_sync
from tests.lab import Lab, lab

VERDICT = ("SyncStatus", "SyncAnomalies", "SyncAccount", "EntraObjectId")
BATCH = r"POST .*batch"


@dataclass(frozen=True, slots=True)
class Office:
    lab: Lab
    api: Api

    @property
    def written_by(self) -> bytes:
        """What only a request that writes holds."""
        return b"PATCH" if self.api == "graph" else b"SyncChangedAt"

    @property
    def right(self) -> list[int]:
        return [row_id for row_id, truth in self.lab.world.truth.items() if not truth.codes]

    def verdict(self, row_id: int) -> dict[str, Any]:
        return {column: self.lab.shown(row_id, column) or None for column in VERDICT}

    def everything(self) -> dict[int, dict[str, Any]]:
        """But what moves with each write."""
        return {
            id_: {name: value for name, value in item.fields.items() if value and name != "SyncChangedAt"}
            for id_, item in self.lab.agents.items.items()
        }

    def run(self, *arguments: str, code: int = 0) -> Any:
        ran = self.lab.run(*arguments, "--json")
        assert ran.code == code, ran.err + ran.out
        return ran.json()

    def break_rows(self, count: int = 3) -> list[int]:
        """A person spoils the UPNs of some rows, and a sync says so in them."""
        rows = self.right[:count]
        for row_id in rows:
            self.lab.agents.edit(row_id, {"UPN": f"nobody{row_id}@contoso.com"})
        assert self.run("sync")["writes"]["done"] == count
        return rows


@pytest.fixture(params=["graph", "rest"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    api: Api = request.param
    with lab(tmp_path, rows=40, api=api) as made:
        made.replace("pacing:", "safety: {approved_fixes: true}\npacing:")
        opened = Office(made.provisioned(), api)
        opened.run("sync")
        yield opened


def test_a_run_is_taken_back_and_the_undo_too_and_the_next_sync_is_right_again(office: Office) -> None:
    before = {row_id: office.verdict(row_id) for row_id in office.right[:3]}
    rows = office.break_rows()
    after = {row_id: office.verdict(row_id) for row_id in rows}
    everything = office.everything()
    dry = office.run("undo", "--dry-run")
    assert (dry["counts"]["to restore"], dry["undo_run"], office.everything()) == (3, None, everything)
    asking = office.lab.world.faults.add(r"users|presence|domains|organization", status=500)
    undone = office.run("undo")
    assert asking.seen == 0, "the tenants are asked nothing"
    assert (undone["run"], undone["kind"], undone["undo_run"]) == (2, "sync", 3)
    assert undone["counts"] == {"restored": 3, "to restore": 0, "kept": 0, "failed": 0}
    assert {row_id: office.verdict(row_id) for row_id in rows} == before
    untouched = {id_: cells for id_, cells in everything.items() if id_ not in rows}
    assert {id_: cells for id_, cells in office.everything().items() if id_ not in rows} == untouched
    assert [office.lab.shown(row_id, "UPN") for row_id in rows] == [f"nobody{row_id}@contoso.com" for row_id in rows]
    assert office.run("undo")["kind"] == "undo"
    assert {row_id: office.verdict(row_id) for row_id in rows} == after
    assert office.run("undo", "--run", "2")["counts"]["restored"] == 3
    office.lab.world.faults.clear()
    synced = office.run("sync")
    assert (synced["writes"]["done"], synced["put_right"]) == (3, 0), "an undo is nobody's edit"
    assert {row_id: office.verdict(row_id) for row_id in rows} == after


def test_rows_that_somebody_changed_or_deleted_since_are_left_alone_and_told(office: Office) -> None:
    shown, edited, deleted = office.break_rows()
    office.lab.agents.edit(shown, {"SyncAnomalies": "I know, it will be put right on Monday."})
    office.lab.agents.edit(edited, {"UPN": "typed.by.hand@contoso.com"})
    office.lab.agents.delete(deleted)
    before = office.everything()
    undone = office.run("undo")
    assert (undone["counts"]["restored"], undone["counts"]["kept"], undone["undo_run"]) == (0, 3, None)
    assert {row["row"]: row["reason"] for row in undone["rows"]} == {
        shown: "it shows something else since: a person or a later run wrote it",
        edited: "its UPN is another since",
        deleted: "the row is not in the list any more",
    }
    assert office.everything() == before


def test_a_person_who_edits_in_the_moment_of_the_write_is_faster(office: Office) -> None:
    first, second, _ = office.break_rows()

    def edit_first(call: Call, truly: Truly) -> Reply:
        office.lab.agents.edit(first, {"UPN": "typed.by.hand@contoso.com"})
        office.lab.agents.delete(second)
        return truly(call)

    if office.api == "graph":
        office.lab.world.faults.add(BATCH, holding=office.written_by, instead=edit_first, times=1)
    else:  # whose form takes no ETag: that rows are read right before it is the last moment in which a person is seen
        office.lab.world.faults.add(r"GET .*items\?.*filter", instead=edit_first, every=2, times=1)
    undone = office.run("undo")
    assert undone["counts"] == {"restored": 1, "to restore": 0, "kept": 2, "failed": 0}
    assert office.lab.shown(first, "UPN") == "typed.by.hand@contoso.com"
    assert office.lab.shown(first, "SyncStatus") == "Error"


def test_what_fails_is_told_and_can_be_undone_later(office: Office) -> None:
    rows = office.break_rows()
    office.lab.world.faults.add(BATCH, holding=office.written_by, status=403)
    undone = office.run("undo", "--run", "2", code=1)
    assert undone["counts"]["failed"] == 3
    assert all(row["reason"] for row in undone["rows"])
    office.lab.world.faults.clear()
    assert office.run("undo", "--run", "2")["counts"]["restored"] == 3
    assert office.lab.shown(rows[0], "SyncStatus") == "OK"


def test_a_fix_is_taken_back_with_the_verdict_also_when_none_may_be_approved_any_more(office: Office) -> None:
    row_id = next(id_ for id_, truth in office.lab.world.truth.items() if truth.codes == {"upn_is_alias"})
    before, alias = office.verdict(row_id), office.lab.shown(row_id, "UPN")
    suggestion = str(office.lab.world.truth[row_id].suggestion)
    office.lab.agents.edit(row_id, {"SyncApproveFix": suggestion})
    assert office.run("sync")["fixes"]["done"] == 1
    assert (office.lab.shown(row_id, "UPN"), office.lab.shown(row_id, "SyncStatus")) == (suggestion, "OK")
    office.lab.replace("approved_fixes: true", "approved_fixes: false")
    undone = office.run("undo")
    assert undone["counts"]["restored"] == 1
    assert (office.lab.shown(row_id, "UPN"), office.verdict(row_id)) == (alias, before)
    assert office.run("sync")["writes"]["done"] <= 1
    assert office.lab.shown(row_id, "UPN") == alias, "the approval was spent"
    told = office.lab.run("history", str(row_id)).out
    assert f"UPN: “{suggestion}” → “{alias}”" in told and "undo of run 2" in told


def test_a_database_that_fails_in_the_middle_keeps_a_person_s_cell_and_is_told(office: Office) -> None:
    """A cell of a person is not written where it cannot be journalled; the verdict of the row is restored by then."""
    row_id = next(id_ for id_, truth in office.lab.world.truth.items() if truth.codes == {"upn_is_alias"})
    office.lab.agents.edit(row_id, {"SyncApproveFix": str(office.lab.world.truth[row_id].suggestion)})
    assert office.run("sync")["fixes"]["done"] == 1
    fixed = office.lab.shown(row_id, "UPN")
    with database_locked(office.lab, BATCH, office.written_by):
        undone = office.run("undo", code=1)
    assert undone["error"].startswith("state.database")
    assert (undone["counts"]["restored"], office.lab.shown(row_id, "UPN")) == (0, fixed)
    assert office.run("undo", "--run", "2")["counts"]["restored"] == 1
    assert office.lab.shown(row_id, "UPN") != fixed


@pytest.mark.parametrize("after", [True, False])
def test_killed_between_the_write_and_the_journal_it_says_that_it_does_not_know_until_it_does(
    office: Office, after: bool
) -> None:
    row_id = office.right[0]
    before = office.verdict(row_id)
    office.lab.agents.edit(row_id, {"UPN": "nobody@contoso.com"})
    killed_sync(office.lab, BATCH, office.written_by, after=after)
    assert (office.verdict(row_id) != before) is after
    newest = office.run("history", str(row_id))["events"][0]
    assert (newest["kind"], newest["known_to_be_written"]) == ("write", False)
    undone = office.run("undo", "--dry-run")
    assert undone["counts"]["to restore" if after else "kept"] == 1
    another = office.right[1]
    office.lab.agents.edit(another, {"UPN": "nobody.else@contoso.com"})
    office.run("sync")
    written = [event for event in office.run("history", str(row_id))["events"] if event["kind"] == "write"]
    assert [event["known_to_be_written"] for event in written] == [True, True]
    assert written[0]["run"]["id"] == (2 if after else 3)


def test_what_was_written_since_a_time_is_taken_back_whoever_wrote_it(office: Office) -> None:
    kept = office.break_rows(1)
    since = datetime.now(UTC)
    before = {row_id: office.verdict(row_id) for row_id in office.lab.agents.items}
    first, second, third = office.right[1:4]
    office.lab.agents.edit(first, {"UPN": "nobody@contoso.com"})
    office.run("sync")
    office.lab.agents.edit(first, {"UPN": ""})
    office.lab.agents.edit(second, {"UPN": ""})
    office.lab.agents.edit(third, {"UPN": ""})
    office.run("sync")
    office.lab.agents.edit(third, {"SyncStatus": "I know"})
    dry = office.run("undo", "--since", since.isoformat(), "--dry-run")
    assert (dry["run"], dry["runs"], dry["undo_run"], dry["counts"]["to restore"]) == (None, [3, 4], None, 2)
    undone = office.run("undo", "--since", since.isoformat())
    assert undone["counts"] == {"restored": 2, "to restore": 0, "kept": 1, "failed": 0}
    assert datetime.fromisoformat(undone["since"]) == since
    after = {row_id: office.verdict(row_id) for row_id in office.lab.agents.items}
    assert {**after, third: None} == {**before, third: None}, "each row shows what it did at that time"
    assert "user_not_found" in office.verdict(kept[0])["SyncAnomalies"], "what was written before stays"
    shown = office.lab.run("history", str(first)).out
    assert f"Written by run 5 (undo, which undid what was written since {since:%Y-%m-%d %H:%M:%S} UTC)" in shown
    runs = {run["id"]: run for run in office.run("history")["runs"]}
    assert {id_: run["undone_by"] for id_, run in runs.items()} == {5: [], 4: [5], 3: [5], 2: [], 1: []}
    assert office.run("undo", "--run", "5")["counts"]["restored"] == 2
    assert "user_not_found" not in office.verdict(first)["SyncAnomalies"]
    assert "upn_missing" in office.verdict(first)["SyncAnomalies"]


def test_the_last_runs_are_listed_newest_first_without_network_or_secrets(office: Office) -> None:
    office.break_rows()
    office.run("undo")
    office.lab.world.faults.add(".*", status=500)
    office.lab.replace("client_secret:", "client_secret: ${env:NOBODY_HAS_THIS_SECRET} #")
    told = office.run("history")
    assert told["list"] == "Agents"
    rows = [(run["id"], run["kind"], run["undoes"], run["rows"], run["writes"]) for run in told["runs"]]
    assert rows == [(3, "undo", 2, 3, 3), (2, "sync", None, 3, 3), (1, "sync", None, 40, 40)]
    assert [run["undone_by"] for run in told["runs"]] == [[], [3], []]
    for run in told["runs"]:
        began, last = (datetime.fromisoformat(run[name]) for name in ("began", "last_write"))
        assert 0 <= run["seconds"] == round((last - began).total_seconds(), 3) < 60
        assert run["not_known_to_be_written"] == run["upns"] == 0
    assert [run["id"] for run in office.run("history", "--last", "1")["runs"]] == [3]
    shown = office.lab.run("history").out
    assert "Runs that wrote more than presence to Agents" in shown.splitlines()[0]
    assert "0:00:00" not in shown
    assert [line.split()[:2] for line in shown.splitlines()[2:]] == [["3", "undo"], ["2", "sync"], ["1", "sync"]]
    assert "undid run 2" in shown and "undone by run 3" in shown


def test_history_tells_newest_first_without_network_or_secrets(office: Office, tmp_path: Path) -> None:
    row_id = office.break_rows(1)[0]
    office.run("undo")
    office.lab.world.faults.add(".*", status=500)
    office.lab.replace("client_secret:", "client_secret: ${env:NOBODY_HAS_THIS_SECRET} #")
    told = office.run("history", str(row_id))
    written, said = ([event for event in told["events"] if event["kind"] == kind] for kind in ("write", "verdict"))
    assert [event["run"]["kind"] for event in written] == ["undo", "sync", "sync"]
    assert [event["status"] for event in said] == ["Error", "OK"]
    assert told["events"][0]["cells"]["SyncStatus"] == {"before": "Error", "after": "OK"}
    assert told["events"][0]["run"]["undoes"] == 2
    assert written[1]["why"] == "user_not_found"
    times = [event["at"] for event in told["events"]]
    assert times == sorted(times, reverse=True)
    shown = office.lab.run("history", str(row_id)).out
    assert "Written by run 3 (undo, which undid run 2): undo of run 2" in shown
    assert "SyncStatus: “Error” → “OK”" in shown
    unknown = office.lab.run("history", "4711")
    assert (unknown.code, unknown.out) == (1, "")
    assert "Nothing is known of row 4711 of Agents. The history begins on" in unknown.err


def test_where_nothing_was_written_there_is_nothing_to_undo_and_no_history(tmp_path: Path) -> None:
    with lab(tmp_path, rows=5) as made:
        made.provisioned()
        assert "There is no history yet" in made.run("history", "1").err
        assert "There is no history yet" in made.run("history").err
        dry, undone = made.run("undo", "--dry-run"), made.run("undo")
        assert (dry.code, undone.code) == (1, 1)
        assert "There is no journal yet" in dry.err
        assert "Nothing is known to have been written to this list" in undone.err
        runs = made.run("history")
        assert (runs.code, runs.out) == (1, "")
        assert "No run is known to have written to Agents." in runs.err
        assert made.run("undo", "--run", "7").code == 2
        ago = made.run("undo", "--since", "2h")
        assert ago.code == 1
        assert "nothing is known to have been written to this list since" in ago.err
        both = made.run("undo", "--since", "2h", "--run", "1")
        assert (both.code, "one of them, not both" in both.err) == (2, True)
        assert made.run("undo", "--since", "soon").code == made.run("history", "--last", "0").code == 2
        assert made.run("undo", "--run", str(10**30)).code == made.run("history", str(10**30)).code == 2
        assert made.run("undo", "--run", "0").code == made.run("history", "x").code == 2


def test_a_state_folder_that_may_not_be_entered_is_told_with_its_setting(tmp_path: Path) -> None:
    """A name that is too long is refused to the superuser as well."""
    with lab(tmp_path, rows=5) as made:
        made.provisioned()
        file = made.settings
        file.write_text(f"{file.read_text()}state: {{database: sqlite:///{tmp_path}/{'x' * 300}/history.db}}\n")
        ran = {each: made.run(*each.split()) for each in ("history", "undo --dry-run", "account list", "explain 1")}
    assert [each.code for each in ran.values()] == [1, 1, 1, 0]
    for each in ran.values():
        assert "state.database: " in each.err and "cannot be looked at: File name too long" in each.err
        assert "Let this user into its folder" in each.err
        assert "Unclosed" not in each.err and "no journal yet" not in each.err


def test_the_terminal_says_what_is_restored_and_that_the_next_sync_writes_again(office: Office) -> None:
    office.break_rows()
    shown = office.lab.run("undo", "--dry-run").out
    assert "to restore: SyncStatus = OK; SyncAnomalies = (empty)" in shown
    shown = office.lab.run("undo").out
    assert "3 rows: 3 restored" in shown
    assert "The next sync, and a service that is running, write again what they find to be true" in shown
    assert "sync-agent undo --run 3 takes it back" in shown
