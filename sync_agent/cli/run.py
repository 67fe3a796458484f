"""`sync-agent run`: the service."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click
import structlog

from sync_agent.cli.session import loaded, with_service
from sync_agent.microsoft365.errors import ServiceError, SignInPending

if TYPE_CHECKING:
    from sync_agent.microsoft365.accounts import Prompt
    from sync_agent.service import Service

_log = structlog.get_logger()


@click.command()
@click.pass_obj
def run(settings_path: Path) -> None:
    """Keep the list right all day. SIGTERM or Ctrl-C ends it within ten seconds, with the writes under way done."""
    with_service(loaded(settings_path), _until_signalled, announce=announce)


def announce(prompt: Prompt) -> None:
    """The one line that asks for a device sign-in."""
    _log.warning(
        "sign_in_needed",
        account=prompt.account,
        tenant=prompt.tenant,
        address=prompt.address,
        code=prompt.code,
        what_to_do=prompt.what_to_do,
    )


async def _until_signalled(service: Service) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    try:
        # Wrong settings are told now, with exit code 2; a service that cannot be reached now may be later.
        await service.open_list()
    except SignInPending:
        pass  # the line that asks for it is all that is to be said
    except ServiceError as failure:
        _log.error("list_not_reached", reason=failure.told, effect="tried again at every reading of the list")
    # Imported only now, like the service: what is wrong in the settings is told at once.
    from sync_agent.garbage import leave_out_what_is_loaded  # noqa: PLC0415
    from sync_agent.scheduler import run as run_jobs  # noqa: PLC0415

    leave_out_what_is_loaded()
    await run_jobs(service, stop)
