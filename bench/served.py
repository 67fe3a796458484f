"""The embedded Microsoft 365 in a process of its own, so that its CPU is not counted with ours.

Each line that it reads is a number: so many users in each tenant are then disabled, or enabled again. Or it is
"told?": then it says what it heard since it was last asked, and what that took.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cold_floor import Heard, counted
from sync_agent.simulator.lab import Api, write_settings
from sync_agent.simulator.messy import LIST_TITLE, SITE_PATH, build
from sync_agent.simulator.server import Simulator
from sync_agent.simulator.world import World

_PLENTY = 10_000_000
_MOST_HEARD = 20_000


@dataclass(frozen=True, slots=True)
class Told:
    """``cpu``: seconds of the server's own. ``units``: charged for SharePoint, where limits hold."""

    heard: Heard
    cpu: float
    units: float
    throttled: int


class Served(dict[str, Any]):
    """Facts about the world: what `plain` needs to reach it, and where its settings.yaml is."""

    process: subprocess.Popen[str]

    def change_users(self, count: int) -> None:
        """In each tenant; is done when this returns."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def told(self) -> Told:
        """Since this was last called."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("told?\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        heard = {(kind, tenant): n for kind, tenant, n in said.pop("heard")}
        return Told(heard, **said)


@contextmanager
def served(
    folder: Path, rows: int, *, latency: float, api: Api, tenants: int = 3, busy: bool = False, units: int = 0
) -> Iterator[Served]:
    """``busy``: presence moves as people do, and Microsoft's limits hold. ``units``: of SharePoint's a minute, which
    then hold too, and the settings say so with the share that is the default; 0: no end of them.
    """
    command = [sys.executable, "-m", "bench.served", str(folder), str(rows), str(latency), api]
    command += [str(tenants), "busy" if busy else "quiet", str(units)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        facts = Served(json.loads(process.stdout.readline()))
        facts.process = process
        yield facts
    finally:
        process.communicate(timeout=10)


def main() -> None:
    """Serve until stdin closes."""
    folder, rows, latency, api = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    world = build(rows, int(sys.argv[5]))
    world.latency = latency
    units = int(sys.argv[7])
    world.moving = sys.argv[6] == "busy"
    world.limited = world.moving or units > 0
    world.token_lifetime = (36_000, 36_000)
    world.heard = deque(maxlen=_MOST_HEARD)
    for tenant in world.tenants.values():
        tenant.sharepoint_units = units or _PLENTY
    with Simulator(world, folder=folder) as simulator:
        settings = write_settings(world, folder, "rest" if api == "rest" else "graph")
        if not units:
            text = settings.read_text().replace(str(_PLENTY), "1000000").replace("share: 80%", "share: 100%")
            settings.write_text(text)
        _, home, app = world.accounts[0]
        token, _ = world.mint.access_token(world, home, app, world.origin, by_certificate=True)
        facts = {
            "url": simulator.url,
            "ca_bundle": str(simulator.ca_bundle),
            "settings": str(settings),
            "site_url": f"{simulator.url}{SITE_PATH}",
            "list": LIST_TITLE,
            "tenants": {
                tenant.id: {"client_id": app.client_id, "client_secret": next(iter(app.secrets))}
                for _, tenant, app in world.accounts
            },
            "domains": {domain: tenant.id for _, tenant, _ in world.accounts for domain in tenant.domains},
            "sharepoint_token": token,
        }
        print(json.dumps(facts), flush=True)
        before = Told({}, 0.0, 0.0, 0)
        for line in sys.stdin:
            if line.strip() == "told?":
                before = _tell(world, before)
                continue
            for _, tenant, _ in world.accounts:
                for user in list(tenant.users.values())[: int(line)]:
                    user.enabled = not user.enabled
            print("done", flush=True)


def _tell(world: World, before: Told) -> Told:
    heard = counted(world.heard)
    world.heard.clear()
    units = sum(n for key, n in world.meter.charged.items() if key.startswith("sharepoint/"))
    now = Told(heard, time.process_time(), units, world.requests["throttled"])
    said = {
        "heard": [(*what, n) for what, n in heard.items()],
        "cpu": now.cpu - before.cpu,
        "units": now.units - before.units,
        "throttled": now.throttled - before.throttled,
    }
    print(json.dumps(said), flush=True)
    return now


if __name__ == "__main__":
    main()
