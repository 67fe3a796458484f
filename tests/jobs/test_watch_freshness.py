"""The ages of what a running service shows, and what it says of a promise that is missed, against a served list."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sync_agent.freshness import LASTING, Promise, Told
from sync_agent.fuses import Held
from sync_agent.jobs.watch_freshness import WatchFreshness
from sync_agent.service import Service
from tests.lab import Lab
from tests.test_scheduler import all_shown, running, until
from tests.virtual_time import Seconds

_WRITING = r"(POST|PATCH) /v1.0/(\$batch|sites)"


def watching(service: Service, target: float) -> tuple[WatchFreshness, Seconds]:
    clock = Seconds()
    return WatchFreshness(service.context, 0.1, Promise(target), clock), clock


async def missed(watch: WatchFreshness, clock: Seconds, held: Held | None = None, **more: str) -> Told | None:
    """It is looked at, and looked at again when it has lasted."""
    asked: dict[str, Any] = {"unreachable": "", "waits_for": "", **more}
    await watch.look(held, **asked)
    clock.now += LASTING
    return await watch.look(held, **asked)


async def settled(served: Lab, service: Service, watch: WatchFreshness) -> None:
    served.world.moving = False
    await until(lambda: all_shown(served))

    async def right() -> None:
        while watch.latest.share_right < 1.0 or not watch.latest.rows:
            await watch.look(None, "", "")
            await asyncio.sleep(0.02)

    await asyncio.wait_for(right(), 15)


@pytest.mark.anyio
async def test_a_list_that_shows_what_is_true_is_as_old_as_its_last_sweep(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, service):
        watch, clock = watching(service, target=5)
        await settled(served, service, watch)
        with capture_logs() as logs:
            clock.now += LASTING
            assert await watch.look(None, "", "") is None
        (told,) = [entry for entry in logs if entry["event"] == "freshness"]
        assert told["rows"] == len(served.agents.items)
        assert told["right"] == 1.0
        assert 0 <= told["p50"] <= told["p95"] <= told["max"] < 5


@pytest.mark.anyio
async def test_what_cannot_be_written_grows_old_and_the_promise_is_missed_and_kept_again(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, service):
        watch, clock = watching(service, target=1.0)
        await settled(served, service, watch)
        served.world.faults.add(_WRITING, status=503)
        for tenant in served.world.tenants.values():
            for user in tenant.users.values():
                user.availability, user.activity = "DoNotDisturb", "Presenting"
        await until(
            lambda: len(service.context.observed.dirty | dict.fromkeys(service.context.observed.turns.in_flight)) > 5
        )
        await asyncio.sleep(1.5)
        with capture_logs() as logs:
            assert await missed(watch, clock, unreachable="no answer") is Told.MISSED
        (told,) = [entry for entry in logs if entry["event"] == "presence_target_missed"]
        assert told["because"].startswith(("throttled: SharePoint", "the service: no answer")), "as it backs off"
        assert told["p95"] >= 1.5
        assert told["right"] < 1
        assert f"What limits: {told['because']}." in watch.trouble
        served.world.faults.clear()
        await asyncio.wait_for(_kept(watch, clock), 30)
        assert watch.trouble == ""


async def _kept(watch: WatchFreshness, clock: Seconds) -> None:
    clock.now += LASTING
    while await watch.look(None, "", "") is not Told.KEPT:
        await asyncio.sleep(0.02)
        clock.now += LASTING


@pytest.mark.anyio
async def test_what_stands_still_is_named_before_what_is_scarce(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, service):
        watch, clock = watching(service, target=1e-9)
        await settled(served, service, watch)
        assert await missed(watch, clock, waits_for="account contoso waits for a person's sign-in") is Told.MISSED
        assert "paused: account contoso waits" in watch.trouble
        service.context.budgets[0].close_for(30)
        await watch.look(None, "", "")
        assert "throttled: SharePoint is to be left alone for 30 s" in watch.trouble


@pytest.mark.anyio
async def test_the_latest_is_kept_for_reports_once_a_minute(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, service):
        assert service.store is not None
        store = service.store
        await until(lambda: store.freshness("Agents") is not None)
        kept = store.freshness("Agents")
        assert kept is not None
        assert kept.found.rows == len(served.agents.items)
        watch, clock = watching(service, target=5)
        await watch.look(None, "", "")
        found = [watch.to_keep(), watch.to_keep()]
        clock.now += LASTING
        found.append(watch.to_keep())
        assert found == [watch.latest, None, watch.latest]
