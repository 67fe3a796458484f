"""The part of OData that Graph's users understand here: $filter, $select, $top, pages. Anything else is a 400."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sync_agent.simulator.wire import Failure

MOST_IN = 15
"""Operands of an `in` filter (filter query parameter: 15 expressions by default)."""

Wanted = Callable[[Mapping[str, Any]], bool]

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w/]*)|(?P<number>-?\d+)|(?P<mark>[(),:]))")


@dataclass(frozen=True, slots=True)
class Filter:
    """``names``: the UPNs of a plain `userPrincipalName in (…)`, which an index answers; else None."""

    wanted: Wanted
    names: tuple[str, ...] | None = None


def parse_filter(text: str) -> Filter:
    """Raises Failure(400) for what the users endpoint does not support."""
    parser = _Parser(text)
    wanted = parser.disjunction()
    parser.end()
    return Filter(wanted, parser.names if parser.terms == 1 else None)


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        position = 0
        text = text.strip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:
                raise _unsupported(f"Syntax error at position {position} in '{text}'.")
            self._tokens.append((str(found.lastgroup), str(found[str(found.lastgroup)])))
            position = found.end()
        self._at = 0
        self.names: tuple[str, ...] | None = None
        self.terms = 0

    def disjunction(self) -> Wanted:
        options = [self._conjunction()]
        while self._take("or"):
            options.append(self._conjunction())
        if len(options) > MOST_IN:
            raise _too_many()
        return options[0] if len(options) == 1 else lambda item: any(option(item) for option in options)

    def end(self) -> None:
        if self._at != len(self._tokens):
            raise _unsupported(f"Syntax error at '{self._tokens[self._at][1]}'.")

    def _conjunction(self) -> Wanted:
        conditions = [self._term()]
        while self._take("and"):
            conditions.append(self._term())
        return conditions[0] if len(conditions) == 1 else lambda item: all(one(item) for one in conditions)

    def _term(self) -> Wanted:
        self.terms += 1
        if self._take("("):
            inner = self.disjunction()
            self._expect(")")
            return inner
        name = self._next("name")
        if name.endswith("/any"):
            return self._any(name.removesuffix("/any"))
        operator = self._next("name")
        if operator == "in":
            return self._in(name)
        if operator == "eq":
            value = self._value()
            return lambda item: _same(item.get(name), value)
        raise _unsupported(f"Unsupported operator '{operator}'.")

    def _in(self, name: str) -> Wanted:
        self._expect("(")
        values = [self._text()]
        while self._take(","):
            values.append(self._text())
        self._expect(")")
        if len(values) > MOST_IN:
            raise _too_many()
        if name == "userPrincipalName":
            self.names = tuple(values)
        lowered = {value.lower() for value in values}
        return lambda item: str(item.get(name, "")).lower() in lowered

    def _any(self, name: str) -> Wanted:
        self._expect("(")
        variable = self._next("name")
        self._expect(":")
        if self._next("name") != variable or self._next("name") != "eq":
            raise _unsupported("Only any(x:x eq 'value') is supported.")
        value = self._text().lower()
        self._expect(")")
        return lambda item: any(one.lower() == value for one in item.get(name) or ())

    def _value(self) -> Any:
        kind, text = self._peek()
        if kind == "text":
            return self._text()
        self._at += 1
        if text in ("true", "false"):
            return text == "true"
        if text == "null":
            return None
        raise _unsupported(f"Unsupported value '{text}'.")

    def _text(self) -> str:
        return self._next("text")[1:-1].replace("''", "'")

    def _peek(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise _unsupported("The filter ends too soon.")
        return self._tokens[self._at]

    def _next(self, kind: str) -> str:
        found, text = self._peek()
        if found != kind:
            raise _unsupported(f"Syntax error at '{text}'.")
        self._at += 1
        return text

    def _take(self, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at][1] == text and self._tokens[self._at][0] != "text":
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise _unsupported(f"Expected '{text}'.")


def _same(found: Any, wanted: Any) -> bool:
    return found.lower() == wanted.lower() if isinstance(found, str) and isinstance(wanted, str) else found == wanted


def _unsupported(message: str) -> Failure:
    return Failure(400, "Request_UnsupportedQuery", message)


def _too_many() -> Failure:
    return _unsupported(
        "Too many child clauses specified in search filter expression containing 'OR' operators: 16. Max allowed: 15."
    )


def selected(item: Mapping[str, Any], select: Sequence[str]) -> dict[str, Any]:
    return {name: item[name] for name in select if name in item}


def page_of(
    items: Sequence[Any], query: Mapping[str, str], link: str, *, default: int = 100, most: int = 999
) -> tuple[Sequence[Any], str | None]:
    """One page and the link to the next; the token in it is opaque to clients."""
    top = query.get("$top", str(default))
    if not top.isdigit() or not 1 <= int(top) <= most:
        raise Failure(400, "Request_BadRequest", f"Invalid page size specified: '{top}'. Must be between 1 and {most}.")
    start = _start_of(query.get("$skiptoken"))
    size = int(top)
    following = None
    if start + size < len(items):
        kept = "&".join(f"{name}={_encoded(value)}" for name, value in query.items() if name != "$skiptoken")
        token = base64.urlsafe_b64encode(f"at={start + size}".encode()).decode()
        following = f"{link}?{kept}&$skiptoken={_encoded(token)}" if kept else f"{link}?$skiptoken={_encoded(token)}"
    return items[start : start + size], following


def _start_of(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token).removeprefix(b"at="))
    except ValueError as error:
        raise Failure(400, "Directory_ExpiredPageToken", "The specified page token value has expired.") from error


def _encoded(value: str) -> str:
    return quote(value, safe="(),$:")
