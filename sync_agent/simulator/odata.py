"""The part of OData that Graph's users understand here: $filter, $select, $top, pages. Anything else is a 400."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sync_agent.simulator.wire import Failure

MOST_ALTERNATIVES = 15
"""Operands of `in`, and of `or`, in one filter (filter query parameter: 15 expressions by default)."""

Wanted = Callable[[Mapping[str, Any]], bool]

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w/]*)|(?P<number>-?\d+)|(?P<mark>[(),:]))")


@dataclass(frozen=True, slots=True)
class Filter:
    """``names``: the UPNs of a plain `userPrincipalName in (…)`, which an index answers; else None.

    ``advanced``: whether it takes ConsistencyLevel: eventual and $count=true (aad-advanced-queries).
    """

    wanted: Wanted
    advanced: bool
    names: tuple[str, ...] | None = None


def parse_filter(text: str, properties: Collection[str]) -> Filter:
    """Raises Failure(400) for what the users endpoint does not support, or this part of OData leaves out."""
    parser = _Parser(text, properties)
    wanted = parser.disjunction()
    parser.end()
    if parser.alternatives > MOST_ALTERNATIVES:
        raise _unsupported(
            "Too many child clauses specified in search filter expression containing 'OR' operators: "
            f"{parser.alternatives}. Max allowed: {MOST_ALTERNATIVES}."
        )
    return Filter(wanted, parser.advanced, parser.names if parser.terms == 1 else None)


class _Parser:
    def __init__(self, text: str, properties: Collection[str]) -> None:
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
        self._properties = properties
        self.names: tuple[str, ...] | None = None
        self.advanced = False
        self.terms = 0
        self.alternatives = 1

    def disjunction(self) -> Wanted:
        options = [self._conjunction()]
        while self._take("or"):
            self.alternatives += 1
            options.append(self._conjunction())
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
        if name.lower() in ("startswith", "endswith"):
            return self._affix(name.lower())
        if name.endswith("/any"):
            return self._any(self._known(name.removesuffix("/any")))
        self._known(name)
        operator = self._next("name")
        if operator == "in":
            return self._in(name)
        if operator not in ("eq", "ne"):
            raise _unsupported(f"Unsupported operator '{operator}'.")
        value = self._value()
        self.advanced |= operator == "ne" or value is None
        return lambda item: _same(item.get(name), value) == (operator == "eq")

    def _known(self, name: str) -> str:
        if name not in self._properties:
            raise no_property(name)
        return name

    def _affix(self, function: str) -> Wanted:
        self._expect("(")
        name = self._known(self._next("name"))
        self._expect(",")
        affix = self._text().lower()
        self._expect(")")
        self.advanced |= function == "endswith"
        test = str.endswith if function == "endswith" else str.startswith
        return lambda item: test(str(item.get(name) or "").lower(), affix)

    def _in(self, name: str) -> Wanted:
        self._expect("(")
        values = [self._text()]
        while self._take(","):
            values.append(self._text())
        self._expect(")")
        self.alternatives += len(values) - 1
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
        value = _address(self._text())
        self._expect(")")
        return lambda item: any(_address(one) == value for one in item.get(name) or ())

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


def _address(text: str) -> tuple[str, str]:
    """A proxy address; SMTP: is the primary one and smtp: any other, so their case counts. A mail has none."""
    scheme, colon, address = text.rpartition(":")
    return scheme + colon, address.lower()


def _unsupported(message: str) -> Failure:
    return Failure(400, "Request_UnsupportedQuery", message)


def no_property(name: str) -> Failure:
    return Failure(400, "BadRequest", f"Could not find a property named '{name}' on the type of this resource.")


def selected(item: Mapping[str, Any], select: str | None, defaults: Sequence[str] | None = None) -> dict[str, Any]:
    """``select`` as in the query; without it the defaults, or all. Raises Failure(400) for what no property is."""
    if select is None:
        return {name: item[name] for name in defaults or item}
    names = [name.strip() for name in select.split(",")]
    for name in names:
        if name not in item:
            raise no_property(name)
    return {name: item[name] for name in names}


def page_of(
    items: Sequence[Any], query: Mapping[str, str], link: str, *, default: int = 100, most: int = 999
) -> tuple[Sequence[Any], str | None]:
    """One page and the link to the next, which has to be followed as it is: its token belongs to its query."""
    top = query.get("$top", str(default))
    if not top.isdigit() or not 1 <= int(top) <= most:
        message = f"Invalid page size specified: '{top}'. Must be between 1 and {most} inclusive."
        raise Failure(400, "Request_BadRequest", message)
    if "$skip" in query:
        raise _unsupported("'$skip' is not supported by the service.")
    kept = "&".join(f"{name}={_encoded(value)}" for name, value in query.items() if name != "$skiptoken")
    start = _start_of(query.get("$skiptoken"), kept)
    end = start + int(top)
    if end >= len(items):
        return items[start:end], None
    token = base64.urlsafe_b64encode(f"{end}={kept}".encode()).decode()
    return items[start:end], f"{link}?{kept}{'&' if kept else ''}$skiptoken={_encoded(token)}"


def _start_of(token: str | None, kept: str) -> int:
    if token is None:
        return 0
    expired = Failure(400, "Directory_ExpiredPageToken", "The specified page token value has expired or is not valid.")
    try:
        start, _, query = base64.urlsafe_b64decode(token).decode().partition("=")
        at = int(start)
    except ValueError as error:
        raise expired from error
    if query != kept:
        raise expired
    return at


def _encoded(value: str) -> str:
    return quote(value, safe="(),$:")
