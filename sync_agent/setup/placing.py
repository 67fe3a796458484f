"""Putting a settings file where it belongs: one that loads, the whole of it, or nothing is left behind."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from sync_agent.settings import Settings, SettingsError, load

_PRIVATE = 0o600
_READABLE = 0o644


class Occupied(Exception):
    """There is a file already, and it may not be overwritten."""


def place(path: Path, text: str, *, overwrite: bool) -> Settings:
    """The settings as they are loaded from there. The file is its owner's alone where a secret stands in it.

    Raises SettingsError where they would not load, Occupied where there is a file that may not be overwritten,
    OSError with the name of the file. In each case everything is as it was.
    """
    target = path.resolve() if path.is_symlink() else path
    beside = target.with_name(f".{target.name}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "wb") as file:
            file.write(text.encode())
        settings = _loaded(beside, path)
        if target.exists() and not overwrite:
            raise Occupied(path)
        if not settings.plain_secrets():
            beside.chmod(_READABLE)
        beside.replace(target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with suppress(OSError):
            beside.unlink()
    return settings


def _loaded(beside: Path, path: Path) -> Settings:
    """Raises SettingsError that speaks of the file by the name that it was to have."""
    try:
        return load(beside)
    except SettingsError as error:
        problems = [replace(each, file=path) if each.file == beside else each for each in error.problems]
    raise SettingsError(problems)
