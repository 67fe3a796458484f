"""What was asked of Microsoft and how it was answered, noted only while somebody wants to know.

A recording holds what explains an answer and what Microsoft's support asks for, and nothing that could be misused: no
headers, no tokens, no bodies, and of a query only the parts that are known to be a question.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_QUESTIONS = frozenset(
    {"$filter", "$select", "$top", "$count", "$expand", "$orderby", "$search", "$skip", "api-version"}
)
"""Query options whose values are told. Others may be keys to somebody's data, as $skiptoken and $deltatoken are."""
_LEFT_OUT = "…"
_TOKEN = re.compile(r"\(token='[^']*'\)")


@dataclass(frozen=True, slots=True)
class PartRecord:
    """One request of a $batch. ``status`` is 0 where it had no answer."""

    method: str
    path: str
    status: int
    request_id: str | None = None


@dataclass(slots=True)
class RequestRecord:
    """One request, each repetition for itself. ``status`` is None while, and where, no answer came.

    ``path`` is as it was sent, percent signs and all; ``client_request_id`` is our name for the request and
    ``request_id`` the service's; ``account`` is "" where the request needs no sign-in or is one.
    """

    kind: str
    account: str
    method: str
    host: str
    path: str
    client_request_id: str
    status: int | None = None
    request_id: str | None = None
    seconds: float = 0.0
    parts: tuple[PartRecord, ...] = ()

    def answered(self, status: int, request_id: str | None) -> None:
        self.status, self.request_id = status, request_id


@dataclass(slots=True)
class Recording:
    """The requests in the order in which they were sent."""

    requests: list[RequestRecord] = field(default_factory=list)


_recordings: ContextVar[tuple[Recording, ...]] = ContextVar("recordings", default=())


@contextmanager
def recording() -> Iterator[Recording]:
    """Record the requests of this task, and of the tasks and threads that are begun in it, until the end of the block.

    One inside another records for both; side by side they do not mix.
    """
    made = Recording()
    before = _recordings.set((*_recordings.get(), made))
    try:
        yield made
    finally:
        _recordings.reset(before)


@contextmanager
def recorded(
    client_request_id: str, *, kind: str, account: str, method: str, url: str
) -> Iterator[RequestRecord | None]:
    """Around one request: the record to put its answer into, None where nobody records."""
    recordings = _recordings.get()
    if not recordings:
        yield None
        return
    host, path = _place(url)
    record = RequestRecord(kind, account, method, host, path, client_request_id)
    for each in recordings:
        each.requests.append(record)
    started = time.perf_counter()
    try:
        yield record
    finally:
        record.seconds = time.perf_counter() - started


def note_parts(client_request_id: str, parts: Iterable[PartRecord]) -> None:
    """What a $batch held, beside its record. ``parts`` is not drawn on where nobody records."""
    for each in _recordings.get()[-1:]:
        for record in reversed(each.requests):
            if record.client_request_id == client_request_id:
                record.parts = tuple(parts)
                return


def safe_path(path: str) -> str:
    """A path with its query, without the values that may be keys to something."""
    place, question, query = path.partition("?")
    told = "&".join(map(_option, query.split("&"))) if question else ""
    return _TOKEN.sub(f"(token={_LEFT_OUT})", place) + (f"?{told}" if told else "")


def _place(url: str) -> tuple[str, str]:
    """Host, and path with its query, of an address that may be none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    host = parts.netloc.rpartition("@")[2]
    return host, safe_path(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def _option(option: str) -> str:
    name, equals, _ = option.partition("=")
    return option if not equals or name.replace("%24", "$").lower() in _QUESTIONS else f"{name}={_LEFT_OUT}"
