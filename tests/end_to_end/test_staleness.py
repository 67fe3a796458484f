"""A tenant that is silent for long: rows keep what they show, then say Unknown and why, and come back alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.microsoft365.pacing import Timing
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.outcome import Outcome
from sync_agent.progress import Silent
from sync_agent.scheduler import Jobs
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from tests.lab import Lab, lab
from tests.virtual_time import Skipping, TimeOfDay

pytestmark = pytest.mark.anyio

PRESENCE = r"getPresencesByUserId"
NAMES = r"/v1\.0/users"


@dataclass(slots=True)
class Office:
    served: Lab
    clock: TimeOfDay

    @asynccontextmanager
    async def service(self) -> AsyncIterator[Service]:
        settings, waits = load(self.served.settings), Skipping()
        timing = Timing(waits, waits.sleep)
        async with open_service(settings, progress=Silent(), clock=self.clock, timing=timing) as service:
            service.transport._retrying = Retrying(attempts=1)  # else that is all that takes time
            yield service

    async def sync(self) -> Outcome:
        """By a process of its own."""
        async with self.service() as service:
            return await service.sync()

    @property
    def shown(self) -> dict[int, Any]:
        return {id_: dict(item.fields) for id_, item in self.served.agents.items.items()}

    def judged(self, status: str) -> set[int]:
        return {id_ for id_, cells in self.shown.items() if cells.get("SyncStatus") == status}

    @contextmanager
    def failing(self, pattern: str) -> Iterator[None]:
        fault = self.served.world.faults.add(pattern, status=503)
        yield
        fault.times = 0


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with lab(tmp_path, rows=40, tenants=1) as served:
        served.provisioned()
        yield Office(served, TimeOfDay())


def matched(office: Office) -> set[int]:
    return {id_ for id_, cells in office.shown.items() if cells.get("EntraObjectId")}


async def test_by_passes_a_verdict_grows_old_and_comes_back(office: Office) -> None:
    await office.sync()
    before, ok, users = office.shown, office.judged("OK"), matched(office)
    assert len(ok) > 10
    with office.failing(NAMES):
        for hours in (1, 22):
            office.clock.pass_by(hours=hours)
            outcome = await office.sync()
            assert outcome.writes.planned == 0
            assert office.shown == before
        office.clock.pass_by(hours=2)
        outcome = await office.sync()
        assert outcome.held is None
        assert office.judged("OK") == set()
        for id_ in ok:
            cells = office.shown[id_]
            assert cells["SyncStatus"] == "Unknown"
            assert cells["SyncAnomalies"].startswith(
                "account_unavailable: For more than 24 hours the tenant's directory"
            )
            assert cells["EntraObjectId"] == before[id_]["EntraObjectId"]
            assert cells["SyncAccount"] == before[id_]["SyncAccount"]
            assert not cells.get("Presence")
        office.clock.pass_by(hours=30)
        assert (await office.sync()).writes.planned == 0
    await office.sync()
    assert office.judged("OK") == ok
    assert matched(office) == users
    assert (await office.sync()).writes.planned == 0


async def test_by_passes_a_presence_grows_old_and_comes_back(office: Office) -> None:
    await office.sync()
    before, ok, users = office.shown, office.judged("OK"), matched(office)
    with office.failing(PRESENCE):
        office.clock.pass_by(minutes=4)
        assert (await office.sync()).writes.planned == 0
        assert office.shown == before
        office.clock.pass_by(minutes=2)
        assert (await office.sync()).held is None
        assert office.judged("OK") == set()
        for id_ in users:
            assert not office.shown[id_].get("Presence")
            assert "For more than 5 minutes presence could not be read" in office.shown[id_]["SyncAnomalies"]
            assert office.shown[id_]["EntraObjectId"] == before[id_]["EntraObjectId"]
        for id_ in ok:
            assert office.shown[id_]["SyncStatus"] == "Unknown"
        for id_ in set(before) - users:
            assert office.shown[id_] == before[id_]
        office.clock.pass_by(hours=3)
        assert (await office.sync()).writes.planned == 0
    await office.sync()
    assert office.judged("OK") == ok
    for id_ in users:
        assert office.shown[id_].get("Presence") == before[id_].get("Presence")
    assert (await office.sync()).writes.planned == 0


async def test_in_a_service_presence_grows_old_and_comes_back_within_a_sweep(office: Office) -> None:
    async with office.service() as service:
        await service.sync()
        jobs, before, ok = Jobs(service, asyncio.Event()), office.shown, office.judged("OK")

        async def turn() -> None:
            await poll_presence(service.context)
            await jobs.writes.turn()

        with office.failing(PRESENCE):
            await turn()
            office.clock.pass_by(minutes=4, seconds=59)
            await turn()
            assert office.shown == before
            office.clock.pass_by(seconds=2)
            await turn()
            assert office.judged("OK") == set()
            shown = office.shown
            office.clock.pass_by(minutes=10)
            await turn()
            assert office.shown == shown
        await turn()
        assert office.judged("OK") == ok
        for id_, cells in before.items():
            assert office.shown[id_].get("Presence") == cells.get("Presence")


async def test_in_a_service_a_verdict_grows_old_while_presence_is_followed(office: Office) -> None:
    async with office.service() as service:
        await service.sync()
        jobs, before, ok = Jobs(service, asyncio.Event()), office.shown, office.judged("OK")

        async def turn() -> None:
            await jobs.resolve_users()
            await poll_presence(service.context)
            await jobs.writes.turn()

        jobs.users._due = 0
        with office.failing(NAMES):
            await turn()
            office.clock.pass_by(hours=23)
            await turn()
            assert office.shown == before
            office.clock.pass_by(hours=2)
            await jobs.users.news()
            some = next(iter(ok))
            user = office.served.world.user(before[some]["EntraObjectId"])
            assert user is not None
            user.availability, user.activity = "Busy", "InACall"
            await turn()
            assert office.judged("OK") == set()
            assert office.shown[some]["Presence"] == "Busy"
        await jobs.users.news()
        await turn()
        assert office.judged("OK") == ok


async def test_without_history_nothing_is_called_older_than_this_process_knows(office: Office) -> None:
    await office.sync()
    before = office.shown
    for file in (office.served.folder / "state").glob("*.db*"):
        file.unlink()
    office.clock.pass_by(days=3)
    with office.failing(PRESENCE), office.failing(NAMES):
        assert (await office.sync()).writes.planned == 0
    assert office.shown == before
