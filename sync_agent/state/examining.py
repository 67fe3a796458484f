"""Looking at a database without making or changing anything: what would come of opening it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from sync_agent.state.database import (
    REVISION,
    StateUnavailable,
    StateUnfit,
    database_file,
    look_at_database,
    reading,
    revision_at,
)
from sync_agent.state.spending import missing_now


@dataclass(frozen=True, slots=True)
class Examined:
    """``found``: the version of its tables, "" where there are none. ``why`` completes "It cannot be used: …"."""

    state: Literal["ready", "unwritable", "unavailable", "damaged", "newer"]
    why: str = ""
    found: str = ""
    known: str = REVISION


def examine(url: str) -> Examined:
    """Blocks."""
    file = database_file(url)
    if file is not None:
        if why := cannot_write(file.parent):
            return Examined("unwritable", f"{file.parent}: {why}")
        if not file.exists():
            return Examined("ready")
        if why := cannot_write_file(file):
            return Examined("unwritable", f"{file}: {why}")
    try:
        found = revision_at(url)
    except StateUnfit as failure:
        return Examined("damaged", _cause(failure))
    except StateUnavailable as failure:
        return Examined("unavailable", _cause(failure))
    if found not in (None, REVISION):
        from sync_agent.state.upgrade import knows  # noqa: PLC0415 -- takes as long to import as all of SQLAlchemy

        if not knows(str(found)):
            return Examined("newer", found=str(found))
    return Examined("ready", found=found or "")


def spent_of_day(url: str, budget: str, inflow: float, now: datetime) -> float | None:
    """Units of SharePoint's 24 hours that are missing now; None where that is not known. Blocks."""
    file = database_file(url)
    if file is not None and (cannot_write(file.parent) or not file.is_file()):
        return None
    try:
        engine = look_at_database(url)
    except StateUnavailable:
        return None
    try:
        with reading(engine) as connection:
            return missing_now(connection, budget, inflow, now)
    except StateUnavailable:
        return None
    finally:
        engine.dispose()


def cannot_write(folder: Path) -> str:
    """Why nothing can be put into a folder that is there or could be made; "" where it can."""
    try:
        existing = there(folder)
        if not existing.is_dir():
            return f"{existing} is no folder"
    except OSError as error:
        return f"it cannot be looked at: {error.strerror}"
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"this user may not write to {existing}"
    return ""


def there(folder: Path) -> Path:
    """The folder, or of those above it the nearest that exists. Raises OSError where one of them is closed."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def cannot_write_file(file: Path) -> str:
    if not file.is_file():
        return "it is no file"
    return "" if os.access(file, os.R_OK | os.W_OK) else "this user may not write to it"


def _cause(failure: StateUnavailable) -> str:
    """The part of the sentence after the setting's name and the database's."""
    said = failure.fault if isinstance(failure, StateUnfit) else str(failure)
    return said.removeprefix("state.database: ").partition(" cannot be used: ")[2].rstrip(".") or said.rstrip(".")
