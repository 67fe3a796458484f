"""Tenants that are silent, do not tell who changed, or forgot: nothing is lost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from structlog.testing import capture_logs

from sync_agent.jobs.plan_rows import plan_dirty
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.messy import build
from sync_agent.simulator.wire import Call, Reply
from sync_agent.simulator.world import DAY
from tests.microsoft365.contoso import refusing, saying
from tests.user_following import DELTA, agents, running

pytestmark = pytest.mark.anyio


async def test_a_token_that_expired_means_asking_about_everybody_and_following_from_there(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, run):
        (first, _, user), (second, _, other) = agents(served, 2)
        user.enabled = False
        served.world.clock = lambda: time.time() + 8 * DAY
        with capture_logs() as logs:
            await run.turn()
        assert "user_disabled" in served.shown(first, "SyncAnomalies")
        told = [log["reason"] for log in logs if log["event"] == "user_changes_not_told"]
        assert len(told) == 2 and all("410" in reason for reason in told)
        other.enabled = False
        await run.turn()
        assert "user_disabled" in served.shown(second, "SyncAnomalies")
        assert await run.turn() <= 6
        assert await run.turn() == 2


UNTOLD = [refusing(403), refusing(400), refusing(404), refusing(501), saying({"value": []}), saying([1])]


@pytest.mark.parametrize("how", UNTOLD)
async def test_a_tenant_that_does_not_tell_is_asked_about_all_its_names_each_turn(
    how: dict[str, Any], tmp_path: Path
) -> None:
    """And no other is; the log says so once."""
    async with running(tmp_path) as (served, run):
        served.world.faults.add(DELTA, **how)
        rows = agents(served, 40)
        with capture_logs() as logs:
            for row_id, _, user in rows[:3]:
                user.enabled = False
                await run.turn()
                assert "user_disabled" in served.shown(row_id, "SyncAnomalies")
        assert sum(log["event"] == "user_changes_not_told" for log in logs) == 2
        assert run.service.context.observed.trouble == {}
        served.world.faults.clear()
        await run.turn()
        assert await run.turn() == 2


async def test_the_names_of_other_tenants_are_left_alone_by_one_that_does_not_tell(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, run):
        (_, tenant, _), *_ = agents(served, 1)
        app = next(app for _, other, app in served.world.accounts if other is tenant)

        def refused(call: Call, truly: Truly) -> Reply:
            claims = jwt.decode(call.headers["authorization"].split()[1], options={"verify_signature": False})
            return Reply(403, b"{}") if claims["appid"] == app.client_id else truly(call)

        served.world.faults.add(DELTA, instead=refused)
        await run.turn()
        before = run.service.transport.requests["directory"]
        with capture_logs() as logs:
            await run.turn()
        asked = next(log["names_asked"] for log in logs if log["event"] == "users_followed")
        of_tenant = [name for name in run.matches if name.partition("@")[2] in tenant.domains]
        assert asked == len(of_tenant)
        assert run.service.transport.requests["directory"] - before < 12


async def test_while_the_tenants_are_silent_their_rows_stay_and_nothing_is_lost(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, run):
        run.give_up_at_once()
        row_id, _, user = agents(served, 1)[0]
        away = served.world.faults.add(r"/v1\.0/(users|organization|directoryObjects|\$batch)", reset=True)
        user.enabled = False
        shown = {id_: dict(item.fields) for id_, item in served.agents.items.items()}
        for _ in range(3):
            await run.jobs.resolve_users()
        away.times = 0
        trouble = run.service.context.observed.trouble
        assert trouble.keys() == {tenant.id for _, tenant, _ in served.world.accounts}
        assert not plan_dirty(run.service.context).changes
        assert {id_: dict(item.fields) for id_, item in served.agents.items.items()} == shown
        await run.turn()
        assert trouble == {}
        assert "user_disabled" in served.shown(row_id, "SyncAnomalies")
        await run.turn()
        assert await run.turn() == 2


async def test_what_a_name_is_is_asked_again_in_each_turn_until_it_is_told(tmp_path: Path) -> None:
    world = build(60, 2)
    world.faults.add("proxyAddresses/any", status=403)
    async with running(tmp_path, world=world) as (_, run):
        observed = run.service.context.observed
        assert observed.unexplained and observed.trouble
        await run.turn()
        assert observed.unexplained and observed.trouble
        world.faults.clear()
        await run.turn()
        assert (observed.unexplained, observed.trouble) == ({}, {})
        assert run.found == await run.truth()


async def test_where_only_the_changes_are_away_the_names_are_asked_about_from_the_second_turn_on(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as (served, run):
        run.give_up_at_once()
        (first, _, user), (second, _, other) = agents(served, 2)
        trouble = run.service.context.observed.trouble
        away = served.world.faults.add(DELTA, status=503, headers={"retry-after": "0"})
        user.enabled = False
        with capture_logs() as logs:
            await run.turn()
            assert served.shown(first, "SyncStatus") == "OK"
            assert len(trouble) == 2
            for _ in range(2):
                await run.turn()
                assert "user_disabled" in served.shown(first, "SyncAnomalies")
                assert trouble == {}
        warnings = [log["event"] for log in logs if log["log_level"] == "warning"]
        assert (
            sorted(event for event in warnings if event != "throttled")
            == ["tenant_could_not_be_asked"] * 2 + ["user_changes_not_told"] * 2
        )
        away.times = 0
        await run.turn()
        other.enabled = False
        assert await run.turn() <= 6
        assert "user_disabled" in served.shown(second, "SyncAnomalies")


async def test_a_silence_of_one_turn_costs_nothing_but_that_turn(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, run):
        run.give_up_at_once()
        row_id, _, user = agents(served, 1)[0]
        away = served.world.faults.add(DELTA, reset=True)
        user.enabled = False
        await run.turn()
        away.times = 0
        assert await run.turn() <= 6
        assert run.service.context.observed.trouble == {}
        assert "user_disabled" in served.shown(row_id, "SyncAnomalies")
