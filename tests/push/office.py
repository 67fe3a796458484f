"""A service whose list is Contoso's, that Graph tells of presence by way of a reverse proxy; everybody is asked for but
once an hour.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sync_agent.microsoft365.accounts import Prompt
from sync_agent.progress import Silent
from sync_agent.scheduler import run
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from sync_agent.simulator.subscriptions import Subscription
from sync_agent.simulator.world import AppRegistration, SimUser, Tenant
from tests.doors import Door, https_door
from tests.lab import Lab, lab
from tests.test_scheduler import a_right_row, all_shown, until

__all__ = ["until"]

LISTENERS = {"listener": "77777777-0000-4000-8000-000000000007", "another": "88888888-0000-4000-8000-000000000008"}
"""App registrations by account."""
_SCHEDULE = """\
schedule: {read_list: 1h, resolve_users: 1h, presence: 1h, write_back: 100ms}
presence:
  flap_damping: 0s
  push: {notification_url: "https://127.0.0.1:DOOR/graph", listen: "127.0.0.1:PORT"}
web: {listen: "127.0.0.1:PAGES"}
"""
_ACCOUNT = """\
  - id: NAME
    tenant_id: TENANT
    client_id: CLIENT
    auth: device_code
    cloud: lab
"""


@dataclass(frozen=True, slots=True)
class PushOffice:
    served: Lab
    door: Door
    pages: int
    """The port of /metrics."""

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.door.port}/graph"

    @property
    def subscriptions(self) -> list[Subscription]:
        """As Graph has them now."""
        return list(self.served.world.subscriptions.alive.values())

    def agent(self) -> tuple[int, SimUser]:
        return a_right_row(self.served, 0)

    def shown(self, row_id: int) -> object:
        return self.served.shown(row_id, "Presence")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Service]:
        """With a person who enters each code, and our columns in the list."""
        world = self.served.world

        def enter(prompt: Prompt) -> None:
            world.devices.enter(world, prompt.code, f"{prompt.account}@contoso.com")

        async with open_service(load(self.served.settings), progress=Silent(), announce=enter) as service:
            await service.context.edges.agent_list.provision(dry_run=False)
            yield service

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        async with self.opened() as service:
            stop = asyncio.Event()
            running = asyncio.create_task(run(service, stop))
            try:
                yield service
            finally:
                stop.set()
                await asyncio.wait_for(running, 15)

    async def told(self, service: Service) -> None:
        """Until everything is shown, Graph tells of presence, and what changed until it did was read."""
        await until(lambda: bool(self.subscriptions) and all_shown(self.served), 30)
        (one,) = self.subscriptions
        await until(lambda: set(one.ids) <= service.context.edges.presence._told.keys())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@asynccontextmanager
async def push_office(folder: Path, rows: int = 40, listeners: int = 1) -> AsyncIterator[PushOffice]:
    """Nothing runs yet. ``listeners``: accounts that are told."""
    with lab(folder, rows=rows, tenants=1) as served:
        served.world.devices.interval = 1
        accounts = [_listener(served.world.accounts[0][1], name) for name in list(LISTENERS)[:listeners]]
        served.replace("clouds:\n", f"{''.join(accounts)}clouds:\n")
        port, pages = free_port(), free_port()
        with https_door(folder, port) as door:
            schedule = _SCHEDULE.replace("DOOR", str(door.port)).replace("PORT", str(port)).replace("PAGES", str(pages))
            served.settings.write_text(served.settings.read_text() + schedule)
            yield PushOffice(served, door, pages)


def _listener(tenant: Tenant, name: str) -> str:
    """Registers an app with a person to sign in to it. Its account, as settings have it."""
    client = LISTENERS[name]
    tenant.apps[client] = AppRegistration(client, permissions={"Presence.Read.All", "User.Read.All"})
    tenant.add(SimUser(client.replace("-0000-", "-1111-", 1), f"{name}@contoso.com", name))
    return _ACCOUNT.replace("NAME", name).replace("TENANT", tenant.id).replace("CLIENT", client)
