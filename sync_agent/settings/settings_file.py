"""The text of a settings file, or why it cannot be had."""

from __future__ import annotations

import re
from pathlib import Path

from sync_agent.settings.problems import SettingsError
from sync_agent.settings.yaml_mistakes import Mistake, Place

_MOST_BYTES = 256_000
_ELSEWHERE = "say where they are by --settings FILE or the environment variable SYNC_AGENT_SETTINGS"


def read_text(path: Path) -> str:
    """Raises SettingsError."""
    data = _bytes(path)
    text = data if isinstance(data, Mistake) else _decoded(data)
    if isinstance(text, Mistake):
        raise SettingsError([text.in_file(path)])
    return text


def _bytes(path: Path) -> bytes | Mistake:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return Mistake("no such file", "the settings", _ELSEWHERE)
    except IsADirectoryError:
        return Mistake("a folder", "the settings file", _ELSEWHERE)
    except OSError as error:
        return Mistake(f"a file that cannot be read ({error.strerror})", "the settings", _ELSEWHERE)
    except ValueError:
        return Mistake("a name that no file can have", "the settings", _ELSEWHERE)


def _decoded(data: bytes) -> str | Mistake:
    if len(data) > _MOST_BYTES:
        return Mistake(f"more than {_MOST_BYTES:,} bytes", "settings")
    text = data.decode("utf-8-sig", errors="surrogateescape")
    wrong = re.search(r"[\udc80-\udcff]", text)
    if wrong is None:
        return text
    place = Place(text.count("\n", 0, wrong.start()) + 1, wrong.start() - text.rfind("\n", 0, wrong.start()))
    return Mistake("bytes that are not UTF-8", "UTF-8 text", "save the file as UTF-8", place)
