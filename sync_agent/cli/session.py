"""From a settings file to an open service inside an event loop: what most commands begin with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import structlog

from sync_agent import log
from sync_agent.progress import Progress, Silent
from sync_agent.settings import Settings, load, without_effect

if TYPE_CHECKING:
    from sync_agent.microsoft365.accounts import Announce
    from sync_agent.service import Service

T = TypeVar("T")

_log = structlog.get_logger()

_TOLD_BY_COMMANDS = frozenset({"sign_in_failed", "tenant_could_not_be_asked", "presence_could_not_be_asked"})
"""Their reasons stand in every summary, or are the sentence that a command ends with."""


def loaded(path: Path, *, quiet: bool = False) -> Settings:
    """Read the settings and set up the log as they say; ``quiet``, for a person's terminal, lets only those warnings
    through that the command does not tell itself.

    Raises SettingsError.
    """
    settings = load(path)
    if quiet and settings.log.level == "info":
        log.configure(settings.log.format, "warning", left_out=_TOLD_BY_COMMANDS)
    else:
        log.configure(settings.log.format, settings.log.level)
    if unused := without_effect(settings):
        _log.warning("settings_without_effect", settings=", ".join(unused), why="nothing uses them")
    if plain := settings.plain_secrets():
        todo = "refer to it, or encrypt it with `sync-agent secret encrypt`: docs/settings.md, Secrets"
        _log.warning("secret_in_settings", settings=", ".join(plain), what_to_do=todo)
    return settings


def with_service(
    settings: Settings,
    work: Callable[[Service], Awaitable[T]],
    *,
    progress: Progress | None = None,
    announce: Announce | None = None,
    read_only: bool = False,
) -> T:
    """Open the service, do ``work`` in its loop, close it. ``read_only``: without leaving a trace in the history.

    Raises SecretUnavailable before anything is asked of anybody when a secret that is needed cannot be had.
    """
    for account in settings.accounts:
        for secret in account.needed_secrets():
            secret.reveal()
    # Imported only now, with all its libraries: what is wrong in the settings is told at once.
    from sync_agent.service import open_service  # noqa: PLC0415

    results: list[T] = []

    async def session() -> None:
        """Returns nothing: asyncio.run makes a text of what its task returned, which for a pass is the whole list."""
        async with open_service(
            settings, progress=progress or Silent(), announce=announce, read_only=read_only
        ) as service:
            results.append(await work(service))

    asyncio.run(session())
    return results[0]
