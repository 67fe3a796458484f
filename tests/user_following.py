"""A service whose jobs are run when a test says so, between two askings about everybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.model import Match, Verdict
from sync_agent.progress import Silent
from sync_agent.scheduler import Jobs
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from sync_agent.simulator.world import SimUser, Tenant, World
from tests.lab import Lab, lab

DELTA = r"GET /v1\.0/users/delta"


class Running:
    """The jobs of a service, each run when a test says so."""

    def __init__(self, served: Lab, service: Service) -> None:
        self.served = served
        self.service = service
        self.jobs = Jobs(service, asyncio.Event())

    def give_up_at_once(self) -> None:
        """Rather than after several tries: for tests in which that would be all that takes time."""
        self.service.transport._retrying = Retrying(attempts=1)

    async def begin(self) -> None:
        await self.jobs.looks.turn()
        await self._write()

    async def turn(self) -> int:
        """One turn of resolve_users and the writing that follows; how many requests of directories it took."""
        before = self.service.transport.requests["directory"]
        await self.jobs.resolve_users()
        asked = self.service.transport.requests["directory"] - before
        await self._write()
        return asked

    async def _write(self) -> None:
        await poll_presence(self.service.context)
        while self.service.context.observed.dirty and self.jobs.standing.held is None:
            await self.jobs.writes.turn()

    @property
    def matches(self) -> dict[str, Match]:
        return self.service.context.observed.matches

    @property
    def found(self) -> tuple[dict[str, Match], Mapping[int, Verdict]]:
        return self.matches, self.service.context.observed.verdicts

    async def truth(self) -> tuple[dict[str, Match], Mapping[int, Verdict]]:
        """What a service that starts now finds."""
        async with open_service(load(self.served.settings), progress=Silent()) as service:
            observed = self.service.context.observed
            service.context.observed.before = dict(observed.before)
            service.context.observed.put_rows(observed.rows.values(), service.context.clock())
            await resolve_users(service.context)
            return service.context.observed.matches, service.context.observed.verdicts


@asynccontextmanager
async def running(
    folder: Path,
    *,
    rows: int = 60,
    tenants: int = 2,
    world: World | None = None,
    schedule: str = "",
    shared: bool = False,
) -> AsyncIterator[tuple[Lab, Running]]:
    """After the first turn, all rows written. ``shared``: by the settings, every tenant may have every domain."""
    with lab(folder, rows=rows, tenants=tenants, world=world) as served:
        domains = ", ".join(tenant.domains[0] for _, tenant, _ in served.world.accounts)
        for id_, _, _ in served.world.accounts if shared else ():
            served.replace(f"id: {id_}\n", f"id: {id_}\n    domains: [{domains}]\n")
        served.settings.write_text(f"{served.settings.read_text()}schedule: {{{schedule}}}\n")
        async with open_service(load(served.settings), progress=Silent()) as service:
            await service.context.edges.agent_list.provision(dry_run=False)
            run = Running(served, service)
            await run.begin()
            yield served, run


def agents(served: Lab, count: int) -> list[tuple[int, Tenant, SimUser]]:
    """Rows that are right, with their users."""
    found = []
    for row_id, truth in served.world.truth.items():
        tenant = served.world.tenants.get(truth.tenant_id)
        if tenant is not None and not truth.codes:
            found.append((row_id, tenant, tenant.users[truth.object_id]))
    return found[:count]
