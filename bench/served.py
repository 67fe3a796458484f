"""The embedded Microsoft 365 in a process of its own, so that its CPU is not counted with ours.

Each line that it reads is a number: so many users in each tenant are then disabled, or enabled again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sync_agent.simulator.lab import Api, write_settings
from sync_agent.simulator.messy import LIST_TITLE, SITE_PATH, build
from sync_agent.simulator.server import Simulator

_PLENTY = 10_000_000


class Served(dict[str, Any]):
    """Facts about the world: what `plain` needs to reach it, and where its settings.yaml is."""

    process: subprocess.Popen[str]

    def change_users(self, count: int) -> None:
        """In each tenant; is done when this returns."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        self.process.stdout.readline()


@contextmanager
def served(
    folder: Path, rows: int, *, latency: float, api: Api, tenants: int = 3, busy: bool = False
) -> Iterator[Served]:
    """``busy``: presence moves as people do, and Microsoft's limits hold."""
    command = [sys.executable, "-m", "bench.served", str(folder), str(rows), str(latency), api]
    command += [str(tenants), "busy" if busy else "quiet"]
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
    world.limited = world.moving = sys.argv[6] == "busy"
    world.token_lifetime = (36_000, 36_000)
    for tenant in world.tenants.values():
        tenant.sharepoint_units = _PLENTY
    with Simulator(world, folder=folder) as simulator:
        settings = write_settings(world, folder, "rest" if api == "rest" else "graph")
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
        for line in sys.stdin:
            for _, tenant, _ in world.accounts:
                for user in list(tenant.users.values())[: int(line)]:
                    user.enabled = not user.enabled
            print("done", flush=True)


if __name__ == "__main__":
    main()
