"""The text of a settings file, or why it cannot be had."""

from __future__ import annotations

import re
from pathlib import Path

from sync_agent.settings.problems import SettingsError, SettingsUnreadable
from sync_agent.settings.yaml_mistakes import Mistake, Place

_MOST_BYTES = 256_000


def read_text(path: Path) -> str:
    """Raises SettingsError."""
    text = _decoded(_bytes(path))
    if isinstance(text, Mistake):
        raise SettingsError([text.in_file(path)])
    return text


def _bytes(path: Path) -> bytes:
    """Raises SettingsUnreadable."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        why = "there is no such file"
    except IsADirectoryError:
        why = "it is a folder"
    except OSError as error:
        why = f"it cannot be read ({error.strerror})"
    except ValueError:
        why = "no file can have that name"
    raise SettingsUnreadable(path, why)


def _decoded(data: bytes) -> str | Mistake:
    if len(data) > _MOST_BYTES:
        return Mistake(f"more than {_MOST_BYTES:,} bytes", "settings")
    text = data.decode("utf-8-sig", errors="surrogateescape")
    wrong = re.search(r"[\udc80-\udcff]", text)
    if wrong is None:
        return text
    place = Place(text.count("\n", 0, wrong.start()) + 1, wrong.start() - text.rfind("\n", 0, wrong.start()))
    return Mistake("bytes that are not UTF-8", "UTF-8 text", "save the file as UTF-8", place)
