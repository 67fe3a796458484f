"""Putting a report into a file: the whole of it, or the file stays as it was.

People's names are in it: a new file is its owner's alone, and one that was opened to others stays so.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_PRIVATE = 0o600


def write_whole(path: Path, text: str) -> None:
    """Raises OSError with the name of the file."""
    beside = path.with_name(f".{path.name}.new")
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else _PRIVATE
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "wb") as file:
            file.write(text.encode())
        beside.chmod(mode)
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from error
