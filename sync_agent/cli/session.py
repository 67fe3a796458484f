"""From a settings file to an open service inside an event loop: what most commands begin with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from sync_agent import log
from sync_agent.microsoft365.accounts import Announce
from sync_agent.progress import Progress, Silent
from sync_agent.service import Service, open_service
from sync_agent.settings import Settings, load

T = TypeVar("T")


def loaded(path: Path, *, quiet: bool = False) -> Settings:
    """Read the settings and set up the log as they say; ``quiet`` lets only warnings through, for a person's terminal.

    Raises SettingsError.
    """
    settings = load(path)
    level = "warning" if quiet and settings.log.level == "info" else settings.log.level
    log.configure(settings.log.format, level)
    return settings


def with_service(
    settings: Settings,
    work: Callable[[Service], Awaitable[T]],
    *,
    progress: Progress | None = None,
    announce: Announce | None = None,
) -> T:
    """Open the service, do ``work`` in its loop, close it.

    Raises SecretUnavailable before anything is asked of anybody when a secret cannot be had.
    """
    for secret in settings.secrets():
        secret.reveal()

    async def session() -> T:
        async with open_service(settings, progress=progress or Silent(), announce=announce) as service:
            return await work(service)

    return asyncio.run(session())
