"""What every AgentList keeps, whichever API opens it: run by test_graph_list and test_sharepoint_list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from sync_agent.microsoft365 import errors
from sync_agent.microsoft365.agent_list import (
    AgentList,
    ColumnsMissing,
    Failed,
    ListProblem,
    Outcome,
    Overtaken,
    Written,
)
from sync_agent.microsoft365.errors import Garbled, Refused, ServiceError
from sync_agent.microsoft365.provisioning import NOTES
from sync_agent.model import APPROVAL_COLUMN, CellValue, Change, Code, Fix, OurColumn, Row
from tests.microsoft365.list_office import Api, Office, nobody

NOON = datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC)
VALUES: dict[OurColumn, CellValue] = {
    OurColumn.STATUS: "Warning",
    OurColumn.ANOMALIES: "user_guest: Jane is a guest. Nothing helps.\nupn_duplicate: O'Brien & <b>.",
    OurColumn.ACCOUNT: "contoso",
    OurColumn.OBJECT_ID: "5b0f0a4e-0000-4000-8000-000000000001",
    OurColumn.PRESENCE: "Available",
    OurColumn.ACTIVITY: "",
    OurColumn.PRESENCE_CHANGED_AT: NOON,
    OurColumn.SYNC_CHANGED_AT: NOON,
}


async def write_all(opened: AgentList, changes: Sequence[Change]) -> dict[int, Outcome]:
    outcomes = [outcome async for outcome in opened.write(changes)]
    assert sorted(outcome.row_id for outcome in outcomes) == sorted(change.row.id for change in changes)
    return {outcome.row_id: outcome for outcome in outcomes}


def done(lines: Sequence[str]) -> list[str]:
    """What was, or would be, made; notes left out."""
    return [line for line in lines if not line.startswith(NOTES)]


def made_columns(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.startswith("column ")]


class AgentListSuite:
    api: ClassVar[Api]

    @pytest.mark.anyio
    @pytest.mark.parametrize("count", [0, 1, 5_001, 20_000])
    async def test_reads_every_row_of_any_number(self, office: Office, count: int) -> None:
        office.add_rows(count)
        told: list[int] = []
        async with office.agent_list() as opened:
            rows = await opened.read(told.append)
        assert [row.id for row in rows] == sorted(office.rows())
        assert [row.upn for row in rows] == [f"agent{n}@contoso.com" for n in range(count)]
        assert sum(told) == count

    @pytest.mark.anyio
    async def test_reads_cells_as_they_are(self, office: Office) -> None:
        cells = [
            None,
            "",
            " jane@contoso.com\u200b",
            "o'brien@contoso.com",
            "jane_fabrikam.com#EXT#@contoso.com",
            "<script>",
        ]
        for cell in cells:
            office.add_row(UPN=cell, Title=f"“{cell}” & Söhne")
        async with office.agent_list() as opened:
            rows = await opened.read(nobody)
        assert [row.upn or "" for row in rows] == [cell or "" for cell in cells]
        assert [row.name for row in rows] == [f"“{cell}” & Söhne" for cell in cells]

    @pytest.mark.anyio
    async def test_folders_are_no_rows(self, office: Office) -> None:
        office.add_rows(2)
        office.add_folder("Old agents")
        async with office.agent_list() as opened:
            assert len(await opened.read(nobody)) == 2

    @pytest.mark.anyio
    @pytest.mark.parametrize("title", ["Agents", "agents", "Bob's #1 list & 50 % <script>", "Verträge/Ändern", "a+b"])
    async def test_the_list_is_found_by_title(self, office: Office, title: str) -> None:
        office.agents.title = "Agents" if title == "agents" else title
        async with office.agent_list(agent_list=title) as opened:
            await opened.open()
            assert opened.title.casefold() == title.casefold()
            assert await opened.unwritable() == ""

    @pytest.mark.anyio
    async def test_the_list_is_found_by_id(self, office: Office) -> None:
        office.add_rows(1)
        async with office.agent_list(agent_list=office.agents.id) as opened:
            assert len(await opened.read(nobody)) == 1
            assert opened.title == "Agents"

    @pytest.mark.anyio
    async def test_columns_are_found_by_display_name(self, office: Office) -> None:
        office.add_text_column("Agent_x0020_UPN", "Agent UPN")
        office.add_row(Agent_x0020_UPN="jane@contoso.com")
        async with office.agent_list(columns={"upn": "agent upn"}) as opened:
            [row] = await opened.read(nobody)
        assert row.upn == "jane@contoso.com"

    @pytest.mark.anyio
    async def test_a_wrong_site_is_told(self, office: Office) -> None:
        async with office.agent_list(site_url=f"{office.url}/sites/nowhere") as opened:
            with pytest.raises(ListProblem, match=r"sharepoint\.site_url: there is no site .*/sites/nowhere"):
                await opened.open()

    @pytest.mark.anyio
    async def test_a_wrong_list_is_told_with_near_names(self, office: Office) -> None:
        async with office.agent_list(agent_list="Agent") as opened:
            with pytest.raises(ListProblem, match=r'agent_list: .* no list "Agent"\. Did you mean "Agents"\?'):
                await opened.open()

    @pytest.mark.anyio
    async def test_a_wrong_upn_column_is_told_with_near_names(self, office: Office) -> None:
        async with office.agent_list(columns={"upn": "UPNs"}) as opened:
            with pytest.raises(ListProblem, match=r'columns\.upn: .* no column "UPNs"\. Did you mean "UPN"\?'):
                await opened.open()

    @pytest.mark.anyio
    async def test_missing_permission_is_told(self, office: Office) -> None:
        office.revoke_permissions()
        async with office.agent_list() as opened:
            with pytest.raises(Refused, match=r"account contoso may not open the list .*Sites\.Selected"):
                await opened.open()

    @pytest.mark.anyio
    async def test_reading_without_our_columns_names_the_command(self, bare_office: Office) -> None:
        async with bare_office.agent_list() as opened:
            with pytest.raises(ColumnsMissing, match=r"SyncStatus, .*, SyncChangedAt"):
                await opened.unwritable()
            with pytest.raises(ColumnsMissing, match="`sync-agent provision`"):
                await opened.read(nobody)

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("kind", "value", "shown"),
        [
            ("Choice", "Sales", "Sales"),
            ("MultiChoice", ["Sales", "Service"], "Sales, Service"),
            ("Lookup", "Sales", "Sales"),
            ("LookupMulti", ["Sales", "Service"], "Sales, Service"),
            ("User", "Terry Leader", "Terry Leader"),
            ("Text", " Sales ", "Sales"),
        ],
    )
    async def test_the_team_is_read_as_people_see_it(self, office: Office, kind: str, value: Any, shown: str) -> None:
        office.make_team(kind, lookup_field="Squad" if kind == "Lookup" else "")
        ids = [office.add_row(UPN="a@contoso.com", Team=value), office.add_row(UPN="b@contoso.com")]
        async with office.agent_list(columns={"team": "Team"}) as opened:
            assert [row.team for row in await opened.read(nobody)] == [shown, ""]
            rows = await opened.read_rows(ids)
            await write_all(opened, [Change(row, VALUES) for row in rows.values()])
        assert [rows[id_].team for id_ in ids] == [shown, ""]
        assert office.cells(ids[0])["Team"] == value

    @pytest.mark.anyio
    async def test_managed_metadata_is_read_or_said_not_to_be(self, office: Office) -> None:
        office.make_team("TaxonomyFieldType")
        office.add_row(UPN="a@contoso.com", Team="Sales")
        with capture_logs() as logs:
            async with office.agent_list(columns={"team": "Team"}) as opened:
                [row] = await opened.read(nobody)
        told = [entry["reason"] for entry in logs if entry["event"] == "list_column_not_read"]
        assert (row.team, len(told)) == (("Sales", 0) if office.api == "graph" else ("", 1))

    @pytest.mark.anyio
    async def test_a_list_without_the_teams_column_is_read_all_the_same(self, office: Office) -> None:
        office.add_rows(2)
        with capture_logs() as logs:
            async with office.agent_list(columns={"team": "Squad"}) as opened:
                assert [row.team for row in await opened.read(nobody)] == ["", ""]
                await opened.open()
        assert [entry["event"] for entry in logs].count("list_column_not_read") == 1

    @pytest.mark.anyio
    async def test_approvals_are_read_where_they_are_wanted_and_there(self, office: Office) -> None:
        office.add_row(UPN="jane", Title="Jane")
        async with office.agent_list(approved_fixes=True) as opened:
            assert [row.approved for row in await opened.read(nobody)] == [""]
            office.add_approvals()
            office.edit(1, SyncApproveFix=" jane@contoso.com ")
            await opened.open()
            assert [row.approved for row in await opened.read(nobody)] == [" jane@contoso.com "]
        async with office.agent_list() as opened:
            assert [row.approved for row in await opened.read(nobody)] == [""]

    @pytest.mark.anyio
    async def test_the_column_of_approvals_is_made_only_where_it_is_wanted(self, office: Office) -> None:
        async with office.agent_list() as opened:
            assert not made_columns(await opened.provision(dry_run=False))
        renamed = {APPROVAL_COLUMN: "Approve the suggestion"}
        async with office.agent_list(approved_fixes=True, columns=renamed) as opened:
            assert "column Approve the suggestion (single line of text)" in await opened.provision(dry_run=True)
            await opened.provision(dry_run=False)
            assert not made_columns(await opened.provision(dry_run=False))
        made = office.agents.columns["Approvethesuggestion"]
        assert (made.type, "people" in made.description) == ("Text", True)

    @pytest.mark.anyio
    async def test_provision_makes_what_is_missing_and_nothing_else(self, bare_office: Office) -> None:
        bare_office.add_rows(3)
        before = bare_office.rows()
        async with bare_office.agent_list() as opened:
            planned = await opened.provision(dry_run=True)
            assert bare_office.our_columns() == set()
            assert await opened.provision(dry_run=False) == planned
            assert bare_office.our_columns() == {our.value for our in OurColumn}
            assert await opened.unwritable() == ""
            assert done(await opened.provision(dry_run=False)) == []
            assert len(await opened.read(nobody)) == 3
        assert bare_office.rows() == before

    @pytest.mark.anyio
    async def test_renamed_columns_are_made_and_found_by_their_names(self, bare_office: Office) -> None:
        bare_office.add_text_column("Presence", "Presence")
        bare_office.add_row(UPN="jane@contoso.com", Presence="at her desk")
        async with bare_office.agent_list(columns={OurColumn.PRESENCE.value: "Teams presence"}) as opened:
            await opened.provision(dry_run=False)
            [row] = await opened.read(nobody)
            assert (row.shown.presence, done(await opened.provision(dry_run=False))) == ("", [])
            await write_all(opened, [Change(row, {OurColumn.PRESENCE: "Away"})])
        cells = bare_office.cells(row.id)
        assert (cells["Presence"], cells["Teamspresence"]) == ("at her desk", "Away")

    @pytest.mark.anyio
    async def test_a_column_of_ours_of_another_type_is_told(self, bare_office: Office) -> None:
        bare_office.add_text_column("SyncAnomalies", "SyncAnomalies")
        async with bare_office.agent_list() as opened:
            with pytest.raises(ListProblem, match=r"SyncAnomalies.* is of type single line of text"):
                await opened.provision(dry_run=False)
        assert bare_office.our_columns() == {"SyncAnomalies"}

    @pytest.mark.anyio
    async def test_writes_all_kinds_of_values_and_nothing_else(self, office: Office) -> None:
        office.add_rows(130)
        untouched = office.foreign_cells()
        async with office.agent_list() as opened:
            rows = await opened.read(nobody)
            changed = rows[:-5]
            outcomes = await write_all(opened, [Change(row, VALUES) for row in changed])
            assert all(isinstance(outcome, Written) for outcome in outcomes.values())
            again = {row.id: row for row in await opened.read(nobody)}
            shown = again[changed[0].id].shown
        assert (shown.status, shown.account, shown.activity) == ("Warning", "contoso", "")
        assert (shown.presence_changed_at, shown.sync_changed_at) == (NOON, NOON)
        assert shown.anomalies.replace("\r\n", "\n") == VALUES[OurColumn.ANOMALIES]
        assert office.foreign_cells() == untouched
        assert {row.id: again[row.id] for row in rows[-5:]} == {row.id: row for row in rows[-5:]}

    @pytest.mark.anyio
    async def test_values_are_emptied(self, office: Office) -> None:
        office.add_rows(1)
        empty: dict[OurColumn, CellValue] = {our: "" for our in OurColumn if not our.endswith("At")}
        async with office.agent_list() as opened:
            [row] = await opened.read(nobody)
            await write_all(opened, [Change(row, VALUES)])
            [row] = await opened.read(nobody)
            await write_all(opened, [Change(row, {**empty, OurColumn.PRESENCE_CHANGED_AT: None})])
            [row] = await opened.read(nobody)
        assert (row.shown.status, row.shown.anomalies, row.shown.presence) == ("", "", "")
        assert (row.shown.presence_changed_at, row.shown.sync_changed_at) == (None, NOON)

    @pytest.mark.anyio
    async def test_a_row_that_a_person_changed_is_not_written(self, office: Office) -> None:
        office.add_rows(3)
        async with office.agent_list() as opened:
            first, second, third = await opened.read(nobody)
            office.edit(second.id, UPN="typed@contoso.com")
            outcomes = await write_all(opened, [Change(row, VALUES) for row in (first, second, third)])
        overtaken = outcomes[second.id]
        assert isinstance(overtaken, Overtaken)
        assert overtaken.row is not None
        assert overtaken.row.upn == "typed@contoso.com"
        assert "SyncStatus" not in office.cells(second.id)
        assert isinstance(outcomes[first.id], Written) and isinstance(outcomes[third.id], Written)

    @pytest.mark.anyio
    async def test_a_row_whose_version_is_unknown_is_compared_first(self, office: Office) -> None:
        office.add_rows(2)
        async with office.agent_list() as opened:
            rows = [Row(row.id, row.upn, row.name, row.shown) for row in await opened.read(nobody)]
            office.edit(rows[0].id, UPN="typed@contoso.com")
            outcomes = await write_all(opened, [Change(row, VALUES) for row in rows])
        assert isinstance(outcomes[rows[0].id], Overtaken)
        assert isinstance(outcomes[rows[1].id], Written)

    @pytest.mark.anyio
    async def test_a_deleted_row_is_no_error(self, office: Office) -> None:
        office.add_rows(2)
        async with office.agent_list() as opened:
            rows = await opened.read(nobody)
            office.agents.delete(rows[0].id)
            outcomes = await write_all(opened, [Change(row, VALUES) for row in rows])
            assert await opened.read_rows([row.id for row in rows]) == {
                rows[1].id: (await opened.read_rows([rows[1].id]))[rows[1].id]
            }
        assert outcomes[rows[0].id] == Overtaken(rows[0].id, None)
        assert isinstance(outcomes[rows[1].id], Written)

    @pytest.mark.anyio
    async def test_two_writes_in_a_row(self, office: Office) -> None:
        office.add_rows(1)
        async with office.agent_list() as opened:
            [row] = await opened.read(nobody)
            await write_all(opened, [Change(row, VALUES)])
            now = (await opened.read_rows([row.id]))[row.id]
            outcomes = await write_all(opened, [Change(now, {OurColumn.PRESENCE: "Away"})])
        assert isinstance(outcomes[row.id], Written)
        assert office.cells(row.id)["Presence"] == "Away"

    @pytest.mark.anyio
    async def test_nothing_to_write(self, office: Office) -> None:
        async with office.agent_list() as opened:
            assert await write_all(opened, []) == {}

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        "how",
        [
            {"status": 200, "body": b"<html>Sign in</html>"},
            {"status": 200, "body": b"", "headers": {"content-type": "application/json"}},
            {"status": 200, "body": b'{"value":[{"id":"', "headers": {"content-type": "application/json"}},
            {"status": 200, "body": b'{"odata":"v4"}', "headers": {"content-type": "application/json"}},
            {"status": 500},
            {"status": 302, "headers": {"location": "/login"}},
            {"cut": True},
            {"reset": True},
        ],
        ids=["html", "empty", "half of it", "other JSON", "server error", "redirect", "cut off", "reset"],
    )
    async def test_half_a_list_is_never_taken_for_the_list(self, office: Office, how: dict[str, Any]) -> None:
        office.add_rows(5_500)
        async with office.agent_list() as opened:
            await opened.open()
            office.spoil_pages(**how)
            with pytest.raises(ServiceError):
                await opened.read(nobody)
            office.world.faults.clear()
            assert len(await opened.read(nobody)) == 5_500

    @pytest.mark.anyio
    async def test_a_page_that_comes_twice_is_an_error(self, office: Office) -> None:
        office.add_rows(5_500)
        async with office.agent_list() as opened:
            await opened.open()
            office.answer_pages([office.page_item(3)])
            with pytest.raises(Garbled, match="twice"):
                await opened.read(nobody)

    @pytest.mark.anyio
    async def test_pages_without_end_are_an_error(self, office: Office) -> None:
        office.add_rows(5_500)
        async with office.agent_list() as opened:
            await opened.open()
            office.answer_pages([], next_link=True)
            with pytest.raises(Garbled, match=r"end|circle"):
                await opened.read(nobody)

    @pytest.mark.anyio
    async def test_a_batch_with_missing_parts_writes_only_what_it_says(self, office: Office) -> None:
        office.add_rows(10)
        async with office.agent_list() as opened:
            rows = await opened.read(nobody)
            office.answer_batches([row.id for row in rows[:4]])
            outcomes = await write_all(opened, [Change(row, VALUES) for row in rows])
        written = [row_id for row_id, outcome in outcomes.items() if isinstance(outcome, Written)]
        assert written == [row.id for row in rows[:4]]
        assert sum(isinstance(outcome, Failed) for outcome in outcomes.values()) == 6

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        "how", [{"status": 503}, {"status": 403}, {"reset": True}, {"status": 200, "body": b"<p>"}]
    )
    async def test_a_service_that_is_away_fails_each_row(self, office: Office, how: dict[str, Any]) -> None:
        office.add_rows(130)
        async with office.agent_list() as opened:
            rows = await opened.read(nobody)
            office.world.faults.add("(GET|POST) .*(items|batch)", **how)
            outcomes = await write_all(opened, [Change(row, VALUES) for row in rows])
        assert all(isinstance(outcome, Failed) for outcome in outcomes.values())
        assert all("SyncStatus" not in cells for cells in office.rows().values())

    @pytest.mark.anyio
    async def test_writing_can_be_left_early(self, office: Office) -> None:
        office.add_rows(450)
        async with office.agent_list() as opened:
            rows = await opened.read(nobody)
            outcomes = opened.write([Change(row, VALUES) for row in rows])
            async for _ in outcomes:
                break
            await outcomes.aclose()

    @pytest.mark.anyio
    async def test_a_fix_writes_the_upn_empties_the_approval_and_makes_a_version(self, office: Office) -> None:
        office.add_approvals()
        office.add_rows(25)
        office.edit(3, UPN="jd", SyncApproveFix="jane@contoso.com")
        others, versions = office.foreign_cells(), len(office.item(3).versions)
        async with office.agent_list(approved_fixes=True) as opened:
            assert await opened.takes_approvals()
            edit = (await opened.last_edits([3, 99]))[3]
            assert (edit.by, edit.at) == ("terry.leader@contoso.com", office.item(3).modified)
            assert await opened.fix([Fix(edit.row, "jane@contoso.com", Code.UPN_IS_ALIAS)]) == [None]
            now = (await opened.last_edits([3]))[3]
        assert (now.row.upn, now.row.approved) == ("jane@contoso.com", "")
        assert now.by in ("SharePoint App", "app@sharepoint")
        assert len(office.item(3).versions) == versions + 1
        others[3] |= {"UPN": "jane@contoso.com"}
        del others[3]["SyncApproveFix"]
        assert office.foreign_cells() == others

    @pytest.mark.anyio
    async def test_a_fix_is_never_written_over_another_version_nor_without_one(self, office: Office) -> None:
        office.add_approvals()
        office.add_rows(6)
        async with office.agent_list(approved_fixes=True) as opened:
            rows = [edit.row for edit in (await opened.last_edits(range(1, 6))).values()]
            office.edit(1, Team="Billing")
            office.agents.delete(2)
            rows[2] = structs.replace(rows[2], etag=None)
            answers = await opened.fix([Fix(row, f"new{row.id}@contoso.com", Code.USER_RENAMED) for row in rows])
        assert isinstance(answers[0], errors.Overtaken)
        assert isinstance(answers[1], errors.NotFound)
        assert isinstance(answers[2], Garbled)
        assert answers[3:] == [None, None]
        upns = {id_: cells["UPN"] for id_, cells in office.rows().items()}
        assert [upns[id_] for id_ in (1, 3, 4, 5, 6)] == [
            *("agent0@contoso.com", "agent2@contoso.com", "new4@contoso.com", "new5@contoso.com", "agent5@contoso.com"),
        ]

    @pytest.mark.anyio
    @pytest.mark.parametrize("how", [{"status": 429}, {"status": 403}, {"status": 423}, {"reset": True}])
    async def test_a_fix_that_cannot_be_written_says_so(self, office: Office, how: dict[str, Any]) -> None:
        office.add_approvals()
        office.add_rows(3)
        async with office.agent_list(approved_fixes=True) as opened:
            rows = [edit.row for edit in (await opened.last_edits([1, 2])).values()]
            office.world.faults.add(r"POST .*(\$batch|/items\(\d+\)$)", **how)
            answers = await opened.fix([Fix(row, "jane@contoso.com", Code.USER_RENAMED) for row in rows])
        assert all(isinstance(answer, ServiceError) for answer in answers)
        assert office.cells(1)["UPN"] == "agent0@contoso.com"

    @pytest.mark.anyio
    async def test_a_list_without_the_column_takes_no_approvals(self, office: Office) -> None:
        async with office.agent_list(approved_fixes=True) as opened:
            assert not await opened.takes_approvals()
