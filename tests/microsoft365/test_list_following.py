"""Following what changes in the list: what both adapters keep, and what each does in its own way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from sync_agent.microsoft365.agent_list import AgentList, Changes, WholeListNeeded, Written
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.model import Change, Row
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import Call, Reply
from tests.microsoft365.agent_list_suite import VALUES, write_all
from tests.microsoft365.list_office import Api, Office, bare, nobody, provisioned
from tests.serving import serving

LOG = r"(GET .*/items/delta|POST .*/GetChanges)"
TOKEN = r"(GET .*/items/delta\?.*token=latest|GET .*select=CurrentChangeToken)"


@pytest.fixture(params=["graph", "rest"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    api: Api = request.param
    opened = Office(api, tmp_path, provisioned(bare()))
    with serving(opened.simulator):
        yield opened


async def read(opened: AgentList) -> dict[int, Row]:
    return {row.id: row for row in await opened.read(nobody, follow=True)}


async def told(opened: AgentList, known: Mapping[int, Row]) -> Changes:
    changes = await opened.changes(known)
    assert isinstance(changes, Changes)
    return changes


def counted(office: Office) -> int:
    return office.world.requests["all"]


@pytest.mark.anyio
async def test_edits_new_rows_and_deletions_are_told_once(office: Office) -> None:
    office.add_rows(40)
    async with office.agent_list() as opened:
        known = await read(opened)
        assert await told(opened, known) == Changes({})
        office.edit(3, UPN="typed@contoso.com")
        office.edit(3, UPN="typed.again@contoso.com")
        office.edit(4, UPN="")
        office.edit(5, Team="Billing")
        new = office.add_row(UPN="new@contoso.com", Title="New")
        office.agents.delete(6)
        office.agents.delete(office.add_row(UPN="short-lived@contoso.com"))
        before = counted(office)
        changes = await told(opened, known)
        assert counted(office) - before <= 3
        assert changes.rows == await opened.read_rows([3, 4, 5, new])
        assert changes.rows[3].upn == "typed.again@contoso.com"
        assert 6 in changes.deleted and not changes.deleted & office.agents.items.keys()
        assert await told(opened, {**known, **changes.rows}) == Changes({})


@pytest.mark.anyio
async def test_an_edit_while_the_list_is_read_is_told_afterwards(office: Office) -> None:
    office.add_rows(5_100)

    def edited_behind_us(call: Call, truly: Truly) -> Reply:
        answer = truly(call)
        if "skiptoken" in "".join(call.query):
            office.edit(1, UPN="typed@contoso.com")
        return answer

    async with office.agent_list() as opened:
        await opened.open()
        office.world.faults.add(r"GET .*/items\?", instead=edited_behind_us)
        known = await read(opened)
        assert known[1].upn == "agent0@contoso.com"
        assert (await told(opened, known)).rows[1].upn == "typed@contoso.com"


@pytest.mark.anyio
async def test_hundreds_of_our_own_writes_cost_one_request_and_are_no_news(office: Office) -> None:
    office.add_rows(700)
    async with office.agent_list() as opened:
        known = await read(opened)
        for _ in range(2):
            outcomes = await write_all(opened, [Change(row, VALUES) for row in known.values()])
            etags = {id_: outcome.etag for id_, outcome in outcomes.items() if isinstance(outcome, Written)}
            known = await read_back(opened, known, etags)
            office.edit(7, UPN="typed@contoso.com")
            before = office.world.requests["sharepoint"]
            changes = await told(opened, known)
            assert list(changes.rows) == [7]
            assert office.world.requests["sharepoint"] - before <= 2 + (office.api == "rest")
            known = {**known, **changes.rows}


async def read_back(opened: AgentList, known: Mapping[int, Row], etags: Mapping[int, str | None]) -> dict[int, Row]:
    """As the rows are held after our writes."""
    shown = (await opened.read_rows([1]))[1].shown
    return {id_: structs.replace(row, shown=shown, etag=etags[id_]) for id_, row in known.items()}


@pytest.mark.anyio
async def test_folders_are_no_news(office: Office) -> None:
    office.add_rows(30)
    async with office.agent_list() as opened:
        known = await read(opened)
        office.add_folder("Old agents")
        changes = await told(opened, known)
        assert not changes.rows
        assert changes.deleted.isdisjoint(known)


@pytest.mark.anyio
@pytest.mark.parametrize("how", [{"reset": True}, {"status": 503}])
async def test_what_changed_is_told_after_an_outage(office: Office, how: dict[str, Any]) -> None:
    office.add_rows(30)
    async with office.agent_list() as opened:
        known = await read(opened)
        office.edit(3, UPN="typed@contoso.com")
        office.world.faults.add(LOG, **how)
        with pytest.raises(ServiceError):
            await opened.changes(known)
        office.world.faults.clear()
        assert (await told(opened, known)).rows[3].upn == "typed@contoso.com"


@pytest.mark.anyio
async def test_rows_that_cannot_be_read_are_told_the_next_time(office: Office) -> None:
    office.add_rows(30)
    async with office.agent_list() as opened:
        known = await read(opened)
        office.edit(3, UPN="")  # an empty one is read for itself
        office.world.faults.add(r"(GET .*/items(/\d+)?\?|POST .*/\$batch)", reset=True)
        with pytest.raises(ServiceError):
            await opened.changes(known)
        office.world.faults.clear()
        assert not (await told(opened, known)).rows[3].upn


@pytest.mark.anyio
@pytest.mark.parametrize("at", [LOG, TOKEN])
@pytest.mark.parametrize(
    "how",
    [{"status": 400}, {"status": 403}, {"status": 404}, {"status": 501}, {"status": 200, "body": b"<html>"}],
    ids=["400", "403", "404", "501", "html"],
)
async def test_a_service_that_tells_no_changes_is_asked_twice_and_that_is_said_once(
    office: Office, at: str, how: dict[str, Any]
) -> None:
    office.add_rows(30)
    fault = office.world.faults.add(at, **how)
    async with office.agent_list() as opened:
        with capture_logs() as logs:
            for _ in range(4):
                known = await read(opened)
                assert len(known) == 30
                office.edit(3, UPN="typed@contoso.com")
                assert isinstance(await opened.changes(known), WholeListNeeded)
    assert [log["event"] for log in logs if log["log_level"] == "warning"] == ["list_changes_not_told"]
    assert fault.seen == 2


@pytest.mark.anyio
async def test_a_token_that_is_no_longer_good_is_replaced(office: Office) -> None:
    office.add_rows(30)
    async with office.agent_list() as opened:
        for _ in range(3):
            known = await read(opened)
            office.agents.clock = _later(office, days=61)
            assert isinstance(await opened.changes(known), WholeListNeeded)
        await read(opened)
        assert await told(opened, known) == Changes({})


def _later(office: Office, days: int) -> Any:
    then = office.agents.clock() + timedelta(days=days)
    return lambda: then


@pytest.mark.anyio
async def test_more_changes_than_an_answer_holds(office: Office) -> None:
    office.add_rows(2_500)
    async with office.agent_list() as opened:
        known = await read(opened)
        for row_id in [*range(1, 2_201), 2_300] if office.api == "graph" else [2_300] * 2_200:
            office.edit(row_id, Title="Edited")
        changes = await told(opened, known)
        assert changes.rows[2_300].name == "Edited"
        assert len(changes.rows) == (2_201 if office.api == "graph" else 1)
        assert await told(opened, {**known, **changes.rows}) == Changes({})


@pytest.mark.anyio
async def test_without_a_reading_there_is_nothing_to_follow(office: Office) -> None:
    office.add_rows(3)
    async with office.agent_list() as opened:
        assert isinstance(await opened.changes({}), WholeListNeeded)
        rows = await opened.read(nobody)
        assert isinstance(await opened.changes({row.id: row for row in rows}), WholeListNeeded)


@pytest.mark.anyio
@pytest.mark.parametrize("office", ["rest"], indirect=True)
async def test_rest_reads_the_whole_list_when_that_costs_less(office: Office) -> None:
    office.add_rows(3_000)
    async with office.agent_list() as opened:
        known = await read(opened)
        for row_id in range(1, 451):
            office.edit(row_id, Title="Edited")
        needed = await opened.changes(known)
        assert isinstance(needed, WholeListNeeded) and "450 rows" in needed.reason
        assert isinstance(await opened.changes(known), WholeListNeeded)
        known = await read(opened)
        office.edit(9, Title="Edited again")
        assert list((await told(opened, known)).rows) == [9]


@pytest.mark.anyio
@pytest.mark.parametrize("office", ["rest"], indirect=True)
async def test_a_change_without_end_in_the_log_is_left_to_the_whole_reading(office: Office) -> None:
    office.add_rows(30)
    async with office.agent_list() as opened:
        known = await read(opened)
        for _ in range(6_000):
            office.agents.edit(2, {"Title": "Edited"})
        assert isinstance(await opened.changes(known), WholeListNeeded)


@pytest.mark.anyio
@pytest.mark.parametrize("office", ["rest"], indirect=True)
async def test_an_edit_between_our_write_and_the_next_look_at_the_log_is_seen(office: Office) -> None:
    office.add_rows(30)
    async with office.agent_list() as opened:
        known = await read(opened)
        await write_all(opened, [Change(known[3], VALUES)])
        office.edit(3, Title="Edited")
        assert (await told(opened, known)).rows[3].name == "Edited"
        office.edit(3, Title="Edited again")
        assert (await told(opened, known)).rows[3].name == "Edited again"


@pytest.mark.anyio
@pytest.mark.parametrize("office", ["graph"], indirect=True)
@pytest.mark.parametrize("fields", [None, {}], ids=["no fields", "empty fields"])
async def test_graph_rows_without_their_fields_are_read_one_by_one(office: Office, fields: Any) -> None:
    office.add_rows(30)

    def bare_items(call: Call, truly: Truly) -> Reply:
        reply = truly(call)
        page = json.loads(reply.body)
        for item in page["value"]:
            item["fields"] = fields
        return Reply(200, json.dumps(page).encode(), dict(reply.headers))

    async with office.agent_list() as opened:
        known = await read(opened)
        office.world.faults.add(LOG, instead=bare_items)
        office.edit(3, UPN="typed@contoso.com")
        office.agents.delete(4)
        changes = await told(opened, known)
        assert changes.rows[3].upn == "typed@contoso.com"
        assert list(changes.deleted) == [4]
        for row_id in range(5, 25):
            office.edit(row_id, Extension="1")
        assert isinstance(await opened.changes(known), WholeListNeeded)


@pytest.mark.anyio
@pytest.mark.parametrize("office", ["graph"], indirect=True)
async def test_graph_links_in_a_circle_are_no_news(office: Office) -> None:
    office.add_rows(30)

    def circle(call: Call, truly: Truly) -> Reply:
        link = f"{office.url}{call.path}?token={call.query['token']}"
        return Reply(200, json.dumps({"value": [], "@odata.nextLink": link}).encode(), {"content-type": "a/json"})

    async with office.agent_list() as opened:
        known = await read(opened)
        office.world.faults.add(LOG, instead=circle)
        assert isinstance(await opened.changes(known), WholeListNeeded)


@pytest.mark.anyio
@pytest.mark.parametrize("office", ["graph"], indirect=True)
async def test_of_an_item_that_graph_tells_twice_the_last_counts(office: Office) -> None:
    office.add_rows(30)

    def twice(call: Call, truly: Truly) -> Reply:
        reply = truly(call)
        page = json.loads(reply.body)
        page["value"].insert(0, {"id": "3", "eTag": '"old,1"', "fields": {"UPN": "old@contoso.com"}})
        return Reply(200, json.dumps(page).encode(), dict(reply.headers))

    async with office.agent_list() as opened:
        known = await read(opened)
        office.world.faults.add(LOG, instead=twice)
        office.edit(3, UPN="typed@contoso.com")
        assert (await told(opened, known)).rows[3].upn == "typed@contoso.com"


@pytest.mark.anyio
@pytest.mark.parametrize("office", ["graph"], indirect=True)
@pytest.mark.parametrize(
    ("held", "is_news"),
    [
        ('"{id},2"', False),
        ('"{id},3"', False),
        ('"{id},1"', True),
        ('"another,3"', True),
        ('"{id},x"', True),
        ("3", True),
        (None, True),
    ],
)
async def test_graph_tells_nothing_new_of_a_version_that_is_held(
    office: Office, held: str | None, is_news: bool
) -> None:
    office.add_rows(30)
    async with office.agent_list() as opened:
        known = await read(opened)
        office.edit(3, UPN="typed@contoso.com")
        etag = held and held.format(id=office.item(3).unique_id)
        assert (3 in (await told(opened, {**known, 3: structs.replace(known[3], etag=etag)})).rows) is is_news


@pytest.mark.anyio
@pytest.mark.parametrize("office", ["graph"], indirect=True)
async def test_a_row_marked_as_directories_mark_it_is_deleted(office: Office) -> None:
    office.add_rows(30)

    def removed(call: Call, truly: Truly) -> Reply:
        reply = truly(call)
        page = json.loads(reply.body)
        page["value"] = [{"id": "4", "@removed": {"reason": "deleted"}}]
        return Reply(200, json.dumps(page).encode(), dict(reply.headers))

    async with office.agent_list() as opened:
        known = await read(opened)
        office.world.faults.add(LOG, instead=removed)
        assert list((await told(opened, known)).deleted) == [4]


@pytest.mark.anyio
async def test_approvals_and_teams_are_followed_too(office: Office) -> None:
    office.add_approvals()
    office.add_rows(12)
    async with office.agent_list(approved_fixes=True, columns={"team": "Team"}) as opened:
        known = await read(opened)
        office.edit(3, SyncApproveFix="jane@contoso.com")
        office.edit(4, Team="Billing")
        changes = await told(opened, known)
    assert {id_: (row.approved, row.team) for id_, row in changes.rows.items()} == {
        3: ("jane@contoso.com", "Sales"),
        4: ("", "Billing"),
    }
