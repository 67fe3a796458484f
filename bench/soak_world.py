"""The world of `bench soak`, in a process of its own: people change, people type, and 5 % of all answers fail.

Each line that it reads is answered by one: what became of the presences that changed since the last line.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

from sync_agent.simulator.failures import FAILURES
from sync_agent.simulator.lab import write_settings
from sync_agent.simulator.lists import SharePointList
from sync_agent.simulator.messy import SITE_PATH, build
from sync_agent.simulator.server import Simulator
from sync_agent.simulator.world import SimUser, Tenant, World

_TICK = 0.5
"""Seconds: as exact are the ages."""
_NEWS_A_SECOND = 3
"""Presences that change: well below what SharePoint lets an app write in the smallest tier."""
_EDIT_EVERY = 10.0
"""Seconds between two edits by people, in the list and in a directory."""
_STATES = ("Available", "Away", "Busy", "BeRightBack", "DoNotDisturb", "Offline")
_FAILING = 0.05


class Life:
    """What goes on in a contact centre, and how soon the list shows it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = random.Random(7)
        self._agents: SharePointList = next(iter(world.sites[SITE_PATH].lists.values()))
        self._right = [
            (row_id, world.tenants[truth.tenant_id], truth.object_id)
            for row_id, truth in world.truth.items()
            if truth.tenant_id in world.tenants and not truth.codes
        ]
        self._since: dict[int, float] = {}
        """By row: since when what it shows is no longer true."""
        self._ages: list[float] = []
        self._broken: tuple[int, str] | None = None
        self._lock = threading.Lock()

    def run(self) -> None:
        """For ever."""
        edit_due = time.monotonic()
        while True:
            with self._lock:
                self._look()
                for _ in range(int(_NEWS_A_SECOND * _TICK + self._chance.random())):
                    self._move(*self._chance.choice(self._right))
            if time.monotonic() >= edit_due:
                edit_due += _EDIT_EVERY
                self._edit()
            time.sleep(_TICK)

    def told(self) -> dict[str, Any]:
        """Ages, in seconds, of what is shown since the last telling, and of what still waits to be."""
        with self._lock:
            self._look()
            ages, self._ages = self._ages, []
            now = time.monotonic()
            return {"ages": ages, "waiting": [now - since for since in self._since.values()]}

    def _move(self, row_id: int, tenant: Tenant, user_id: str) -> None:
        user = tenant.users[user_id]
        if user.enabled and (self._broken is None or self._broken[0] != row_id):
            user.availability = user.activity = self._chance.choice(_STATES)
            if self._shown(row_id) != user.availability:
                self._since.setdefault(row_id, time.monotonic())

    def _look(self) -> None:
        """What is shown by now."""
        users = {row_id: self._user(row_id) for row_id in self._since}
        for row_id, user in users.items():
            if self._shown(row_id) == user.availability:
                self._ages.append(time.monotonic() - self._since.pop(row_id))

    def _shown(self, row_id: int) -> str:
        return str(self._agents.items[row_id].fields.get("Presence", ""))

    def _user(self, row_id: int) -> SimUser:
        truth = self._world.truth[row_id]
        return self._world.tenants[truth.tenant_id].users[truth.object_id]

    def _edit(self) -> None:
        """Somebody mistypes a UPN, and mends it the next time; somebody is disabled, or enabled again."""
        if self._broken is not None:
            row_id, upn = self._broken
            self._agents.edit(row_id, {"UPN": upn})
            self._broken = None
            return
        row_id, tenant, user_id = self._chance.choice(self._right)
        if row_id not in self._since:
            self._broken = row_id, tenant.users[user_id].upn
            self._agents.edit(row_id, {"UPN": f"x{tenant.users[user_id].upn}"})
        stranger = self._chance.choice(list(tenant.users.values())[-40:])
        stranger.display_name = f"{stranger.display_name} X"[:60]


def _fail(world: World) -> None:
    """Every kind of failure as often as any other, of all requests and of the parts of batches."""
    every = round(len(FAILURES) / _FAILING)
    for number, how in enumerate(FAILURES.values()):
        world.faults.add(".", **how, every=every, seen=number * every // len(FAILURES))


def main() -> None:
    """Serve until stdin closes."""
    folder, rows = Path(sys.argv[1]), int(sys.argv[2])
    world = build(rows, 3)
    world.token_lifetime = (300, 400)
    with Simulator(world, folder=folder):
        settings = write_settings(world, folder, "graph")
        print(json.dumps({"settings": str(settings)}), flush=True)
        sys.stdin.readline()  # the columns are made before anything fails
        _fail(world)
        life = Life(world)
        threading.Thread(target=life.run, daemon=True).start()
        for _ in sys.stdin:
            print(json.dumps({**life.told(), "requests": world.requests["all"]}), flush=True)


if __name__ == "__main__":
    main()
