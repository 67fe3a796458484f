"""`sync-agent simulate`: serve the embedded Microsoft 365, to try settings against."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Any

import click

from sync_agent.outcome import Exit
from sync_agent.simulator.lab import Api, write_settings
from sync_agent.simulator.messy import SITE_PATH, build
from sync_agent.simulator.server import Simulator


@click.command()
@click.option(
    "--port", default=8443, show_default=True, type=click.IntRange(0, 65_535), help="Where to listen, on 127.0.0.1."
)
@click.option("--rows", default=300, show_default=True, type=click.IntRange(0, 200_000), help="Rows in the Agent list.")
@click.option("--tenants", default=3, show_default=True, type=click.IntRange(min=1), help="Configured tenants.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same world.")
@click.option("--latency", default=0.0, show_default=True, help="Seconds added to every answer.")
@click.option("--units", default=1_200, show_default=True, help="SharePoint resource units a minute.")
@click.option("--still", is_flag=True, help="Presence does not move.")
@click.option("--api", default="graph", show_default=True, type=click.Choice(["graph", "rest"]), help="The list's API.")
@click.option(
    "--folder",
    default="lab",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the settings and secrets go.",
)
def simulate(port: int, folder: Path, api: Api, rows: int, tenants: int, seed: int, **how: Any) -> None:
    """Serve an embedded Microsoft 365 with a messy Agent list; settings and secrets for it go into a folder."""
    world = build(rows, tenants, seed)
    world.latency, world.moving = how["latency"], not how["still"]
    for tenant in world.tenants.values():
        tenant.sharepoint_units = how["units"]
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    simulator = Simulator(world, port, folder)
    try:
        simulator.start()
    except OSError as error:
        if error.filename is not None:
            raise
        click.echo(f"sync-agent: cannot listen on 127.0.0.1:{port}: {error.strerror}; try --port.", err=True)
        sys.exit(Exit.INCOMPLETE)
    settings = write_settings(world, folder, api)
    click.echo(f"The embedded Microsoft 365 is at {simulator.url}, with {rows:,} rows and {tenants} tenants.")
    click.echo(f"Settings for it: {settings}. In another terminal:\n")
    for command in ("check", "provision", "sync --dry-run", "sync", "run"):
        click.echo(f"  sync-agent --settings {settings} {command}")
    _say_how_to_rehearse(simulator, folder)
    click.echo("\nCtrl-C ends it.")
    stop.wait()
    simulator.stop()


def _say_how_to_rehearse(simulator: Simulator, folder: Path) -> None:
    """`sync-agent init`, as if this were the tenant of whoever tries it."""
    account, _, app = simulator.world.accounts[0]
    where = f"--cloud lab --authority {simulator.url} --graph {simulator.url} --ca-bundle {folder / 'ca.pem'}"
    click.echo(f"\nOr make settings of your own for it:\n\n  sync-agent --settings mine.yaml init {where}\n")
    click.echo(
        f"  Domain {account}, client id {app.client_id}, client secret in the file {folder / 'secrets' / account},"
    )
    click.echo(f"  site {simulator.url}{SITE_PATH}; other tenants likewise, their ids in {folder / 'settings.yaml'}.")
