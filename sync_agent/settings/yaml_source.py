"""YAML read with the place of each setting, and without YAML's surprises.

Every plain scalar stays the text that was written: no `no` that turns into false, no 012 that turns into 10. What
type a setting has is for the model to say. Nothing that YAML's own messages quote is repeated: it may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from sync_agent.settings.problems import At, Problem, SettingsError
from sync_agent.settings.settings_file import read_text
from sync_agent.settings.showing import looks_random, on_one_line
from sync_agent.settings.yaml_mistakes import UNREADABLE, Mistake, Place, explained

_MOST_VALUES = 20_000
_DEEPEST = 50
_NULL = {"", "null", "~"}
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u2060\ufeff\ud800-\udfff]")
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq")}


@dataclass(frozen=True, slots=True)
class Document:
    """A settings file as written: texts, None, dicts and lists, and where each stands.

    ``mistakes``: what YAML takes and we do not. The rest could be read all the same.
    """

    path: Path
    value: dict[str, Any]
    places: dict[At, Place]
    mistakes: tuple[tuple[At, Mistake], ...] = ()

    def at(self, at: At) -> Any:
        value: Any = self.value
        for part in at:
            value = _child(value, part)
        return value

    def problem(self, at: At, found: str, expected: str, hint: str = "") -> Problem:
        return self._problem(at, Mistake(found, expected, hint, self._place(at)))

    def problems(self) -> Iterator[Problem]:
        for at, mistake in self.mistakes:
            yield self._problem(at, mistake)

    def _problem(self, at: At, mistake: Mistake) -> Problem:
        return mistake.in_file(self.path, self._name(at))

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
            named = isinstance(id_, str) and id_.strip() and not looks_random(id_)
            parts.append(on_one_line(str(id_ if named else part)))
        return ".".join(parts)


class _PlainLoader(yaml.SafeLoader):
    """Takes no text for anything else than text."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 -- declared by the base class


def read_yaml(path: Path) -> Document:
    """Raises SettingsError for what cannot be read at all."""
    node = _composed(read_text(path))
    if isinstance(node, Mistake):
        raise SettingsError([node.in_file(path)])
    if not isinstance(node, yaml.MappingNode):
        mistake = Mistake(_kind(node), "settings such as `sharepoint:` and `accounts:`", "", Place(1, 1))
        raise SettingsError([mistake.in_file(path)])
    reader = _Reader(path)
    value = reader.mapping(node, ())
    return Document(path, value, reader.places, tuple(reader.mistakes))


def _composed(text: str) -> yaml.Node | Mistake | None:
    # Returned, not raised, so that no exception with the file's text hangs on the one that is raised for it.
    try:
        return yaml.compose(text, Loader=_PlainLoader)
    except yaml.YAMLError as error:
        return explained(error, text)
    except (ValueError, OverflowError):
        return UNREADABLE  # PyYAML trips over an escape or a version with a number out of all bounds
    except RecursionError:
        return _TOO_DEEP


_TOO_DEEP = Mistake("values nested too deeply", "settings, which are five deep at most")


def _kind(node: yaml.Node | None) -> str:
    if node is None or _is_null(node):
        return "nothing"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a single text"


@dataclass(slots=True)
class _Reader:
    path: Path
    places: dict[At, Place] = field(default_factory=dict)
    mistakes: list[tuple[At, Mistake]] = field(default_factory=list)
    values: int = 0

    def mapping(self, node: yaml.MappingNode, at: At) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, at)
            if key is None:
                continue
            if key in value:
                first = f"it stands first in line {self.places[*at, key].line}"
                self._mistake(key_node, (*at, key), "this a second time", "it once", first)
                continue
            self.places[*at, key] = _place(key_node)
            value[key] = self._value(value_node, (*at, key))
        return value

    def _key(self, node: yaml.Node, at: At) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._mistake(node, at, "brackets or braces before the colon", "a name")
            return None
        key = self._text(node, at)
        if key == key.strip():
            return key
        # Pasted from a web page or a word processor: YAML takes no-break spaces for a part of the name.
        self._mistake(node, at, "a blank that is part of the name", "ordinary blanks", "type the blanks anew")
        return None

    def _value(self, node: yaml.Node, at: At) -> Any:
        self._count(node, len(at))
        self.places.setdefault(at, _place(node))
        if node.tag not in _TAGS:
            hint = "put quotes around it if it is text"
            self._mistake(node, at, "a value with a YAML tag (!)", "a plain value", hint)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(child, (*at, index)) for index, child in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return None if _is_null(node) else self._text(node, at)

    def _text(self, node: yaml.ScalarNode, at: At) -> str:
        """Without what cannot be seen: once it is told, what is left may be right."""
        text: str = node.value
        if _UNSEEN.search(text):
            self._mistake(node, at, "a character that cannot be seen", "text without it", "type the value anew")
        return _UNSEEN.sub("", text)

    def _count(self, node: yaml.Node, depth: int) -> None:
        """An alias may stand for much, or for itself."""
        self.values += 1
        if depth > _DEEPEST:
            raise SettingsError([replace(_TOO_DEEP, place=_place(node)).in_file(self.path)])
        if self.values > _MOST_VALUES:
            mistake = Mistake(f"more than {_MOST_VALUES:,} values", "settings", "", _place(node))
            raise SettingsError([mistake.in_file(self.path)])

    def _mistake(self, node: yaml.Node, at: At, found: str, expected: str, hint: str = "") -> None:
        self.mistakes.append((at, Mistake(found, expected, hint, _place(node))))


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style is None and node.value.lower() in _NULL


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _child(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None
