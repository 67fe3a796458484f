"""The service between two whole readings: what changes in the list reaches the rows, at the price of what changed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.write_back import write_back
from sync_agent.progress import Silent
from sync_agent.scheduler import Jobs
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.lab import Api
from sync_agent.simulator.wire import Call, Reply
from sync_agent.simulator.world import SimUser
from tests.lab import Lab, lab

WHOLE = r"GET .*/items\?.*top=(2000|5000)"
LOG = r"(GET .*/items/delta|POST .*/GetChanges)"


@pytest.fixture(params=["graph", "rest"])
def api(request: pytest.FixtureRequest) -> Api:
    wanted: Api = request.param
    return wanted


class Running:
    """The jobs of a service, each run when a test says so."""

    def __init__(self, served: Lab, service: Service) -> None:
        self.served = served
        self.service = service
        self.jobs = Jobs(service, asyncio.Event())
        self.whole = served.world.faults.add(WHOLE, instead=lambda call, truly: truly(call))

    async def turn(self) -> int:
        """One turn of read_list and the writing that follows; how many requests of SharePoint looking took."""
        before = self.served.world.requests["sharepoint"]
        await self.jobs.looks.turn()
        looked = self.served.world.requests["sharepoint"] - before
        await poll_presence(self.service.context)
        while self.service.context.observed.dirty and self.jobs.standing.held is None:
            await self.jobs.writes.turn()
        return looked


@asynccontextmanager
async def running(
    folder: Path, api: Api, rows: int = 60, schedule: str = "read_list: 60s"
) -> AsyncIterator[tuple[Lab, Running]]:
    """After the first turn, all rows written."""
    with lab(folder, rows=rows, api=api) as served:
        served.settings.write_text(f"{served.settings.read_text()}schedule: {{{schedule}}}\n")
        async with open_service(load(served.settings), progress=Silent()) as service:
            await service.context.edges.agent_list.provision(dry_run=False)
            run = Running(served, service)
            await run.turn()
            assert all(item.fields.get("SyncStatus") for item in served.agents.items.values())
            yield served, run


def right_rows(served: Lab) -> list[tuple[int, SimUser]]:
    found = []
    for row_id, truth in served.world.truth.items():
        user = served.world.user(truth.object_id) if not truth.codes else None
        if user is not None:
            found.append((row_id, user))
    return found


@pytest.mark.anyio
async def test_an_edit_a_new_row_and_a_deletion_are_right_after_one_turn(api: Api, tmp_path: Path) -> None:
    async with running(tmp_path, api) as (served, run):
        (edited, user), (twin, other), (deleted, _) = right_rows(served)[:3]
        read = run.whole.seen
        served.agents.edit(edited, {"UPN": ""})
        served.agents.delete(deleted)
        new = served.agents.add({"UPN": other.upn, "Title": "New"})
        assert await run.turn() <= 5
        assert "upn_missing" in served.shown(edited, "SyncAnomalies")
        assert "upn_duplicate" in served.shown(new, "SyncAnomalies")
        assert "upn_duplicate" in served.shown(twin, "SyncAnomalies")
        assert deleted not in run.service.context.observed.rows
        served.agents.edit(edited, {"UPN": user.upn})
        served.agents.delete(new)
        assert await run.turn() <= 5
        assert served.shown(edited, "EntraObjectId") == user.id
        assert served.shown(twin, "SyncStatus") == "OK"
        assert run.whole.seen == read


@pytest.mark.anyio
async def test_a_name_that_is_new_is_asked_about_in_the_same_turn(api: Api, tmp_path: Path) -> None:
    async with running(tmp_path, api) as (served, run):
        row_id, user = right_rows(served)[0]
        served.agents.edit(row_id, {"UPN": "nobody.at.all@" + user.upn.partition("@")[2]})
        await run.turn()
        assert "user_not_found" in served.shown(row_id, "SyncAnomalies")


@pytest.mark.anyio
async def test_a_quiet_turn_asks_once_and_plans_nothing(api: Api, tmp_path: Path) -> None:
    async with running(tmp_path, api) as (_, run):
        await run.turn()  # tells of our own first writes
        verdicts = run.service.context.observed.verdicts
        assert await run.turn() == 1
        assert run.service.context.observed.verdicts is verdicts
        assert not run.service.context.observed.dirty


@pytest.mark.anyio
async def test_hundreds_of_presence_writes_of_ours_make_the_next_turn_no_dearer(api: Api, tmp_path: Path) -> None:
    async with running(tmp_path, api, rows=500) as (served, run):
        await run.turn()
        for tenant in served.world.tenants.values():
            for user in tenant.users.values():
                user.availability, user.activity = "Busy", "InACall"
        await poll_presence(run.service.context)
        done = (await write_back(run.service.context)).writes.done
        assert done > 300
        verdicts = run.service.context.observed.verdicts
        assert await run.turn() == 1
        assert run.service.context.observed.verdicts is verdicts


@pytest.mark.anyio
async def test_the_whole_reading_heals_a_change_of_which_nothing_was_told(api: Api, tmp_path: Path) -> None:
    async with running(tmp_path, api) as (served, run):
        await run.turn()
        row_id, _ = right_rows(served)[0]
        log = served.agents.log
        kept, last = list(log._kept), log.last
        served.agents.edit(row_id, {"UPN": ""})
        log._kept.clear()
        log._kept.extend(kept)
        log.last = last
        await run.turn()
        assert served.shown(row_id, "SyncStatus") == "OK"
        run.jobs.looks.read_whole()
        await run.turn()
        assert "upn_missing" in served.shown(row_id, "SyncAnomalies")


@pytest.mark.anyio
async def test_the_whole_list_is_read_at_its_own_interval(api: Api, tmp_path: Path) -> None:
    async with running(tmp_path, api, schedule="read_list: 10ms, read_whole_list: 500ms") as (_, run):
        before, turns = run.whole.seen, 0
        while run.whole.seen < before + 2:
            await run.turn()
            turns += 1
        assert turns > 2


@pytest.mark.anyio
async def test_an_interval_shorter_than_the_turns_means_every_turn(api: Api, tmp_path: Path) -> None:
    async with running(tmp_path, api, schedule="read_list: 10s, read_whole_list: 1s") as (_, run):
        before = run.whole.seen
        for _ in range(3):
            await run.turn()
        assert run.whole.seen == before + 3


@pytest.mark.anyio
async def test_a_service_that_tells_no_changes_is_read_whole_every_turn(api: Api, tmp_path: Path) -> None:
    async with running(tmp_path, api) as (served, run):
        served.world.faults.add(LOG, status=501)
        before = run.whole.seen
        with capture_logs() as logs:
            for _, (row_id, _) in zip(range(4), right_rows(served), strict=False):
                served.agents.edit(row_id, {"UPN": ""})
                await run.turn()
                assert "upn_missing" in served.shown(row_id, "SyncAnomalies")
        assert run.whole.seen == before + 4
        assert [log["event"] for log in logs if log["log_level"] != "info"].count("list_changes_not_told") == 1


@pytest.mark.anyio
async def test_rows_that_vanish_at_once_are_held_by_the_fuse(api: Api, tmp_path: Path) -> None:
    async with running(tmp_path, api) as (served, run):
        await run.turn()
        for row_id in list(served.agents.items)[:40]:
            served.agents.delete(row_id)
        before = run.whole.seen
        await run.turn()
        held = run.jobs.standing.held
        assert held is not None
        assert (held.fuse, held.rows, held.of) == ("max_missing_rows", 40, 60)
        assert run.whole.seen == before + 1
        await run.turn()
        assert run.whole.seen == before + 2
        assert (await asyncio.to_thread(served.run, "sync", "--approve", held.checksum)).code == 0
        await run.turn()
        assert run.jobs.standing.held is None
        assert run.whole.seen == before + 4  # sync reads it too
        await run.turn()
        assert run.whole.seen == before + 4


@pytest.mark.anyio
@pytest.mark.parametrize("schedule", ["read_list: 60s", "read_list: 60s, read_whole_list: 1s"])
async def test_rows_that_vanish_a_few_a_turn_are_no_mistake_either_way(api: Api, schedule: str, tmp_path: Path) -> None:
    async with running(tmp_path, api, schedule=schedule) as (served, run):
        for _ in range(5):
            for row_id in list(served.agents.items)[:9]:
                served.agents.delete(row_id)
            await run.turn()
            assert run.jobs.standing.held is None
            assert run.service.context.observed.rows.keys() == served.agents.items.keys()


@pytest.mark.anyio
async def test_after_a_log_that_is_not_believed_the_whole_list_is_read_at_once_or_as_soon_as_it_can_be(
    api: Api, tmp_path: Path
) -> None:
    """The log is read on from there: what it told is told by nobody else."""
    async with running(tmp_path, api) as (served, run):
        await run.turn()
        gone = [row_id for row_id, _ in right_rows(served)][:12]  # too many to be believed, too few for the fuse
        for row_id in gone:
            served.agents.delete(row_id)
        away = served.world.faults.add(r"(?i)GET .*/(columns|fields)", status=500)
        await run.jobs.read_list()
        assert run.jobs.guard.failing.keys() == {"read_list"}
        assert run.service.context.observed.rows.keys() >= set(gone)
        away.times = 0
        before = run.whole.seen
        await run.turn()
        assert run.whole.seen == before + 1
        assert run.service.context.observed.rows.keys() == served.agents.items.keys()


@pytest.mark.anyio
async def test_a_plan_that_would_be_held_is_made_on_the_whole_list(api: Api, tmp_path: Path) -> None:
    async with running(tmp_path, api) as (served, run):
        await run.turn()
        for row_id, _ in right_rows(served):
            served.agents.edit(row_id, {"UPN": "nobody"})
        before = run.whole.seen
        await run.turn()
        held = run.jobs.standing.held
        assert held is not None and held.fuse == "max_worsened"
        assert run.whole.seen == before + 1
        told = await asyncio.to_thread(served.run, "sync", "--json")
        assert told.json()["held"]["checksum"] == held.checksum


@pytest.mark.anyio
async def test_an_outage_while_following_loses_nothing(api: Api, tmp_path: Path) -> None:
    async with running(tmp_path, api) as (served, run):
        await run.turn()
        row_id, _ = right_rows(served)[0]
        served.agents.edit(row_id, {"UPN": ""})
        away = served.world.faults.add(LOG, reset=True)
        with capture_logs() as logs:
            await run.jobs.read_list()
        assert [log["event"] for log in logs if log["log_level"] == "error"] == ["job_failed"]
        away.times = 0
        await run.turn()
        assert "upn_missing" in served.shown(row_id, "SyncAnomalies")


@pytest.mark.anyio
@pytest.mark.parametrize("how", [{"status": 500}, {"reset": True}])
async def test_a_row_that_could_not_be_written_is_tried_again_at_the_next_turn(
    api: Api, how: dict[str, Any], tmp_path: Path
) -> None:
    async with running(tmp_path, api) as (served, run):
        await run.turn()
        row_id, _ = right_rows(served)[0]
        served.agents.edit(row_id, {"UPN": "nonsense"})
        broken = served.world.faults.add(r"POST .*\$batch", **how)
        await run.turn()
        assert served.shown(row_id, "SyncStatus") == "OK"
        broken.times = 0
        before = run.whole.seen
        await run.turn()
        assert "upn_format" in served.shown(row_id, "SyncAnomalies")
        assert run.whole.seen == before


class Busy:
    """People who edit, add and delete rows, and change their presence, while requests are answered."""

    def __init__(self, served: Lab, seed: int) -> None:
        self._served = served
        self._random = random.Random(seed)
        self._rows = right_rows(served)

    def around(self, call: Call, truly: Truly) -> Reply:
        self._do()
        reply = truly(call)
        self._do()
        return reply

    def _do(self) -> None:
        agents, (row_id, user) = self._served.agents, self._random.choice(self._rows)
        match self._random.randrange(8):
            case 0:
                agents.edit(row_id, {"Title": f"Agent {self._random.random()}"})
            case 1:
                agents.edit(row_id, {"UPN": "" if self._random.random() < 0.3 else user.upn.upper()})
            case 2:
                agents.edit(row_id, {"UPN": user.upn, "SyncStatus": "Unknown"})
            case 3:
                agents.add({"UPN": user.upn, "Title": "New"})
            case 4 if len(agents.items) > 60:
                agents.delete(max(agents.items))
            case 5:
                user.availability, user.activity = self._random.choice(
                    [("Busy", "InACall"), ("Available", "Available")]
                )


@pytest.mark.anyio
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_happens_at_the_same_time_the_rows_end_as_they_are(api: Api, seed: int, tmp_path: Path) -> None:
    async with running(tmp_path, api) as (served, run):
        await run.turn()
        read = run.whole.seen
        busy = served.world.faults.add(r"(/items|batch|GetChanges)", instead=Busy(served, seed).around)
        for _ in range(10):
            await poll_presence(run.service.context)
            await asyncio.gather(run.jobs.looks.turn(), run.jobs.writes.turn())
        busy.times = 0
        for _ in range(3):
            await run.turn()
        assert run.whole.seen == read
        held = run.service.context.observed.rows
        now = await run.service.context.edges.agent_list.read_rows(list(served.agents.items))
        assert {id_: structs.replace(row, etag=None) for id_, row in held.items()} == {
            id_: structs.replace(row, etag=None) for id_, row in now.items()
        }
        dry = await asyncio.to_thread(served.run, "sync", "--dry-run", "--json")
        assert dry.json()["writes"]["planned"] == 0
