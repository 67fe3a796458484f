"""The Agent list with its companion: one suite for both APIs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from sync_agent.list_item import ListItem
from sync_agent.microsoft365.agent_list import AgentList, ListProblem, Outcome
from sync_agent.microsoft365.columns import ColumnNames
from sync_agent.microsoft365.companion_items import LIVE, CompanionItems
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.list_answers import Changes, Failed, Overtaken, Written
from sync_agent.model import CellValue, Change, OurColumn, Row, Shown
from sync_agent.simulator.faults import Fault
from sync_agent.simulator.lists import SharePointList
from tests.microsoft365.agent_list_suite import NOON, VALUES, write_all
from tests.microsoft365.list_office import Office, bare, nobody, provisioned

TITLE = "Agent presence"
PRESENCE: dict[OurColumn, CellValue] = {
    OurColumn.PRESENCE: "Away",
    OurColumn.ACTIVITY: "BeRightBack",
    OurColumn.PRESENCE_CHANGED_AT: NOON,
    OurColumn.SYNC_CHANGED_AT: NOON,
}
NO_PRESENCE: dict[OurColumn, CellValue] = {
    OurColumn.PRESENCE: "",
    OurColumn.ACTIVITY: "",
    OurColumn.PRESENCE_CHANGED_AT: None,
    OurColumn.SYNC_CHANGED_AT: NOON,
}


@pytest.fixture(params=["graph", "rest"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    opened = Office(request.param, tmp_path, bare())
    with opened.simulator:
        yield opened


@pytest.fixture(params=["graph", "rest"])
def used_before(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """With the presence columns in the Agent list."""
    opened = Office(request.param, tmp_path, provisioned(bare()))
    with opened.simulator:
        yield opened


def companion(office: Office) -> SharePointList:
    return next(found for found in office.site.lists.values() if found.title == TITLE)


def shown_there(office: Office) -> dict[int, tuple[Any, ...]]:
    """By row id: what stands in the companion list."""
    return {
        int(item.fields["AgentRow"]): tuple(item.fields.get(name) for name in ("AgentUPN", "Presence"))
        for item in companion(office).items.values()
        if "AgentRow" in item.fields
    }


async def read(opened: AgentList) -> dict[int, Row]:
    return {row.id: row for row in await opened.read(nobody)}


async def write(opened: AgentList, values: dict[OurColumn, CellValue], *rows: Row) -> dict[int, Outcome]:
    return await write_all(opened, [Change(row, values) for row in rows])


@pytest.mark.anyio
async def test_provision_makes_both_lists_each_with_its_columns(office: Office) -> None:
    office.add_rows(1)
    async with office.agent_list(presence_list=TITLE) as opened:
        with pytest.raises(ListProblem, match="sync-agent provision"):
            await opened.unwritable()
        planned = await opened.provision(dry_run=True)
        done = await opened.provision(dry_run=False)
        assert [line for line in done if not line.startswith("no ")] == [
            line for line in planned if not line.startswith("no ")
        ]
        assert not [line for line in await opened.provision(dry_run=False) if not line.startswith("no ")]
        assert await opened.unwritable() == ""
        assert len(await read(opened)) == 1
    assert office.our_columns() == {our.value for our in OurColumn} - LIVE
    made = companion(office)
    assert {"AgentRow", "AgentUPN", *LIVE, "SyncChangedAt"} <= made.columns.keys()
    assert made.columns["AgentRow"].indexed and made.columns["AgentUPN"].indexed
    assert made.versioning == (office.api == "graph")


@pytest.mark.anyio
async def test_without_the_companion_the_message_names_the_command(used_before: Office) -> None:
    async with used_before.agent_list(presence_list=TITLE) as opened:
        with pytest.raises(ListProblem, match=r'presence_list: .* no list "Agent presence". Run `sync-agent prov'):
            await opened.unwritable()


@pytest.mark.anyio
async def test_a_row_reads_as_it_was_written_and_stands_in_two_lists(office: Office) -> None:
    office.add_rows(130)
    untouched = office.foreign_cells()
    async with office.agent_list(presence_list=TITLE) as opened:
        await opened.provision(dry_run=False)
        rows = await read(opened)
        outcomes = await write(opened, VALUES, *rows.values())
        assert all(isinstance(outcome, Written) for outcome in outcomes.values())
        again = await read(opened)
    wanted = Shown("Warning", "", "contoso", str(VALUES[OurColumn.OBJECT_ID]), "Available", "", NOON, NOON)
    assert {structs.replace(row.shown, anomalies="") for row in again.values()} == {wanted}
    assert shown_there(office) == {row.id: (row.upn, "Available") for row in rows.values()}
    assert all(LIVE.isdisjoint(office.cells(row_id)) for row_id in rows)
    assert office.foreign_cells() == untouched


@pytest.mark.anyio
async def test_presence_alone_leaves_the_agent_list_as_it_is(office: Office) -> None:
    """No version, no Modified, no flow that is set off."""
    office.add_rows(3)
    async with office.agent_list(presence_list=TITLE) as opened:
        await opened.provision(dry_run=False)
        await write(opened, VALUES, *(await read(opened)).values())
        rows = await read(opened)
        before = {row_id: (item.revision, item.modified) for row_id, item in office.agents.items.items()}
        for state in ("Busy", "Away", "Offline"):
            assert {
                type(outcome)
                for outcome in (await write(opened, {**PRESENCE, OurColumn.PRESENCE: state}, *rows.values())).values()
            } == {Written}
        again = await read(opened)
    assert {row_id: (item.revision, item.modified) for row_id, item in office.agents.items.items()} == before
    assert {row.shown.presence for row in again.values()} == {"Offline"}
    assert len(companion(office).items) == 3


@pytest.mark.anyio
async def test_a_write_may_follow_a_write_without_reading(office: Office) -> None:
    """What the rows are compared by is the Agent list's own, not what the companion shows."""
    office.add_rows(1)
    async with office.agent_list(presence_list=TITLE) as opened:
        await opened.provision(dry_run=False)
        [row] = (await read(opened)).values()
        first = (await write(opened, VALUES, row))[row.id]
        assert isinstance(first, Written)
        shown = Shown(
            "Warning", str(VALUES[OurColumn.ANOMALIES]), "contoso", str(VALUES[OurColumn.OBJECT_ID]), "Available"
        )
        row = structs.replace(
            row, shown=structs.replace(shown, presence_changed_at=NOON, sync_changed_at=NOON), etag=first.etag
        )
        second = (await write(opened, PRESENCE, row))[row.id]
        assert second == Written(row.id, first.etag)
        third = (await write(opened, {OurColumn.STATUS: "OK", **PRESENCE}, row))[row.id]
        assert isinstance(third, Written)
    assert len(companion(office).items) == 1


@pytest.mark.anyio
async def test_a_row_that_a_person_changed_gets_no_presence_either(office: Office) -> None:
    office.add_rows(2)
    async with office.agent_list(presence_list=TITLE) as opened:
        await opened.provision(dry_run=False)
        await write(opened, PRESENCE, (await read(opened))[1])
        rows = await read(opened)
        office.edit(1, UPN="somebody.else@contoso.com")
        outcomes = await write(opened, VALUES, *rows.values())
        overtaken = outcomes[1]
        assert isinstance(overtaken, Overtaken)
        assert overtaken.row is not None and overtaken.row.upn == "somebody.else@contoso.com"
        assert overtaken.row.shown.presence == "Away"
    assert shown_there(office) == {1: ("agent0@contoso.com", "Away"), 2: ("agent1@contoso.com", "Available")}


@pytest.mark.anyio
async def test_a_row_without_presence_needs_no_item(office: Office) -> None:
    office.add_rows(1)
    async with office.agent_list(presence_list=TITLE) as opened:
        await opened.provision(dry_run=False)
        [row] = (await read(opened)).values()
        await write(opened, {OurColumn.STATUS: "Error", **NO_PRESENCE}, row)
        assert companion(office).items == {}
        assert office.cells(1)["SyncStatus"] == "Error"


@pytest.mark.anyio
async def test_an_item_of_a_row_that_is_gone_is_emptied_and_taken_again(office: Office) -> None:
    office.add_rows(3)
    async with office.agent_list(presence_list=TITLE) as opened:
        await opened.provision(dry_run=False)
        first, second, third = (await read(opened)).values()
        await write(opened, PRESENCE, first, second)
        office.agents.delete(first.id)
        await read(opened)
        await write(opened, {**PRESENCE, OurColumn.PRESENCE: "Busy"}, second)
        assert shown_there(office)[first.id][1] is None
        await write(opened, PRESENCE, third)
    assert shown_there(office) == {second.id: (second.upn, "Busy"), third.id: (third.upn, "Away")}
    assert len(companion(office).items) == 2


@pytest.mark.anyio
async def test_followed_rows_are_joined_and_deleted_ones_forgotten(office: Office) -> None:
    office.add_rows(2)
    async with office.agent_list(presence_list=TITLE) as opened:
        await opened.provision(dry_run=False)
        await write(opened, PRESENCE, *(await opened.read(nobody, follow=True)))
        known = {row.id: row for row in await opened.read(nobody, follow=True)}
        office.edit(1, UPN="new@contoso.com")
        office.agents.delete(2)
        told = await opened.changes(known)
        assert isinstance(told, Changes)
        assert [(row.id, row.upn, row.shown.presence) for row in told.rows.values()] == [(1, "new@contoso.com", "Away")]
        assert told.deleted == {2}
        await write(opened, {**PRESENCE, OurColumn.PRESENCE: "Busy"}, told.rows[1])
        assert shown_there(office) == {1: ("new@contoso.com", "Busy"), 2: ("agent1@contoso.com", "Away")}
        await opened.changes({1: told.rows[1]})  # whoever was told believes it
        await write(opened, PRESENCE, told.rows[1])
    assert shown_there(office) == {1: ("new@contoso.com", "Away"), 2: ("agent1@contoso.com", None)}


@pytest.mark.anyio
async def test_of_two_items_of_a_row_the_older_one_counts(office: Office) -> None:
    office.add_rows(1)
    async with office.agent_list(presence_list=TITLE) as opened:
        await opened.provision(dry_run=False)
        companion(office).add({"AgentRow": 1, "Presence": "Busy", "AgentUPN": "x"})
        companion(office).add({"AgentRow": 1, "Presence": "Offline", "AgentUPN": "x"})
        theirs = companion(office).add({"Title": "Buy milk"})
        [row] = (await read(opened)).values()
        assert row.shown.presence == "Busy"
        await write(opened, PRESENCE, row)
    assert [item.fields.get("Presence") for item in companion(office).items.values()] == ["Away", None, None]
    assert companion(office).items[theirs].fields == {"Title": "Buy milk"}


@pytest.mark.anyio
async def test_an_item_that_somebody_deleted_is_made_again(office: Office) -> None:
    office.add_rows(1)
    async with office.agent_list(presence_list=TITLE) as opened:
        await opened.provision(dry_run=False)
        [row] = (await read(opened)).values()
        await write(opened, PRESENCE, row)
        companion(office).delete(1)
        assert isinstance((await write(opened, PRESENCE, row))[1], Failed)
        assert isinstance((await write(opened, PRESENCE, row))[1], Written)
    assert shown_there(office) == {1: (row.upn, "Away")}


@pytest.mark.anyio
async def test_an_item_whose_making_was_not_answered_is_not_made_twice(office: Office) -> None:
    office.add_rows(1)
    async with office.agent_list(presence_list=TITLE) as opened:
        await opened.provision(dry_run=False)
        [row] = (await read(opened)).values()
        office.world.faults.add(r"POST .*\$batch", cut=True, times=1)
        assert isinstance((await write(opened, PRESENCE, row))[1], Failed)
        assert len(companion(office).items) == 1
        assert isinstance((await write(opened, PRESENCE, row))[1], Written)
    assert shown_there(office) == {1: (row.upn, "Away")}
    assert len(companion(office).items) == 1


@pytest.mark.anyio
async def test_a_half_read_companion_is_not_believed(office: Office) -> None:
    office.add_rows(1)
    async with office.agent_list(presence_list=TITLE) as opened:
        await opened.provision(dry_run=False)
        for number in range(5_001):
            companion(office).add({"AgentRow": number})
        office.spoil_pages(status=404)
        with pytest.raises(ServiceError):
            await opened.read(nobody)


@pytest.mark.anyio
async def test_presence_left_in_the_agent_list_is_planned_and_emptied(used_before: Office) -> None:
    """Else it would go on routing calls by what nobody keeps up to date any more."""
    office = used_before
    office.add_row(UPN="a@contoso.com", Title="A", SyncStatus="OK", Presence="Available", PresenceActivity="Available")
    office.add_row(UPN="b@contoso.com", Title="B", SyncStatus="Error", Presence="Offline")
    async with office.agent_list(presence_list=TITLE) as opened:
        await opened.provision(dry_run=False)
        rows = await read(opened)
        assert {row.shown.presence for row in rows.values()} == {
            "Available (left in the list Agents)",
            "Offline (left in the list Agents)",
        }
        await write(opened, {OurColumn.PRESENCE: "Available", OurColumn.SYNC_CHANGED_AT: NOON}, rows[1])
        await write(opened, {OurColumn.PRESENCE: "", OurColumn.SYNC_CHANGED_AT: NOON}, rows[2])
        again = await read(opened)
    assert [again[id_].shown.presence for id_ in (1, 2)] == ["Available", ""]
    assert again[1].shown.activity == "Available"
    assert shown_there(office) == {1: ("a@contoso.com", "Available")}
    assert all(LIVE.isdisjoint(office.cells(row_id)) for row_id in (1, 2))


@pytest.mark.anyio
async def test_renamed_columns_are_named_so_in_the_companion_too(office: Office) -> None:
    office.add_rows(1)
    columns = {OurColumn.PRESENCE.value: "Teams presence"}
    async with office.agent_list(presence_list=TITLE, columns=columns) as opened:
        await opened.provision(dry_run=False)
        [row] = (await read(opened)).values()
        await write(opened, PRESENCE, row)
        [row] = (await read(opened)).values()
        assert row.shown.presence == "Away"
    assert companion(office).items[1].fields["Teamspresence"] == "Away"


@pytest.mark.anyio
async def test_the_companion_is_never_the_agent_list(office: Office) -> None:
    async with office.agent_list(presence_list="agents") as opened:
        with pytest.raises(ListProblem, match="the Agent list itself"):
            await opened.provision(dry_run=False)


def test_what_is_written_while_the_list_is_read_is_newer_than_what_was_read() -> None:
    """Else a row would get a second item, or show again what it showed before."""
    items = CompanionItems(ColumnNames("UPN", "Title"), "Agents")
    items.put([ListItem(1, {"AgentRow": 1, "Presence": "Busy"})], {1, 2})
    rows = [items.joined(Row(row_id, "x@contoso.com")) for row_id in (1, 2)]
    items.begin_reading()
    for row, item_id in zip(rows, (1, 7), strict=True):
        change = Change(row, PRESENCE)
        items.written(change, items.apart(change), item_id)
    items.put([ListItem(1, {"AgentRow": 1, "Presence": "Busy"})], {1, 2})
    assert [items.joined(Row(row_id, "x@contoso.com")).shown.presence for row_id in (1, 2)] == ["Away", "Away"]
    again = items.apart(Change(rows[1], PRESENCE)).companion
    assert again is not None and again.item is not None and again.item.id == 7
    items.begin_reading()
    items.put([ListItem(1, {"AgentRow": 1, "Presence": "Lunch"})], {1, 2})
    assert items.joined(Row(1, "x@contoso.com")).shown.presence == "Lunch"


def spare(*live: str) -> list[ListItem]:
    """Items of rows that are gone, by what they show."""
    return [ListItem(number, {"AgentRow": 90 + number, "Presence": each}) for number, each in enumerate(live, 1)]


def opened_items(*live: str) -> tuple[CompanionItems, list[Change]]:
    """Beside two rows that have no items yet, and are to show something."""
    items = CompanionItems(ColumnNames("UPN", "Title"), "Agents")
    items.put(spare(*live), {1, 2})
    return items, [Change(items.joined(Row(row_id, "x@contoso.com")), PRESENCE) for row_id in (1, 2)]


def item_of(items: CompanionItems, change: Change) -> int | None:
    """Of the item that a write takes; None where one is made."""
    part = items.apart(change).companion
    assert part is not None
    return None if part.item is None else part.item.id


def test_an_item_that_one_write_takes_no_other_does_whatever_is_read_meanwhile() -> None:
    items, (first, second) = opened_items("Busy")
    assert item_of(items, first) == 1
    items.begin_reading()
    items.put(spare("Busy"), {1, 2})
    assert item_of(items, second) is None


def test_an_item_that_was_not_taken_in_the_end_is_spare_again() -> None:
    items, (first, second) = opened_items("Busy")
    items.not_sent(items.apart(first))
    assert item_of(items, second) == 1


def test_an_item_of_which_it_is_not_known_whether_it_was_taken_is_nobody_s_until_the_list_was_read() -> None:
    items, (first, second) = opened_items("Busy")
    items.let_go(items.apart(first))
    assert item_of(items, second) is None
    items.begin_reading()
    items.put([ListItem(1, {"AgentRow": 1, "Presence": "Away"})], {1, 2})
    assert item_of(items, first) == 1


def test_an_item_that_is_being_emptied_is_nobody_s() -> None:
    """Else what a row was just given would be emptied."""
    items, (first, second) = opened_items("Busy", "Away")
    assert [change.item.id for change in items.to_empty(1) if change.item] == [1]
    items.put(spare("Busy", "Away"), {1, 2})
    assert [item_of(items, each) for each in (first, second)] == [2, None]
    items.emptied([1], [1])
    assert items.to_empty(9) == []
    assert item_of(items, second) == 1


async def under_way(fault: Fault, seen: int = 1) -> None:
    async with asyncio.timeout(5):
        while fault.seen < seen:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.anyio
async def test_two_runs_of_writes_and_a_reading_side_by_side_lose_no_item(office: Office) -> None:
    """The first takes the only spare item and makes one, slowly."""
    office.add_rows(4)
    async with office.agent_list(presence_list=TITLE) as opened:
        await opened.provision(dry_run=False)
        first, second, third, fourth = (await read(opened)).values()
        await write(opened, PRESENCE, first)
        office.agents.delete(first.id)
        await read(opened)
        slow = office.world.faults.add(r"POST .*\$batch", delay=0.5, times=1)
        writing = asyncio.create_task(write(opened, PRESENCE, second, third))
        await under_way(slow)
        await read(opened)
        assert isinstance((await write(opened, {**PRESENCE, OurColumn.PRESENCE: "Busy"}, fourth))[4], Written)
        assert not writing.done(), "it had to wait for a slow answer"
        assert {type(outcome) for outcome in (await writing).values()} == {Written}
        await read(opened)
        await write(opened, {**PRESENCE, OurColumn.PRESENCE: "Offline"}, second, third, fourth)
    shown = {row.id: (row.upn, "Offline") for row in (second, third, fourth)}
    assert shown_there(office) == shown
    assert len(companion(office).items) == 3


@pytest.mark.anyio
async def test_while_an_item_is_in_doubt_and_the_list_is_read_none_is_made_for_its_row(office: Office) -> None:
    office.add_rows(1)
    async with office.agent_list(presence_list=TITLE) as opened:
        await opened.provision(dry_run=False)
        [row] = (await read(opened)).values()
        office.world.faults.add(r"POST .*\$batch", cut=True, times=1)
        assert isinstance((await write(opened, PRESENCE, row))[1], Failed)
        slow = office.world.faults.add(r"GET .*/items", delay=0.3)
        reading = asyncio.create_task(read(opened))
        await under_way(slow, seen=2)  # the companion's items come second
        assert isinstance((await write(opened, PRESENCE, row))[1], Written)
        await reading
    assert len(companion(office).items) == 1
