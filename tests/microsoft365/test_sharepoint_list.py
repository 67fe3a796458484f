"""The Agent list by SharePoint REST: the shared suite, and what only REST does."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sync_agent.microsoft365.errors import Garbled, Refused
from sync_agent.microsoft365.list_answers import ListProblem, Overtaken, Written
from sync_agent.model import Change, OurColumn
from sync_agent.simulator.lists import Person
from tests.microsoft365.agent_list_suite import NOON, VALUES, AgentListSuite, write_all
from tests.microsoft365.list_office import Office, bare, nobody, provisioned
from tests.serving import serving

LONG_AGO = datetime(2026, 3, 1, 8, 30, 15, tzinfo=UTC)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office("rest", tmp_path, provisioned(bare()))
    with serving(opened.simulator):
        yield opened


@pytest.fixture
def bare_office(tmp_path: Path) -> Iterator[Office]:
    opened = Office("rest", tmp_path, bare())
    with serving(opened.simulator):
        yield opened


class TestSharePointList(AgentListSuite):
    api = "rest"

    @pytest.mark.anyio
    async def test_writes_leave_no_trace_in_versions_modified_and_editor(self, office: Office) -> None:
        office.add_rows(3)
        office.edit(2, Extension="1234")
        for item in office.agents.items.values():
            item.modified = LONG_AGO
        before = {id_: (len(item.versions), item.editor) for id_, item in office.agents.items.items()}
        async with office.agent_list() as opened:
            await write_all(opened, [Change(row, VALUES) for row in await opened.read(nobody)])
        assert {id_: (len(item.versions), item.editor) for id_, item in office.agents.items.items()} == before
        assert {item.modified for item in office.agents.items.values()} == {LONG_AGO}
        assert all(item.fields["SyncStatus"] == "Warning" for item in office.agents.items.values())

    @pytest.mark.anyio
    async def test_a_change_of_other_columns_is_no_overtaking(self, office: Office) -> None:
        office.add_rows(1)
        async with office.agent_list() as opened:
            [row] = await opened.read(nobody)
            office.edit(row.id, Extension="1234")
            outcomes = await write_all(opened, [Change(row, VALUES)])
        assert isinstance(outcomes[row.id], Written)
        assert office.cells(row.id)["Extension"] == "1234"

    @pytest.mark.anyio
    async def test_a_hand_edit_of_our_own_column_is_overtaking(self, office: Office) -> None:
        office.add_rows(1)
        async with office.agent_list() as opened:
            [row] = await opened.read(nobody)
            office.edit(row.id, SyncStatus="OK")
            outcomes = await write_all(opened, [Change(row, VALUES)])
        assert isinstance(outcomes[row.id], Overtaken)

    @pytest.mark.anyio
    @pytest.mark.parametrize("locale", [1033, 1031])
    async def test_a_site_that_takes_only_regional_dates(self, office: Office, locale: int) -> None:
        office.site.takes_iso_dates, office.site.locale_id = False, locale
        office.add_rows(250)
        async with office.agent_list() as opened:
            rows = await opened.read(nobody)
            outcomes = await write_all(opened, [Change(row, VALUES) for row in rows])
            again = await opened.read(nobody)
        assert all(isinstance(outcome, Written) for outcome in outcomes.values())
        assert {row.shown.sync_changed_at for row in again} == {NOON}

    @pytest.mark.anyio
    async def test_an_editor_who_left_does_not_stop_the_write(self, office: Office) -> None:
        office.add_rows(2)
        office.item(1).editor = Person(9, "Gone", "i:0#.f|membership|gone@contoso.com")
        kept = office.item(2).editor
        async with office.agent_list() as opened:
            outcomes = await write_all(opened, [Change(row, VALUES) for row in await opened.read(nobody)])
        assert all(isinstance(outcome, Written) for outcome in outcomes.values())
        assert office.item(2).editor == kept

    @pytest.mark.anyio
    @pytest.mark.parametrize("status", [400, 404, 405])
    async def test_a_site_without_batches_is_written_row_by_row(self, office: Office, status: int) -> None:
        office.add_rows(30)
        office.world.faults.add(r"POST .*/_api/\$batch", status=status)
        async with office.agent_list() as opened:
            outcomes = await write_all(opened, [Change(row, VALUES) for row in await opened.read(nobody)])
        assert all(isinstance(outcome, Written) for outcome in outcomes.values())
        assert all(cells["SyncStatus"] == "Warning" for cells in office.rows().values())

    @pytest.mark.anyio
    async def test_rows_with_long_ids_are_named_in_addresses_that_sharepoint_takes(self, office: Office) -> None:
        office.world.heard = deque(maxlen=100)
        office.agents.next_id = 98_765_432
        office.add_rows(100)
        async with office.agent_list() as opened:
            outcomes = await write_all(opened, [Change(row, VALUES) for row in await opened.read(nobody)])
        assert all(isinstance(outcome, Written) for outcome in outcomes.values())
        named = [heard.query_length for heard in office.world.heard if "$filter" in heard.query]
        assert len(named) == 2
        assert max(named) <= 2_048

    @pytest.mark.anyio
    async def test_a_site_that_filters_nothing_is_asked_row_by_row(self, office: Office) -> None:
        office.add_rows(12)
        office.world.faults.add(r"GET .*/items\?.*filter", status=400)
        async with office.agent_list() as opened:
            rows = await opened.read(nobody)
            office.edit(rows[0].id, UPN="typed@contoso.com")
            office.agents.delete(rows[1].id)
            outcomes = await write_all(opened, [Change(row, VALUES) for row in rows])
        assert isinstance(outcomes[rows[0].id], Overtaken)
        assert outcomes[rows[1].id] == Overtaken(rows[1].id, None)
        assert all(isinstance(outcomes[row.id], Written) for row in rows[2:])
        assert {item.editor.name for item in office.agents.items.values()} == {"Terry Leader"}

    @pytest.mark.anyio
    async def test_a_call_that_is_not_known_is_not_taken_for_deleted_rows(self, office: Office) -> None:
        office.add_rows(3)
        office.world.faults.add(r"POST .*(\$batch|ValidateUpdate)", status=404)
        async with office.agent_list() as opened:
            outcomes = await write_all(opened, [Change(row, VALUES) for row in await opened.read(nobody)])
        assert {getattr(outcome, "reason", "") for outcome in outcomes.values()} == {
            "SharePoint finds the row to read it, but not to write it"
        }

    @pytest.mark.anyio
    async def test_a_refused_value_fails_its_row_alone(self, office: Office) -> None:
        office.add_rows(2)
        async with office.agent_list() as opened:
            first, second = await opened.read(nobody)
            changes = [Change(first, {OurColumn.STATUS: "Splendid"}), Change(second, VALUES)]
            outcomes = await write_all(opened, changes)
        assert "SyncStatus: 'Splendid' is not one of the choices" in getattr(outcomes[first.id], "reason", "")
        assert isinstance(outcomes[second.id], Written)

    @pytest.mark.anyio
    async def test_fewer_rows_than_counted_are_not_believed(self, office: Office) -> None:
        office.add_rows(20)
        async with office.agent_list() as opened:
            await opened.open()
            office.answer_pages([office.page_item(1), office.page_item(2)], first=True)
            with pytest.raises(Garbled, match=r"2 of the 20 items .* half-read list"):
                await opened.read(nobody)

    @pytest.mark.anyio
    async def test_a_next_page_on_another_host_is_not_followed(self, office: Office) -> None:
        office.add_rows(2)
        async with office.agent_list() as opened:
            await opened.open()
            page = b'{"value":[{"Id":1}],"odata.nextLink":"https://elsewhere.example/items?skiptoken=1"}'
            office.spoil_pages(first=True, status=200, headers={"content-type": "application/json"}, body=page)
            with pytest.raises(Garbled, match="another host"):
                await opened.read(nobody)

    @pytest.mark.anyio
    async def test_a_secret_is_told_to_be_of_no_use(self, office: Office) -> None:
        async with office.agent_list(auth="client_secret") as opened:
            with pytest.raises(ListProblem, match=r"client secret.* certificate .*sharepoint\.api: graph"):
                await opened.open()

    @pytest.mark.anyio
    async def test_provision_without_the_right_role_is_told(self, bare_office: Office) -> None:
        bare_office.site.grants = dict.fromkeys(bare_office.site.grants, "write")
        async with bare_office.agent_list() as opened:
            with pytest.raises(Refused, match=r"may not create columns .* the role manage on this site"):
                await opened.provision(dry_run=False)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("Lookup", "Sales", "Sales"),
        ("UserMulti", ["Terry", "Toni"], "Terry, Toni"),
        ("MultiChoice", ["Sales", "Service"], "Sales, Service"),
    ],
)
async def test_the_team_is_read_row_by_row_too(office: Office, kind: str, value: object, shown: str) -> None:
    """Where a service takes no filter by id."""
    office.make_team(kind)
    ids = [office.add_row(UPN="a@contoso.com", Team=value), office.add_row(UPN="b@contoso.com")]
    office.world.faults.add(r"GET .*/items\?.*filter=", status=400)
    async with office.agent_list(columns={"team": "Team"}) as opened:
        rows = await opened.read_rows(ids)
    assert [rows[id_].team for id_ in ids] == [shown, ""]
