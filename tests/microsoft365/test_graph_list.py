"""The Agent list by Graph: the shared suite, and what only Graph does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_agent.microsoft365.list_answers import Failed, Overtaken, Written
from sync_agent.model import Change, OurColumn
from tests.microsoft365.agent_list_suite import VALUES, AgentListSuite, write_all
from tests.microsoft365.list_office import Office, bare, nobody, provisioned
from tests.serving import serving


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office("graph", tmp_path, provisioned(bare()))
    with serving(opened.simulator):
        yield opened


@pytest.fixture
def bare_office(tmp_path: Path) -> Iterator[Office]:
    opened = Office("graph", tmp_path, bare())
    with serving(opened.simulator):
        yield opened


class TestGraphList(AgentListSuite):
    api = "graph"

    @pytest.mark.anyio
    async def test_any_change_of_the_row_is_overtaking(self, office: Office) -> None:
        """Of a column that we do not even read: the ETag tells."""
        office.add_rows(1)
        async with office.agent_list() as opened:
            [row] = await opened.read(nobody)
            office.edit(row.id, Extension="1234")
            outcomes = await write_all(opened, [Change(row, VALUES)])
            overtaken = outcomes[row.id]
            assert isinstance(overtaken, Overtaken)
            assert overtaken.row is not None
            again = await write_all(opened, [Change(overtaken.row, VALUES)])
        assert isinstance(again[row.id], Written)

    @pytest.mark.anyio
    async def test_the_new_etag_is_good_for_the_next_write(self, office: Office) -> None:
        office.add_rows(1)
        async with office.agent_list() as opened:
            [row] = await opened.read(nobody)
            written = (await write_all(opened, [Change(row, VALUES)]))[row.id]
            assert isinstance(written, Written)
            assert written.etag == office.item(row.id).etag

    @pytest.mark.anyio
    async def test_a_refused_value_fails_its_row_alone(self, office: Office) -> None:
        office.add_rows(2)
        async with office.agent_list() as opened:
            first, second = await opened.read(nobody)
            changes = [Change(first, {OurColumn.STATUS: "Splendid"}), Change(second, VALUES)]
            outcomes = await write_all(opened, changes)
        assert "not one of the choices" in getattr(outcomes[first.id], "reason", "")
        assert isinstance(outcomes[second.id], Written)

    @pytest.mark.anyio
    async def test_a_conflict_about_a_row_that_nobody_changed_is_told(self, office: Office) -> None:
        """It is checked out, say: to decide it anew would go on for ever, and nobody would hear of it."""
        office.add_rows(2)
        body = b'{"error": {"code": "conflict", "message": "The file is checked out by terry.leader@contoso.com."}}'
        json = {"content-type": "application/json"}
        async with office.agent_list() as opened:
            first, second = await opened.read(nobody)
            office.world.faults.add(rf"PATCH .*/items/{first.id}/", status=409, body=body, headers=json)
            outcomes = await write_all(opened, [Change(first, VALUES), Change(second, VALUES)])
        refused = outcomes[first.id]
        assert isinstance(refused, Failed)
        assert refused.refused
        assert "checked out by terry.leader@contoso.com" in refused.reason
        assert isinstance(outcomes[second.id], Written)

    @pytest.mark.anyio
    async def test_provision_says_what_graph_cannot_make(self, bare_office: Office) -> None:
        async with bare_office.agent_list() as opened:
            planned = await opened.provision(dry_run=True)
            assert await opened.provision(dry_run=False) == planned
            assert await opened.provision(dry_run=False) == planned[-3:]
        attention, presence, formatting = planned[-3:]
        assert attention.startswith("no view Agents needing attention: Graph")
        assert presence.startswith("no view Presence: Graph")
        assert formatting.startswith("no formatting of SyncStatus and Presence: Graph")
        assert set(bare_office.agents.views) == {"All Items"}
        assert not any(column.formatter for column in bare_office.agents.columns.values())
