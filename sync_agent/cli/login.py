"""`sync-agent login ACCOUNT`: sign in by device code, ahead of the service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sync_agent.cli.session import loaded, with_service

if TYPE_CHECKING:
    from sync_agent.microsoft365.accounts import Prompt
    from sync_agent.service import Service


@click.command()
@click.argument("account")
@click.pass_obj
def login(settings_path: Path, account: str) -> None:
    """Sign in to ACCOUNT by device code and keep the tokens for the service."""
    settings = loaded(settings_path, quiet=True)
    found = next((known for known in settings.accounts if known.id == account), None)
    if found is None:
        known = ", ".join(known.id for known in settings.accounts)
        raise click.UsageError(f"There is no account {account} in {settings_path}. It has: {known}.")
    if found.auth != "device_code":
        raise click.UsageError(f"Account {account} signs in by {found.auth}: it needs no login.")

    async def work(service: Service) -> None:
        await service.accounts[account].sign_in_person(_show)

    with_service(settings, work)
    click.echo(f"Signed in to account {account}. The service uses it from now on.")


def _show(prompt: Prompt) -> None:
    click.echo(
        f"Open {prompt.address} and enter {prompt.code}; sign in with a user of tenant {prompt.tenant}.", err=True
    )
