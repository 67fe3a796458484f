"""The list of anomalies: one suite for both APIs."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sync_agent.anomaly_item import ACKNOWLEDGED, AnomalyItem, ItemColumn
from sync_agent.list_item import ItemChange, ItemValue
from sync_agent.microsoft365.agent_list import ListProblem
from sync_agent.microsoft365.anomaly_list import MOST_AT_ONCE
from sync_agent.microsoft365.errors import Garbled, NotFound, Overtaken, Refused, ServiceError, Throttled
from sync_agent.microsoft365.pacing import Budget
from sync_agent.simulator.lists import ListColumn, SharePointList, generic_list
from tests.microsoft365.list_office import Office, bare, list_of_anomalies
from tests.serving import serving

NOON = datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC)
TITLE = "Agent anomalies"
CELLS: dict[str, ItemValue] = {
    ItemColumn.TITLE: "O'Brien & <Söhne>",
    ItemColumn.ROW: 4711,
    ItemColumn.UPN: "jane@contoso.com",
    ItemColumn.CODE: "user_disabled",
    ItemColumn.SEVERITY: "error",
    ItemColumn.MESSAGE: "This user may not sign in. Ask IT. " * 40,
    ItemColumn.SUGGESTION: "",
    ItemColumn.TEAM: "Sales",
    ItemColumn.OPENED: NOON,
    ItemColumn.RESOLVED: None,
    ItemColumn.TIMES: 2,
}
NEW: ItemChange[AnomalyItem] = ItemChange(None, CELLS)


@pytest.fixture(params=["graph", "rest"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    opened = Office(request.param, tmp_path, bare())
    with serving(opened.simulator):
        yield opened


@pytest.fixture
def made(office: Office) -> SharePointList:
    found = list_of_anomalies(TITLE)
    office.site.lists[found.id] = found
    return found


def anomalies(office: Office) -> SharePointList | None:
    return next((found for found in office.site.lists.values() if found.title == TITLE), None)


@pytest.mark.anyio
async def test_provision_makes_the_list_and_touches_nothing_else(office: Office) -> None:
    before = deepcopy((office.agents.columns, office.agents.views))
    async with office.anomaly_list() as opened:
        planned = await opened.provision(dry_run=True)
        assert anomalies(office) is None
        done = await opened.provision(dry_run=False)
        found = anomalies(office)
        assert found is not None
        kinds = {name: column.type for name, column in found.columns.items()}
        assert await opened.provision(dry_run=False) == []
    assert [line for line in done if not line.startswith("no ")] == planned
    assert planned[0] == f"list {TITLE}"
    assert f"column Acknowledged (yes/no) of the list {TITLE}" in planned
    assert {*ItemColumn, ACKNOWLEDGED} <= kinds.keys()
    assert (kinds["AgentRow"], kinds["Acknowledged"], kinds["Message"], kinds["Opened"]) == (
        "Number",
        "Boolean",
        "Note",
        "DateTime",
    )
    assert found.columns[ACKNOWLEDGED].default is False
    assert found.versioning == (office.api == "graph")
    assert any(line.startswith("no say by Graph") for line in done) == (office.api == "graph")
    assert (office.agents.columns, office.agents.views) == before


@pytest.mark.anyio
@pytest.mark.parametrize("office", ["rest"], indirect=True)
async def test_a_list_that_must_keep_versions_serves_too(office: Office) -> None:
    office.world.faults.add(r"lists", holding=b"EnableVersioning", status=403, body=b"{}")
    async with office.anomaly_list() as opened:
        lines = await opened.provision(dry_run=False)
        assert await opened.write([NEW]) == [None]
    assert lines[-1].startswith("no switching off of the versions of Agent anomalies (")


@pytest.mark.anyio
@pytest.mark.parametrize("office", ["rest"], indirect=True)
async def test_people_see_the_columns_in_the_lists_own_view(office: Office) -> None:
    async with office.anomaly_list() as opened:
        await opened.provision(dry_run=False)
    found = anomalies(office)
    assert found is not None
    assert {*ItemColumn, ACKNOWLEDGED} - {ItemColumn.TITLE} <= set(found.views["All Items"]["ViewFields"])


@pytest.mark.anyio
async def test_provision_adopts_a_list_with_its_columns(office: Office) -> None:
    """People's own columns stay, and one of ours may be shown under another name."""
    theirs = generic_list(TITLE.upper())
    theirs.add_column(ListColumn("Priority", "Priority"))
    theirs.add_column(ListColumn("Msg", "Message", "Note"))
    office.site.lists[theirs.id] = theirs
    async with office.anomaly_list() as opened:
        lines = await opened.provision(dry_run=False)
        assert await opened.write([NEW]) == [None]
    assert not any(line.startswith(("list", "column Message")) for line in lines)
    assert theirs.items[1].fields["Msg"] == str(CELLS[ItemColumn.MESSAGE])
    assert theirs.versioning


@pytest.mark.anyio
async def test_a_column_of_another_type_is_not_taken(office: Office, made: SharePointList) -> None:
    made.columns["Message"].type = "Text"
    async with office.anomaly_list() as opened:
        with pytest.raises(ListProblem, match=r'"Message" of the list "Agent anomalies" is of type single line'):
            await opened.read()


@pytest.mark.anyio
async def test_making_the_list_takes_the_role_manage(office: Office) -> None:
    office.site.grants = dict.fromkeys(office.site.grants, "write")
    async with office.anomaly_list() as opened:
        with pytest.raises(Refused, match=r"may not create lists and columns .* the role manage on this site"):
            await opened.provision(dry_run=False)
    assert anomalies(office) is None


@pytest.mark.anyio
async def test_a_list_that_is_not_there_is_told_with_what_to_do(office: Office) -> None:
    async with office.anomaly_list() as opened:
        with pytest.raises(ListProblem, match=r'has no list "Agent anomalies"\. Run `sync-agent provision`'):
            await opened.read()
    async with office.anomaly_list(anomaly_list="11111111-0000-4000-8000-000000000009") as opened:
        with pytest.raises(ListProblem, match="Write a title, under which"):
            await opened.provision(dry_run=False)


@pytest.mark.anyio
async def test_columns_that_are_not_there_are_named(office: Office, made: SharePointList) -> None:
    del made.columns["Team"]
    async with office.anomaly_list() as opened:
        with pytest.raises(ListProblem, match=r"lacks columns: Team\. Run `sync-agent provision`"):
            await opened.read()
        lines = await opened.provision(dry_run=False)
        assert [line for line in lines if line.startswith("column")] == [
            "column Team (single line of text) of the list Agent anomalies"
        ]
        assert await opened.read() == []


@pytest.mark.anyio
async def test_it_is_never_the_agent_list(office: Office) -> None:
    """Also where the one is named by its title and the other by its id."""
    columns = deepcopy(office.agents.columns)
    async with office.anomaly_list(anomaly_list=office.agents.id) as opened:
        with pytest.raises(ListProblem, match="the Agent list itself"):
            await opened.provision(dry_run=False)
    assert office.agents.columns == columns


@pytest.mark.anyio
async def test_an_item_reads_as_it_was_written(office: Office, made: SharePointList) -> None:
    async with office.anomaly_list() as opened:
        assert await opened.write([NEW]) == [None]
        (item,) = await opened.read()
    assert item.cells == {**CELLS, ACKNOWLEDGED: False}
    assert made.items[1].fields[ACKNOWLEDGED] is False


@pytest.mark.anyio
async def test_a_tick_is_read_and_never_written(office: Office, made: SharePointList) -> None:
    async with office.anomaly_list() as opened:
        await opened.write([NEW])
        made.edit(1, {ACKNOWLEDGED: True, "Comment": "we know"})
        (item,) = await opened.read()
        assert item.acknowledged
        changes: dict[str, ItemValue] = {ItemColumn.RESOLVED: NOON, ItemColumn.TEAM: ""}
        assert await opened.write([ItemChange(item, changes)]) == [None]
        (after,) = await opened.read()
    assert after == AnomalyItem(1, {**CELLS, **changes, ACKNOWLEDGED: True}, after.etag)
    assert made.items[1].fields["Comment"] == "we know"
    assert "Team" not in made.items[1].fields


@pytest.mark.anyio
async def test_items_of_people_are_read_as_theirs(office: Office, made: SharePointList) -> None:
    made.add({"Title": "Buy milk"})
    made.add({})
    async with office.anomaly_list() as opened:
        assert [item.key for item in await opened.read()] == [None, None]


@pytest.mark.anyio
async def test_every_item_of_many_pages_is_read(office: Office, made: SharePointList) -> None:
    for number in range(5_001):
        made.add({"Title": f"Agent {number}", "AgentRow": number, "AnomalyCode": "upn_missing"})
    async with office.anomaly_list() as opened:
        assert [item.key for item in await opened.read()] == [(number, "upn_missing") for number in range(5_001)]


@pytest.mark.anyio
async def test_a_half_read_list_is_not_believed(office: Office, made: SharePointList) -> None:
    for number in range(5_001):
        made.add({"AgentRow": number})
    office.spoil_pages(status=404)
    async with office.anomaly_list() as opened:
        with pytest.raises(ServiceError):
            await opened.read()


@pytest.mark.anyio
async def test_whoever_is_faster_wins(office: Office, made: SharePointList) -> None:
    """A tick that came in between must not come to stand for a message that nobody saw."""
    async with office.anomaly_list() as opened:
        await opened.write([NEW, NEW, NEW])
        first, second, third = await opened.read()
        made.edit(1, {ACKNOWLEDGED: True})
        made.delete(2)
        message: dict[str, ItemValue] = {ItemColumn.MESSAGE: "Another."}
        answers = await opened.write([ItemChange(item, message) for item in (first, second, third)])
    assert [type(answer) for answer in answers] == [Overtaken, NotFound, type(None)]
    assert made.items[1].fields["Message"] == CELLS[ItemColumn.MESSAGE]
    assert made.items[3].fields["Message"] == "Another."


@pytest.mark.anyio
async def test_a_refused_item_fails_alone(office: Office, made: SharePointList) -> None:
    async with office.anomaly_list() as opened:
        refused, done = await opened.write([ItemChange(None, {**CELLS, ItemColumn.TEAM: "x" * 256}), NEW])
    assert isinstance(refused, Refused)
    assert done is None
    assert len(made.items) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("how", [{"cut": True}, {"reset": True}])
async def test_a_lost_answer_is_not_sent_again(office: Office, made: SharePointList, how: dict[str, Any]) -> None:
    """The item may have been made: the next comparison sees."""
    async with office.anomaly_list() as opened:
        assert await opened.read() == []
        office.world.faults.add(r"POST .*\$batch", **how)
        (answer,) = await opened.write([NEW])
    assert isinstance(answer, ServiceError)
    assert len(made.items) == (0 if "reset" in how else 1)


@pytest.mark.anyio
async def test_a_throttled_part_is_told(office: Office, made: SharePointList) -> None:
    part = r"POST .*/items$"
    async with office.anomaly_list() as opened:
        assert await opened.read() == []
        office.world.faults.add(part, status=429, headers={"retry-after": "1000"})
        (answer,) = await opened.write([NEW])
        assert isinstance(answer, Throttled)
        (answer,) = await opened.write([NEW])
    assert isinstance(answer, Throttled)
    assert made.items == {}


@pytest.mark.anyio
async def test_an_answer_of_another_kind_is_no_success(office: Office, made: SharePointList) -> None:
    async with office.anomaly_list() as opened:
        assert await opened.read() == []
        office.world.faults.add(r"POST .*\$batch", status=200, body=b"<html>")
        (answer,) = await opened.write([NEW])
    assert isinstance(answer, Garbled)
    assert made.items == {}


@pytest.mark.anyio
async def test_the_smallest_budget_is_enough(office: Office, made: SharePointList) -> None:
    """A batch costs more than it ever has at once."""
    now = 0.0

    async def pass_time(seconds: float) -> None:
        nonlocal now
        now += seconds

    smallest = Budget("SharePoint", 6, 60.0, clock=lambda: now, sleep=pass_time)
    async with office.anomaly_list(budget=smallest) as opened:
        assert await opened.write([NEW] * MOST_AT_ONCE) == [None] * MOST_AT_ONCE
    assert len(made.items) == MOST_AT_ONCE


@pytest.mark.anyio
@pytest.mark.parametrize("office", ["rest"], indirect=True)
async def test_without_batches_items_are_written_one_by_one(office: Office, made: SharePointList) -> None:
    office.world.faults.add(r"POST .*\$batch", status=404, body=b"{}")
    async with office.anomaly_list() as opened:
        assert await opened.write([NEW, NEW]) == [None, None]
        (first, _) = await opened.read()
        assert await opened.write([ItemChange(first, {ItemColumn.TEAM: "Billing"})]) == [None]
    assert [item.fields["Team"] for item in made.items.values()] == ["Billing", "Sales"]
