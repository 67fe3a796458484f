"""`sync-agent provision`: our columns and views in the Agent list, and the lists beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sync_agent.cli.session import loaded, with_service
from sync_agent.microsoft365.provisioning import NOTES

if TYPE_CHECKING:
    from sync_agent.service import Service


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be created, create nothing.")
@click.pass_obj
def provision(settings_path: Path, dry_run: bool) -> None:
    """Create what is missing: our columns with descriptions, index and colours, our views, and the lists of
    sharepoint.anomaly_list and sharepoint.presence_list.

    Nothing else is touched, and what somebody made otherwise stays.
    """

    async def work(service: Service) -> list[str]:
        edges = service.context.edges
        await edges.agent_list.open()
        lines = await edges.agent_list.provision(dry_run)
        return lines if edges.anomaly_list is None else lines + await edges.anomaly_list.provision(dry_run)

    lines = with_service(loaded(settings_path, quiet=True), work)
    made = [line for line in lines if not line.startswith(NOTES)]
    if made:
        click.echo("Would be created:" if dry_run else "Created:")
    for line in made:
        click.echo(f"  {line}")
    for note in lines:
        if note.startswith(NOTES):
            click.echo(f"{note[0].upper()}{note[1:]}.")
    if not made:
        click.echo("Nothing to do: everything that can be made is there.")
