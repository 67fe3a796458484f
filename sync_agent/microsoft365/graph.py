"""A session with Microsoft Graph for one account and one budget: single calls, pages, and batches of any size."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from sync_agent.microsoft365.errors import Garbled, ServiceError, Throttled, error_in, refusal, refusal_of
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.retrying import FAILED, THROTTLED, Retrying, retry_after
from sync_agent.microsoft365.transport import Answer, Request, TokenSource, Transport

T = TypeVar("T")

MOST_PARTS = 20
"""Of one $batch (json-batching)."""
_MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a batch; ``url`` is relative to the version, as in "/users?$top=1"."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    units: float = 1.0


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """The answer to one part. ``failure`` is None when its status is below 400."""

    status: int
    body: bytes = b""
    failure: ServiceError | None = None

    def json(self, type_: type[T]) -> T:
        try:
            return msgspec.json.decode(self.body, type=type_)
        except msgspec.DecodeError as error:
            raise Garbled(f"Graph gave another answer than expected: {error}") from error


class _PartWire(msgspec.Struct):
    id: str
    status: int
    headers: dict[str, str] = {}
    body: msgspec.Raw = msgspec.Raw(b"")


class _BatchWire(msgspec.Struct):
    responses: list[_PartWire]


class Graph:
    """``base_url`` is the cloud's Graph, without the version."""

    def __init__(self, transport: Transport, tokens: TokenSource, base_url: str, budget: Budget, kind: str) -> None:
        self.tokens = tokens
        self.budget = budget
        self._transport = transport
        self._root = f"{base_url.rstrip('/')}/v1.0"
        self._kind = kind
        self._retrying = Retrying()

    async def get(self, url: str, type_: type[T], *, headers: Mapping[str, str] | None = None, units: float = 1.0) -> T:
        """``url`` relative to the version, or an absolute link that Graph gave. Raises ServiceError."""
        return (await self.ask("GET", url, headers=headers, units=units)).json(type_)

    async def post(self, url: str, body: Any, type_: type[T], *, units: float = 1.0, repeatable: bool = False) -> T:
        """``body`` as ready bytes, or a value to be encoded."""
        return (await self.ask("POST", url, body=body, units=units, repeatable=repeatable)).json(type_)

    async def ask(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        units: float = 1.0,
        repeatable: bool = True,
    ) -> Answer:
        """The answer, when its status is below 400. Raises ServiceError otherwise."""
        request = Request(
            method,
            self._absolute(url),
            headers={**_JSON, **(headers or {})},
            body=body if body is None or isinstance(body, bytes) else msgspec.json.encode(body),
            tokens=self.tokens,
            budget=self.budget,
            units=units,
            repeatable=repeatable,
            kind=self._kind,
        )
        answer = await self._transport.send(request)
        if answer.status >= 400:
            raise refusal(answer, f"{method} {urlsplit(request.url).path} in Graph")
        return answer

    async def pages(
        self, url: str, type_: type[T], *, headers: Mapping[str, str] | None = None, units: float = 1.0
    ) -> AsyncGenerator[list[T], None]:
        """The values of all pages, a page at a time, by each answer's own link to the next.

        Raises ServiceError; Garbled when the pages go in a circle or never end.
        """
        page_type = _page_type(type_)
        seen = {url}
        for _ in range(_MOST_PAGES):
            page = await self.get(url, page_type, headers=headers, units=units)
            yield page.value  # type: ignore[attr-defined]
            url = page.next_link or ""  # type: ignore[attr-defined]
            if not url:
                return
            if url in seen:
                raise Garbled("Graph's pages go in a circle: a page named one that was already read as its next")
            seen.add(url)
        raise Garbled(f"Graph's pages do not end: {_MOST_PAGES:,} were read")

    async def batch(self, parts: Sequence[Part]) -> list[PartAnswer]:
        """The answers in the order of ``parts``; every part has one, a failure at worst. Does not raise ServiceError."""
        chunks = [parts[start : start + MOST_PARTS] for start in range(0, len(parts), MOST_PARTS)]
        answered = await asyncio.gather(*(self._chunk(chunk) for chunk in chunks))
        return [answer for chunk in answered for answer in chunk]

    async def _chunk(self, parts: Sequence[Part]) -> list[PartAnswer]:
        """At most one batch; parts that were throttled or broke are sent again, the others keep their answer."""
        answers: dict[int, PartAnswer] = {}
        todo = dict(enumerate(parts))
        for tried in range(1, self._retrying.attempts + 1):
            try:
                wire = await self._send(todo)
            except ServiceError as failure:
                answers.update({index: PartAnswer(0, failure=failure) for index in todo})
                break
            for index, part in todo.items():
                answers[index] = _part_answer(part, wire.get(str(index)))
            todo = {index: part for index, part in todo.items() if _again(part, answers[index].status)}
            if not todo or tried == self._retrying.attempts:
                break
            self.budget.close_for(self._pause(wire, todo, tried))
        return [answers[index] for index in range(len(parts))]

    async def _send(self, parts: Mapping[int, Part]) -> dict[str, _PartWire]:
        body = {"requests": [_part_wire(index, part) for index, part in parts.items()]}
        units = min(sum(part.units for part in parts.values()), self.budget.limit)
        reads = all(part.method == "GET" for part in parts.values())
        answer = await self.ask("POST", "/$batch", body=body, units=units, repeatable=reads)
        return {part.id: part for part in answer.json(_BatchWire).responses}

    def _pause(self, wire: Mapping[str, _PartWire], again: Mapping[int, Part], tried: int) -> float:
        asked = [retry_after(_header(wire[str(index)].headers, "retry-after")) for index in again if str(index) in wire]
        return max((seconds for seconds in asked if seconds is not None), default=self._retrying.pause(tried))

    def _absolute(self, url: str) -> str:
        if not url.startswith("https://"):
            return f"{self._root}{url}"
        if urlsplit(url).netloc != urlsplit(self._root).netloc:
            raise Garbled(f"Graph named {urlsplit(url).netloc} as the place of the next page; our token stays here")
        return url


_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
_page_types: dict[Any, Any] = {}


def _page_type(type_: Any) -> Any:
    if type_ not in _page_types:
        fields = [
            ("value", list[type_]),
            ("next_link", str | None, msgspec.field(default=None, name="@odata.nextLink")),
        ]
        _page_types[type_] = msgspec.defstruct("Page", fields)
    return _page_types[type_]


def _part_wire(index: int, part: Part) -> dict[str, Any]:
    wire: dict[str, Any] = {"id": str(index), "method": part.method, "url": part.url}
    if part.body is not None:
        wire["body"] = part.body
    headers = {**({"Content-Type": "application/json"} if part.body is not None else {}), **part.headers}
    return {**wire, "headers": headers} if headers else wire


def _part_answer(part: Part, wire: _PartWire | None) -> PartAnswer:
    if wire is None:
        return PartAnswer(0, failure=Garbled("Graph left a part of a batch unanswered"))
    body = bytes(wire.body)
    if wire.status < 400:
        return PartAnswer(wire.status, body)
    doing = f"{part.method} {urlsplit(part.url).path} in a batch"
    if wire.status in THROTTLED:
        code, message = error_in(body)
        wait = retry_after(_header(wire.headers, "retry-after"))
        return PartAnswer(wire.status, body, Throttled(f"{doing} is throttled: {code} {message}", retry_after=wait))
    return PartAnswer(wire.status, body, refusal_of(wire.status, body, doing))


def _again(part: Part, status: int) -> bool:
    """A write that broke half-way may have been carried out; one that was throttled was not."""
    return status in THROTTLED or (status in FAILED and part.method == "GET")


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name), None)
