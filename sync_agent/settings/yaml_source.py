"""YAML read with its line numbers, and without YAML's surprises.

Every plain scalar stays the text that was written: no `no` that turns into false, no 012 that turns into 10. What type a
setting has is for the model to say.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sync_agent.settings.problems import Problem, SettingsError

Lines = dict[tuple[str | int, ...], int]

_MOST_BYTES = 1_000_000
_MOST_NODES = 20_000
_NULL = {"", "null", "~"}


def read_yaml(path: Path) -> tuple[dict[str, Any], Lines]:
    """The mapping at the top of the file and the line of each setting in it. Raises SettingsError."""
    try:
        return _read(path, yaml.compose(_text(path), Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "it is not YAML"
        raise _single(path, 0 if mark is None else mark.line + 1, f"cannot be read as YAML: {what}") from error
    except RecursionError as error:
        raise _single(path, 0, "is nested too deeply") from error


def _read(path: Path, node: yaml.Node | None) -> tuple[dict[str, Any], Lines]:
    if not isinstance(node, yaml.MappingNode):
        raise _single(path, 1, "expected settings such as `sharepoint:` and `accounts:`, found none")
    reader = _Reader(path)
    value = reader.mapping(node, ())
    if reader.problems:
        raise SettingsError(reader.problems)
    return value, reader.lines


class _Reader:
    def __init__(self, path: Path) -> None:
        self.lines: Lines = {}
        self.problems: list[Problem] = []
        self._path = path
        self._nodes = 0

    def mapping(self, node: yaml.MappingNode, at: tuple[str | int, ...]) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(line, at, "expected a name before the colon")
                continue
            key = key_node.value
            if key in value:
                self._problem(line, (*at, key), f"stands twice, first in line {self.lines[*at, key]}")
                continue
            self.lines[*at, key] = line
            value[key] = self._value(value_node, (*at, key))
        return value

    def _value(self, node: yaml.Node, at: tuple[str | int, ...]) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise _single(self._path, node.start_mark.line + 1, "has more values than any settings need")
        self.lines.setdefault(at, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(child, (*at, index)) for index, child in enumerate(node.value)]
        plain = node.style is None
        return None if plain and node.value.lower() in _NULL else node.value

    def _problem(self, line: int, at: tuple[str | int, ...], message: str) -> None:
        self.problems.append(Problem(self._path, line, ".".join(map(str, at)), message))


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        remedy = "give its place by --settings FILE or $SYNC_AGENT_SETTINGS"
        raise _single(path, 0, f"there is no such file; {remedy}") from error
    except OSError as error:
        raise _single(path, 0, f"cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise _single(path, 0, "is too large to be settings")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _single(path, data.count(b"\n", 0, error.start) + 1, "is not UTF-8 text") from error


def _single(path: Path, line: int, message: str) -> SettingsError:
    return SettingsError([Problem(path, line, "", message)])
