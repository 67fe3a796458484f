"""From a wrong row to the UPN that is meant: what reaches the list, at what price, and what a failure does."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_agent.jobs.ask_people import ask_people
from sync_agent.jobs.plan_rows import plan_dirty
from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.resolve_users import resolve_news, resolve_users
from sync_agent.jobs.write_back import write_back
from sync_agent.progress import Silent
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from sync_agent.simulator.lab import Api
from sync_agent.simulator.world import SimUser, Tenant
from tests.jobs.opening import opened
from tests.lab import Lab

pytestmark = pytest.mark.anyio
ENDS_WITH = r"GET /v1\.0/users\?.*endswith"


@pytest.fixture(params=["graph", "rest"])
def api(request: pytest.FixtureRequest) -> Api:
    chosen: Api = request.param
    return chosen


async def a_pass(service: Service) -> int:
    """How many rows were written."""
    await read_list(service.context)
    await resolve_users(service.context)
    await poll_presence(service.context)
    return (await write_back(service.context)).writes.done


def somebody(served: Lab) -> tuple[int, SimUser]:
    """A right row and its user, whose name is long enough for a slip."""
    for row_id, truth in served.world.truth.items():
        user = served.world.user(truth.object_id)
        if not truth.codes and user is not None and len(user.upn.partition("@")[0]) > 8:
            return row_id, user
    raise AssertionError("nobody")


def tenant_of(served: Lab, user: SimUser) -> Tenant:
    return next(tenant for _, tenant, _ in served.world.accounts if user.id in tenant.users)


def slipped(upn: str) -> str:
    return upn[0] + upn[2] + upn[1] + upn[3:]


async def test_a_renamed_user_is_found_again_and_stays_found(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, api=api) as (served, service):
        await a_pass(service)
        row_id, user = somebody(served)
        tenant_of(served, user).rename(user, f"new.name@{user.upn.partition('@')[2]}")
        assert await a_pass(service) == 1
        anomalies = served.shown(row_id, "SyncAnomalies")
        assert anomalies.startswith("user_renamed: ")
        assert f"Did you mean {user.upn}?" in anomalies
        assert served.shown(row_id, "EntraObjectId") == user.id
        assert not served.shown(row_id, "Presence")
        assert await a_pass(service) == 0
        served.agents.edit(row_id, {"UPN": user.upn})
        assert await a_pass(service) == 1
        assert served.shown(row_id, "SyncStatus") == "OK"


@pytest.mark.parametrize(("edited", "said"), [(False, "user_renamed"), (True, "user_not_found")])
async def test_what_earlier_runs_knew_tells_a_rename_from_an_edit(edited: bool, said: str, tmp_path: Path) -> None:
    """The name beside the UPN says nothing: only the history tells whether the cell is what it was."""
    async with opened(tmp_path) as (served, service):
        row_id, user = somebody(served)
        served.agents.edit(row_id, {"Title": "Desk 4"})
        await service.sync()
        tenant_of(served, user).rename(user, f"new.name@{user.upn.partition('@')[2]}")
        if edited:
            served.agents.edit(row_id, {"UPN": f"somebody.else@{user.upn.partition('@')[2]}"})
        async with open_service(load(served.settings), progress=Silent()) as another:
            await another.sync()
        assert served.shown(row_id, "SyncAnomalies").startswith(said)
        assert served.shown(row_id, "EntraObjectId") == (None if edited else user.id)


IDS = r"GET /v1\.0/users\?.*filter=id in"


@pytest.mark.parametrize("status", [400, 403, 500])
async def test_who_was_renamed_stays_known_while_nobody_can_be_asked(status: int, api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, api=api) as (served, service):
        await a_pass(service)
        row_id, user = somebody(served)
        old = user.upn
        tenant_of(served, user).rename(user, f"new.name@{user.upn.partition('@')[2]}")
        user.proxy_addresses = (*user.proxy_addresses, f"smtp:{old}")
        await a_pass(service)
        said = served.shown(row_id, "SyncAnomalies")
        assert said.startswith("user_renamed: ")
        for nobody_knew in (False, True):
            if nobody_knew:
                service.context.observed.before.clear()
            served.world.faults.add(IDS, status=status)
            assert await a_pass(service) == 0
            assert (served.shown(row_id, "SyncAnomalies"), served.shown(row_id, "EntraObjectId")) == (said, user.id)
            served.world.faults.clear()
            assert await a_pass(service) == 0


async def test_an_object_id_outlives_a_lost_history_whatever_the_names_say(tmp_path: Path) -> None:
    async with opened(tmp_path) as (served, service):
        row_id, user = somebody(served)
        served.agents.edit(row_id, {"Title": "Peter Miller"})
        await a_pass(service)
        tenant_of(served, user).rename(user, f"zoe.quist@{user.upn.partition('@')[2]}")
        user.display_name, user.mail, user.proxy_addresses = "Zoe Quist", None, ()
        for file in served.folder.rglob("*.db*"):
            file.unlink()
        async with open_service(load(served.settings), progress=Silent()) as another:
            await another.sync()
        assert served.shown(row_id, "SyncAnomalies").startswith("user_not_found")
        assert served.shown(row_id, "EntraObjectId") == user.id


async def test_a_tenant_that_is_not_believed_about_names_is_not_about_people(tmp_path: Path) -> None:
    async with opened(tmp_path) as (served, service):
        row_id, user = somebody(served)
        tenant = tenant_of(served, user)
        other = next(id_ for id_ in served.world.truth if id_ != row_id and not served.world.truth[id_].codes)
        served.agents.edit(other, {"UPN": slipped(user.upn), "Title": user.display_name})
        served.agents.edit(row_id, {"UPN": ""})
        await a_pass(service)
        said = served.shown(other, "SyncAnomalies")
        assert f"Did you mean {user.upn}?" in said
        users = dict(tenant.users)
        for one in list(users.values()):
            tenant.remove(one)
            tenant.deleted.clear()
        await a_pass(service)
        assert served.shown(other, "SyncAnomalies") == said


async def test_a_slip_is_explained_in_the_turn_that_reads_it_in_a_request_a_tenant(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, api=api) as (served, service):
        await a_pass(service)
        row_id, user = somebody(served)
        served.agents.edit(row_id, {"UPN": slipped(user.upn)})
        await read_list(service.context)
        before = service.transport.requests["directory"]
        await resolve_news(service.context)
        # Per tenant: its domains, and its people; in one also the name, the recycle bin and the mail addresses.
        assert service.transport.requests["directory"] - before <= 2 * len(served.world.accounts) + 3
        await write_back(service.context)
        assert f"Did you mean {user.upn}?" in served.shown(row_id, "SyncAnomalies")


async def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, service):
        await a_pass(service)
        before = service.transport.requests["directory"]
        await ask_people(service.context)
        await resolve_news(service.context)
        assert service.transport.requests["directory"] == before


async def test_a_row_is_not_written_before_its_people_were_asked_about(tmp_path: Path) -> None:
    async with opened(tmp_path) as (served, service):
        await a_pass(service)
        row_id, user = somebody(served)
        name = slipped(user.upn).lower()
        served.agents.edit(row_id, {"UPN": slipped(user.upn)})
        await read_list(service.context)
        tenant = service.context.edges.tenants[tenant_of(served, user).id]
        service.context.observed.put_matches(await tenant.directory.resolve([name], lambda _: None))
        assert not plan_dirty(service.context, [row_id]).changes
        await ask_people(service.context)
        assert plan_dirty(service.context, [row_id]).changes


@pytest.mark.parametrize("status", [403, 500])
async def test_a_suggestion_outlives_a_tenant_that_falls_silent(status: int, tmp_path: Path) -> None:
    async with opened(tmp_path) as (served, service):
        row_id, user = somebody(served)
        served.agents.edit(row_id, {"UPN": slipped(user.upn)})
        await a_pass(service)
        said = served.shown(row_id, "SyncAnomalies")
        assert f"Did you mean {user.upn}?" in said
        for pattern in (ENDS_WITH, r"GET /v1\.0/users\?.*startswith"):
            served.world.faults.add(pattern, status=status)
        assert await a_pass(service) == 0
        assert served.shown(row_id, "SyncAnomalies") == said
        served.world.faults.clear()
        asked = service.transport.requests["directory"]
        await resolve_news(service.context)
        assert service.transport.requests["directory"] > asked  # those that failed
        assert await a_pass(service) == 0
