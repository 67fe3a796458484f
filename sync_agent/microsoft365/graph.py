"""A session with Microsoft Graph for one account and one budget: single calls, pages, and batches of any size."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from types import GenericAlias
from typing import Any, Generic, TypeVar, cast
from urllib.parse import urlsplit

import msgspec

from sync_agent.microsoft365.errors import Garbled, ServiceError, refusal
from sync_agent.microsoft365.graph_batch import (
    MOST_PARTS,
    Part,
    PartAnswer,
    asked_pause,
    envelope,
    recorded_part,
    unpacked,
)
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.recording import note_parts
from sync_agent.microsoft365.retrying import FAILED, THROTTLED, Retrying
from sync_agent.microsoft365.transport import Answer, Request, TokenSource, Transport

__all__ = ["MOST_PARTS", "Graph", "Part", "PartAnswer"]

T = TypeVar("T")

_MOST_PAGES = 10_000
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class Page(msgspec.Struct, Generic[T]):
    """``value`` must be there: an answer without it is not a page without members."""

    value: list[T]
    next_link: str | None = msgspec.field(default=None, name="@odata.nextLink")


class Graph:
    """``base_url`` is the cloud's Graph, without the version. ``kind``: what its requests count under."""

    def __init__(
        self,
        transport: Transport,
        tokens: TokenSource,
        base_url: str,
        budget: Budget,
        kind: str,
        *,
        retrying: Retrying | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.tokens = tokens
        self.budget = budget
        self._transport = transport
        self._root = f"{base_url.rstrip('/')}/v1.0"
        self._kind = kind
        self._retrying = retrying or Retrying()
        self._sleep = sleep

    async def get(self, url: str, type_: type[T], *, headers: Mapping[str, str] | None = None, units: float = 1.0) -> T:
        """``url`` relative to the version, or an absolute link that Graph gave. Raises ServiceError."""
        return (await self.ask("GET", url, headers=headers, units=units)).json(type_)

    async def post(self, url: str, body: Any, type_: type[T], *, units: float = 1.0, repeatable: bool = False) -> T:
        """``body`` as ready bytes, or a value to be encoded."""
        return (await self.ask("POST", url, body=body, units=units, repeatable=repeatable)).json(type_)

    async def patch(self, url: str, body: Any, type_: type[T], *, etag: str = "*", units: float = 1.0) -> T:
        """Raises Overtaken where the thing has another ETag by now."""
        headers = {"If-Match": etag}
        return (await self.ask("PATCH", url, body=body, headers=headers, units=units, repeatable=False)).json(type_)

    async def count(self, url: str, *, units: float = 1.0) -> int:
        """What `…/$count` says: a bare number as text, which Graph begins with a byte order mark."""
        headers = {"ConsistencyLevel": "eventual", "Accept": "text/plain"}
        answer = await self.ask("GET", url, headers=headers, units=units)
        text = answer.body.decode("utf-8-sig", "replace").strip()
        if not (text.isascii() and text.isdigit()):
            raise Garbled(f"Graph gave no number for a count: {text[:40]!r}", request_id=answer.request_id)
        return int(text)

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
        """The values of all pages, a page at a time, by each answer's own link to the next, verbatim.

        Raises ServiceError; Garbled when the pages go in a circle, never end, or lead to another host.
        """
        page_type = _page_of(type_)
        seen = {url}
        for _ in range(_MOST_PAGES):
            page = await self.get(url, page_type, headers=headers, units=units)
            yield page.value
            if not page.next_link:
                return
            url = page.next_link
            if url in seen:
                raise Garbled("Graph's pages go in a circle: a page named one that was already read as its next")
            seen.add(url)
        raise Garbled(f"Graph's pages do not end: {_MOST_PAGES:,} were read")

    async def batch(self, parts: Sequence[Part]) -> list[PartAnswer]:
        """The answers in the order of ``parts``; each has one, a failure at worst. Does not raise ServiceError."""
        chunks = [parts[start : start + MOST_PARTS] for start in range(0, len(parts), MOST_PARTS)]
        answered = await asyncio.gather(*(self._chunk(chunk) for chunk in chunks))
        return [answer for chunk in answered for answer in chunk]

    async def _chunk(self, parts: Sequence[Part]) -> list[PartAnswer]:
        """At most one batch; parts that were throttled or broke are sent again, the others keep their answer."""
        answers: dict[int, PartAnswer] = {}
        todo = dict(enumerate(parts))
        tried = 0
        while todo:
            tried += 1
            try:
                answers.update(await self._send(todo))
            except ServiceError as failure:
                answers.update({index: PartAnswer(0, failure=failure) for index in todo})
            again = {index: part for index, part in todo.items() if _worth_repeating(part, answers[index].status)}
            todo = again if await self._paused([answers[index] for index in again], tried) else {}
        return [answers[index] for index in range(len(parts))]

    async def _send(self, parts: Mapping[int, Part]) -> dict[int, PartAnswer]:
        units = min(sum(part.units for part in parts.values()), self.budget.limit)
        reads = all(part.method == "GET" for part in parts.values())
        answer = await self.ask("POST", "/$batch", body=envelope(parts), units=units, repeatable=reads)
        answers = unpacked(parts, answer)
        self._tell_budget(parts, answers)
        note_parts(answer.client_request_id, (recorded_part(parts[index], answers[index]) for index in parts))
        return answers

    def _tell_budget(self, parts: Mapping[int, Part], answers: Mapping[int, PartAnswer]) -> None:
        for index, answer in answers.items():
            self.budget.hear(answer.headers, parts[index].units)
            if answer.status not in THROTTLED:
                self.budget.went_through()

    async def _paused(self, failed: Sequence[PartAnswer], tried: int) -> bool:
        """Wait as the parts to repeat ask for. A throttled one closes the budget; one that broke does not.

        False where there is nothing to repeat, or it would be in vain.
        """
        if not failed:
            return False
        throttled = [answer for answer in failed if answer.status in THROTTLED]
        pause = asked_pause(throttled) or self._retrying.pause(tried)
        if throttled:
            self.budget.close_for(pause)
        if tried >= self._retrying.attempts or pause > self._retrying.patience:
            return False
        if not throttled:
            await self._sleep(pause)
        return True

    def _absolute(self, url: str) -> str:
        """Our token goes to the configured Graph and nowhere else, whatever a link says."""
        if url.startswith("/") and not url.startswith("//"):
            return f"{self._root}{url}"
        link, root = urlsplit(url), urlsplit(self._root)
        if (link.scheme, link.netloc) != (root.scheme, root.netloc) or not url.isprintable():
            raise Garbled(f"Graph named {link.netloc or 'no host'} as the place of the next page; our token stays here")
        return url


def _worth_repeating(part: Part, status: int) -> bool:
    """A write that broke half-way may have been carried out; one that was throttled was not."""
    return status in THROTTLED or (status in FAILED and part.method == "GET")


def _page_of(type_: type[T]) -> type[Page[T]]:
    return cast("type[Page[T]]", GenericAlias(Page, (type_,)))
