"""`sync-agent provision`: our columns and views in the list."""

from __future__ import annotations

from pathlib import Path

import click

from sync_agent.cli.session import loaded, with_service
from sync_agent.service import Service


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be created, create nothing.")
@click.pass_obj
def provision(settings_path: Path, dry_run: bool) -> None:
    """Create the columns and views that are missing in the Agent list; nothing else is touched."""

    async def work(service: Service) -> list[str]:
        await service.context.edges.agent_list.open()
        return await service.context.edges.agent_list.provision(dry_run)

    lines = with_service(loaded(settings_path, quiet=True), work)
    for line in lines:
        click.echo(line)
    if not lines:
        click.echo("Nothing to do: the list has all columns and views.")
