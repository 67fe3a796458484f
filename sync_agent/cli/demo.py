"""`sync-agent demo`: the whole product on the embedded Microsoft 365."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from sync_agent.cli.bars import Bars
from sync_agent.cli.ending import tell
from sync_agent.cli.session import loaded, with_service
from sync_agent.cli.summary import show_outcome
from sync_agent.outcome import Outcome
from sync_agent.report.content import gather
from sync_agent.report.html import to_html
from sync_agent.settings import Settings
from sync_agent.simulator.lab import Api, write_settings
from sync_agent.simulator.messy import build
from sync_agent.simulator.server import Simulator
from sync_agent.state.store import Store

if TYPE_CHECKING:
    from sync_agent.service import Service

LARGEST_BUDGET = 6_000
"""Units a minute of a tenant with over 50,000 licences, so that nobody waits for the demo."""
MOST_ROWS = 16
"""In the table of anomalies: one of each code. The report has them all."""


@click.command()
@click.option("--rows", default=1_000, show_default=True, type=click.IntRange(1, 100_000), help="Rows in the list.")
@click.option("--tenants", default=3, show_default=True, type=click.IntRange(min=1), help="Configured tenants.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same list.")
@click.option("--api", default="rest", show_default=True, type=click.Choice(["graph", "rest"]), help="The list's API.")
@click.option(
    "--folder",
    default="demo",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where its settings, its history and the report go.",
)
def demo(rows: int, tenants: int, seed: int, api: Api, folder: Path) -> None:
    """Do the whole job on an embedded Microsoft 365 with a messy list, and leave a report."""
    console = Console(highlight=False)
    world = build(rows, tenants, seed)
    for tenant in world.tenants.values():
        tenant.sharepoint_units = LARGEST_BUDGET
    for history in (folder / "state").glob("sync-agent.db*"):
        history.unlink()
    with Simulator(world, folder=folder):
        settings = loaded(write_settings(world, folder, api), quiet=True)
        console.print(f"An Agent list of {rows:,} rows and {tenants} tenants, on an embedded Microsoft 365.\n")
        with Bars(console) as bars:
            outcome = with_service(settings, _provision_and_sync, progress=bars)
    if outcome.error is not None:
        sys.exit(tell(outcome.error, outcome.exit_code()))
    show_outcome(console, outcome, everything="All of them are in the report.", most=MOST_ROWS)
    _say_how_to_go_on(console, _write_report(settings, folder))
    sys.exit(outcome.exit_code())


async def _provision_and_sync(service: Service) -> Outcome:
    stage = service.context.progress.stage("Creating our columns")
    made = await service.context.edges.agent_list.provision(dry_run=False)
    stage.advance(len(made))
    stage.done(f"{len(made)} created")
    return await service.sync()


def _write_report(settings: Settings, folder: Path) -> Path:
    store = Store.open(settings.state.database)
    path = folder / "report.html"
    path.write_text(to_html(gather(store, datetime.now(UTC))), encoding="utf-8")
    store.close()
    return path


def _say_how_to_go_on(console: Console, report: Path) -> None:
    console.print()
    for what, where in (
        ("Report, to open in a browser", report),
        ("The same on your own tenant, in ten steps", "docs/getting-started.md"),
    ):
        console.print(Text.assemble((f"{what}: ", "bold"), str(where)), soft_wrap=True)
