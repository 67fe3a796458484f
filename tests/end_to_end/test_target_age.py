"""A promise of freshness that a service misses: people are told at once, with the one thing that limits, and once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sync_agent.service import Service
from sync_agent.simulator.world import SimUser
from tests.lab import Lab, lab
from tests.notify.receivers import Hook, hook
from tests.test_scheduler import all_shown, running_on, until

pytestmark = pytest.mark.anyio

SCHEDULE = "schedule: {read_list: 1s, resolve_users: 1s, presence: 200ms, write_back: 100ms}\n"
PROMISE = "presence: {target_age: 1s}\n"


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than looked at every ten seconds, and told when it has lasted for a minute."""
    monkeypatch.setattr("sync_agent.scheduler.jobs.LOOKS_EVERY", 0.2)
    monkeypatch.setattr("sync_agent.freshness.LASTING", 0.5)


@pytest.fixture
def teams() -> Iterator[Hook]:
    with hook() as there:
        yield there


@contextmanager
def promising(folder: Path, teams: Hook, more: str = "") -> Iterator[Lab]:
    with lab(folder, rows=40, tenants=1) as served:
        served.world.moving = False
        for row_id, truth in served.world.truth.items():
            if truth.codes:
                del served.agents.items[row_id]
        notify = f"notify: {{urls: ['{teams.url}']}}\n"
        served.settings.write_text(served.settings.read_text() + PROMISE + notify + more)
        yield served


def agents(served: Lab) -> list[SimUser]:
    found = [served.world.user(served.world.truth[row_id].object_id) for row_id in served.agents.items]
    return [user for user in found if user is not None]


def missed(teams: Hook) -> list[str]:
    return [taken["message"] for taken in teams.taken if "older than presence.target_age (1 s)" in taken["message"]]


async def fresh(served: Lab, service: Service) -> None:
    await until(lambda: all_shown(served) and not service.context.observed.dirty, patience=30)
    await asyncio.sleep(1)


async def told(teams: Hook, what_limits: str) -> None:
    """Once, and with this; what else may have been told before it was so is none of ours."""
    await until(lambda: bool(missed(teams)), patience=30)
    (message,) = missed(teams)
    assert f"What limits: {what_limits}" in " ".join(message.split())


async def test_that_a_fuse_holds_what_waits_is_told(tmp_path: Path, teams: Hook) -> None:
    safety = "safety: {max_worsened: 5%, max_worsened_floor: 1}\n"
    with promising(tmp_path, teams, safety) as served:
        async with running_on(served, SCHEDULE) as service:
            await fresh(served, service)
            for user in agents(served)[:20]:
                user.enabled = False
            await told(teams, "paused: held by the fuse max_worsened")


async def test_that_presence_is_slow_is_told(tmp_path: Path, teams: Hook) -> None:
    with promising(tmp_path, teams) as served:
        async with running_on(served, SCHEDULE) as service:
            await fresh(served, service)
            served.world.faults.add("getPresencesByUserId", delay=4.0)
            tenant = served.world.accounts[0][1].id
            await told(teams, f"presence: tenant {tenant}: slow answers: every")


async def test_that_presence_cannot_be_read_is_told_until_it_can(tmp_path: Path, teams: Hook) -> None:
    with promising(tmp_path, teams) as served, capture_logs() as logs:
        async with running_on(served, SCHEDULE) as service:
            await fresh(served, service)
            served.world.faults.add("getPresencesByUserId", status=403)
            tenant = served.world.accounts[0][1].id
            await told(teams, f"presence: tenant {tenant}: presence of")
            served.world.faults.clear()
            await until(lambda: any(line["event"] == "presence_target_kept_again" for line in logs), patience=30)
        assert len(missed(teams)) == 1


async def test_that_sharepoint_lets_no_more_through_is_told(tmp_path: Path, teams: Hook) -> None:
    """240 units a minute: enough for the first writes, and for a change of each agent."""
    with promising(tmp_path, teams) as served:
        served.replace("sharepoint_units_per_minute: 600000", "sharepoint_units_per_minute: 300")
        async with running_on(served, SCHEDULE) as service:
            await fresh(served, service)
            for availability in ("Busy", "Away", "DoNotDisturb", "BeRightBack"):
                for user in agents(served):
                    user.availability = user.activity = availability
                await asyncio.sleep(1)
            await told(teams, "budget: SharePoint, ")
