"""YAML read with the place of each setting, and without YAML's surprises.

Every plain scalar stays the text that was written: no `no` that turns into false, no 012 that turns into 10. What
type a setting has is for the model to say. Nothing that YAML's own messages quote is repeated: it may be a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sync_agent.settings.problems import Problem, SettingsError
from sync_agent.settings.yaml_mistakes import Mistake, Place, explained

_MOST_BYTES = 256_000
_MOST_VALUES = 20_000
_DEEPEST = 50
_NULL = {"", "null", "~"}
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq")}

At = tuple[str | int, ...]
"""The way to a setting: names, and places in lists counted from 0."""


@dataclass(frozen=True, slots=True)
class Document:
    """A settings file as written: texts, None, dicts and lists, and where each stands."""

    path: Path
    value: dict[str, Any]
    places: dict[At, Place]

    def at(self, at: At) -> Any:
        value: Any = self.value
        for part in at:
            value = _child(value, part)
        return value

    def problem(self, at: At, found: str, expected: str, hint: str = "") -> Problem:
        place = self._place(at)
        return Problem(self.path, place.line, found, expected, hint, self._name(at), place.column)

    def _place(self, at: At) -> Place:
        """Of a setting, or of the nearest one above it where it is missing."""
        while at and at not in self.places:
            at = at[:-1]
        return self.places.get(at, Place(1, 1))

    def _name(self, at: At) -> str:
        """The path in the operator's words: an account by its id rather than by its place."""
        parts, value = [], self.value
        for part in at:
            value = _child(value, part)
            id_ = value.get("id") if isinstance(part, int) and isinstance(value, dict) else None
            parts.append(id_ if isinstance(id_, str) else str(part))
        return ".".join(parts)


class _PlainLoader(yaml.SafeLoader):
    """Takes no text for anything else than text."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 -- declared by the base class


def read_yaml(path: Path) -> Document:
    """Raises SettingsError."""
    text = _text(path)
    node = _composed(text)
    if isinstance(node, Mistake):
        raise _single(path, node)
    if not isinstance(node, yaml.MappingNode):
        found = "nothing" if node is None else "a list" if isinstance(node, yaml.SequenceNode) else "a single text"
        raise _single(path, Mistake(found, "settings such as `sharepoint:` and `accounts:`", "", Place(1, 1)))
    reader = _Reader(path)
    value = reader.mapping(node, ())
    if reader.problems:
        raise SettingsError(reader.problems)
    return Document(path, value, reader.places)


def _composed(text: str) -> yaml.Node | Mistake | None:
    # Returned, not raised, so that no exception with the file's text hangs on the one that is raised for it.
    try:
        return yaml.compose(text, Loader=_PlainLoader)
    except yaml.YAMLError as error:
        return explained(error, text)
    except RecursionError:
        return _TOO_DEEP


_TOO_DEEP = Mistake("values nested too deeply", "settings, which are five deep at most")


@dataclass(slots=True)
class _Reader:
    path: Path
    places: dict[At, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    values: int = 0

    def mapping(self, node: yaml.MappingNode, at: At) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, at, "brackets or braces before the colon", "a name")
                continue
            key = self._text(key_node, at)
            if key in value:
                self._problem(key_node, (*at, key), "this a second time", "it once", self._first(at, key))
                continue
            self.places[*at, key] = _place(key_node)
            value[key] = self._value(value_node, (*at, key))
        return value

    def _value(self, node: yaml.Node, at: At) -> Any:
        self._count(node, len(at))
        self.places.setdefault(at, _place(node))
        if node.tag not in _TAGS:
            self._problem(
                node, at, "a value with a YAML tag (!)", "a plain value", "put quotes around it if it is text"
            )
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(child, (*at, index)) for index, child in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        text = self._text(node, at)
        return None if node.style is None and text.lower() in _NULL else text

    def _text(self, node: yaml.ScalarNode, at: At) -> str:
        text: str = node.value
        if _UNSEEN.search(text):
            self._problem(node, at, "a character that cannot be seen", "text", "write it without the escape")
        return text

    def _count(self, node: yaml.Node, depth: int) -> None:
        """An alias may stand for much, or for itself."""
        self.values += 1
        if depth > _DEEPEST:
            raise _single(self.path, _TOO_DEEP, _place(node))
        if self.values > _MOST_VALUES:
            raise _single(self.path, Mistake(f"more than {_MOST_VALUES:,} values", "settings"), _place(node))

    def _first(self, at: At, key: str) -> str:
        return f"it stands first in line {self.places[*at, key].line}"

    def _problem(self, node: yaml.Node, at: At, found: str, expected: str, hint: str = "") -> None:
        place = _place(node)
        where = ".".join(_seen(str(part)) for part in at)
        self.problems.append(Problem(self.path, place.line, found, expected, hint, where, place.column))


def _seen(text: str) -> str:
    return _UNSEEN.sub("�", text)


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _child(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


def _text(path: Path) -> str:
    data = _bytes(path)
    if isinstance(data, Mistake):
        raise _single(path, data)
    if len(data) > _MOST_BYTES:
        raise _single(path, Mistake(f"more than {_MOST_BYTES:,} bytes", "settings"))
    text = data.decode("utf-8-sig", errors="surrogateescape")
    wrong = re.search(r"[\udc80-\udcff]", text)
    if wrong is not None:
        place = Place(text.count("\n", 0, wrong.start()) + 1, wrong.start() - text.rfind("\n", 0, wrong.start()))
        raise _single(path, Mistake("bytes that are not UTF-8", "UTF-8 text", "save the file as UTF-8", place))
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


_ELSEWHERE = "say where they are by --settings FILE or the environment variable SYNC_AGENT_SETTINGS"


def _single(path: Path, mistake: Mistake, place: Place | None = None) -> SettingsError:
    place = place or mistake.place
    line, column = place or (0, 0)
    return SettingsError([Problem(path, line, mistake.found, mistake.expected, mistake.hint, column=column)])
