"""PyYAML's errors in the operator's words.

Its own messages quote the file, and what they quote may be a secret: only the fixed part of a message is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import yaml

from sync_agent.settings.problems import Problem


class Place(NamedTuple):
    """Counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Mistake:
    """``place`` is None where the whole file is meant."""

    found: str
    expected: str
    hint: str = ""
    place: Place | None = None

    def in_file(self, path: Path, where: str = "") -> Problem:
        line, column = self.place or (0, 0)
        return Problem(path, line, self.found, self.expected, self.hint, where, column)


_QUOTES = "put quotes around the value"
_IN_BRACES = "between braces, put quotes around a value with ${…}"
_SINGLE_QUOTES = "put single quotes around the value"
_INDENTATION = "check the indentation of this line and of the one above"
_A_SETTING = "`name: value`, a line each"

UNREADABLE = Mistake("what is not YAML", _A_SETTING, f"{_INDENTATION}, or {_QUOTES}")

_KNOWN = (
    ("mapping values are not allowed", "a colon where none can be", _A_SETTING, f"{_INDENTATION}, or {_QUOTES}"),
    ("could not find expected ':'", "no colon after the name", _A_SETTING, _INDENTATION),
    ("expected <block end>", "a line that fits none above", _A_SETTING, _INDENTATION),
    ("found character '\\t'", "a tab", "blanks before a name", ""),
    ("found a tab", "a tab", "blanks before a name", ""),
    ("found unknown escape", "a backslash in double quotes", "a value", _SINGLE_QUOTES),
    ("expected escape sequence", "a backslash in double quotes", "a value", _SINGLE_QUOTES),
    ("found character", "a value that begins with a sign of YAML's own", "a value", _QUOTES),
    ("found undefined alias", "a value that begins with *", "a value", _QUOTES),
    ("found duplicate anchor", "a value that begins with &", "a value", _QUOTES),
    ("found unexpected end of stream", "a quote that is never closed", "a closing quote", ""),
    ("expected ',' or", "a bracket or brace that is never closed", "a comma or the closing one", _IN_BRACES),
    ("but found another document", "a second document (---)", "one", ""),
)
_BEGINNINGS = ("found unexpected end of stream", "expected ',' or")
"""Noticed at the end of the file, but made where it began."""


def explained(error: yaml.YAMLError, text: str) -> Mistake:
    said = str(getattr(error, "problem", None) or "")
    place = _place(error, said, text)
    for beginning, found, expected, hint in _KNOWN:
        if said.startswith(beginning):
            return Mistake(found, expected, hint, place)
    if isinstance(error, yaml.reader.ReaderError):
        return Mistake("a character that YAML does not take", "text", "remove it", place)
    return replace(UNREADABLE, place=place)


def _place(error: yaml.YAMLError, said: str, text: str) -> Place | None:
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        return Place(before.count("\n") + 1, error.position - before.rfind("\n"))
    names = ("context_mark", "problem_mark") if said.startswith(_BEGINNINGS) else ("problem_mark", "context_mark")
    marks = (getattr(error, name, None) for name in names)
    mark = next((mark for mark in marks if mark is not None), None)
    return None if mark is None else Place(mark.line + 1, mark.column + 1)
