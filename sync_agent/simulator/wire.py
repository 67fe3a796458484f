"""Requests and answers inside the embedded Microsoft 365, so that a $batch can dispatch its parts like any request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

if TYPE_CHECKING:
    from sync_agent.simulator.world import World


@dataclass(slots=True)
class Call:
    """One request. Header names are in lower case; ``query`` values are decoded.

    ``owed``: headers that its answer carries whatever becomes of it, such as how near a limit is. ``query_length``: in
    characters, as it was sent.
    """

    world: World
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    groups: Mapping[str, str] = field(default_factory=dict)
    owed: dict[str, str] = field(default_factory=dict)
    query_length: int = 0

    def json(self) -> dict[str, Any]:
        """Raises Failure where the body is no JSON object, or is not declared as JSON."""
        if "json" not in self.headers.get("content-type", ""):
            message = "Write requests (excluding DELETE) must contain the Content-Type header declaration."
            raise Failure(400, "BadRequest", message)
        try:
            body = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Failure(400, "BadRequest", "The request body is not valid JSON.") from error
        if not isinstance(body, dict):
            raise Failure(400, "BadRequest", "The request body is not a JSON object.")
        return body


@dataclass(slots=True)
class Reply:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Failure(Exception):
    """An OData error answer."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """``pattern`` matches the whole decoded path; its named groups go to the handler."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler


def route(method: str, pattern: str, handler: Handler) -> Route:
    return Route(method, re.compile(pattern, re.IGNORECASE), handler)


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, as_json(value), {"content-type": JSON, **(headers or {})})


def as_json(value: Any) -> bytes:
    """Half a character is sent as its escape, as the writers of OData do."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()


JSON = "application/json; charset=utf-8"


def call(world: World, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Call:
    """``target``: path and query as on the wire."""
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Call(world, method, unquote(parts.path), query, headers, body, query_length=len(parts.query))


def dispatch(routes: list[Route], asked: Call) -> Reply:
    """The answer of the first route that fits. Raises Failure."""
    try:
        reply = _handled(routes, asked)
    except Failure as error:
        error.headers |= asked.owed
        raise
    reply.headers |= asked.owed
    return reply


def _handled(routes: list[Route], asked: Call) -> Reply:
    for candidate in routes:
        if candidate.method == asked.method and (found := candidate.pattern.fullmatch(asked.path)):
            asked.groups = found.groupdict()
            return candidate.handler(asked)
    raise Failure(404, "ResourceNotFound", "Resource not found for the request.")
