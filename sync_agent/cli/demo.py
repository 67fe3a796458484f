"""`sync-agent demo`: the whole product on the embedded Microsoft 365."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from sync_agent.cli.session import loaded, with_service
from sync_agent.cli.terminal import Bars, show_outcome
from sync_agent.outcome import Outcome
from sync_agent.report.content import gather
from sync_agent.report.html import to_html
from sync_agent.service import Service
from sync_agent.settings import Settings
from sync_agent.simulator.lab import Api, write_settings
from sync_agent.simulator.messy import build
from sync_agent.simulator.server import Simulator
from sync_agent.state.store import Store

LARGEST_BUDGET = 6_000
"""Units a minute of a tenant with over 50,000 licences, so that nobody waits for the demo."""


@click.command()
@click.option("--rows", default=1_000, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--tenants", default=3, show_default=True, type=click.IntRange(1, 5))
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same list.")
@click.option("--api", default="rest", show_default=True, type=click.Choice(["graph", "rest"]), help="The list's API.")
@click.option("--folder", default="demo", show_default=True, type=click.Path(path_type=Path, file_okay=False))
def demo(rows: int, tenants: int, seed: int, api: Api, folder: Path) -> None:
    """Do the whole job on an embedded Microsoft 365 with a messy list, and leave a report."""
    console = Console()
    world = build(rows, tenants, seed)
    for tenant in world.tenants.values():
        tenant.sharepoint_units = LARGEST_BUDGET
    history = folder / "state" / "sync-agent.db"
    history.unlink(missing_ok=True)
    with Simulator(world, folder=folder):
        settings = loaded(write_settings(world, folder, api), quiet=True)
        console.print(f"An Agent list of {rows:,} rows and {tenants} tenants, on an embedded Microsoft 365.\n")
        with Bars(console) as bars:
            outcome = with_service(settings, _provision_and_sync, progress=bars)
    show_outcome(console, outcome, most=25)
    report = _write_report(settings, folder)
    console.print(f"\n[bold]Report:[/] {report}", soft_wrap=True, highlight=False)
    console.print("[bold]Your own tenant:[/] docs/getting-started.md has the ten steps.", highlight=False)
    sys.exit(outcome.exit_code())


async def _provision_and_sync(service: Service) -> Outcome:
    stage = service.context.progress.stage("Creating our columns")
    made = await service.context.edges.agent_list.provision(dry_run=False)
    stage.done(f"{len(made)} created")
    return await service.sync()


def _write_report(settings: Settings, folder: Path) -> Path:
    store = Store.open(settings.state.database)
    path = folder / "report.html"
    path.write_text(to_html(gather(store, datetime.now(UTC))), encoding="utf-8")
    store.close()
    return path.resolve()
