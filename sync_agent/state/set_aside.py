"""Moving a database out of the way that cannot be worked with, so that a new one can begin and nothing is lost."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

BESIDE = ("-wal", "-shm")
"""What SQLite keeps beside a database while it is in use; it belongs to the database of that name."""


def set_aside(file: Path, now: datetime) -> Path:
    """Rename the file, with what belongs to it, and return its new name. Raises OSError.

    The database goes first: where only that comes off, SQLite discards what is left of the old one beside a new one.
    """
    kept = _free_name(file, f"{file.name}.set-aside-{now:%Y%m%dT%H%M%SZ}")
    file.rename(kept)
    for end in BESIDE:
        beside = file.with_name(f"{file.name}{end}")
        if beside.exists():
            beside.rename(kept.with_name(f"{kept.name}{end}"))
    return kept


def _free_name(file: Path, wanted: str) -> Path:
    names = (wanted, *(f"{wanted}-{number}" for number in range(2, 1_000)))
    return next(path for name in names if not (path := file.with_name(name)).exists())
