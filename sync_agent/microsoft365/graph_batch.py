"""The envelope of Graph's $batch: up to twenty requests in one, each with an answer of its own (json-batching)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from sync_agent.microsoft365.errors import UNREADABLE, Garbled, ServiceError, Throttled, error_in, refusal_of
from sync_agent.microsoft365.json_text import decoded
from sync_agent.microsoft365.recording import PartRecord, safe_path
from sync_agent.microsoft365.retrying import THROTTLED, retry_after
from sync_agent.microsoft365.transport import Answer

T = TypeVar("T")

MOST_PARTS = 20


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
    """The answer to one part. ``failure`` is None when its status is below 400; ``status`` is 0 where there was none.

    Header names are in lower case.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: ServiceError | None = None

    def json(self, type_: type[T]) -> T:
        """The body decoded and checked. Raises the failure where there is one, Garbled where the shape is another."""
        if self.failure is not None:
            raise self.failure
        try:
            return decoded(self.body, type_)
        except UNREADABLE as error:
            raise Garbled(f"Graph gave another answer than expected: {error}") from error


class _Response(msgspec.Struct):
    id: str | int
    status: int
    headers: dict[str, Any] | None = None
    body: msgspec.Raw = msgspec.Raw(b"")


class _Responses(msgspec.Struct):
    responses: list[_Response]


def envelope(parts: Mapping[int, Part]) -> dict[str, Any]:
    return {"requests": [_request(index, part) for index, part in parts.items()]}


def unpacked(parts: Mapping[int, Part], answer: Answer) -> dict[int, PartAnswer]:
    """The answer to each part, matched by id: Graph keeps no order. Raises Garbled where it is no batch's answer."""
    responses = answer.json(_Responses).responses
    times = Counter(str(response.id) for response in responses)
    by_id = {str(response.id): response for response in responses if times[str(response.id)] == 1}
    return {index: _part_answer(part, by_id.get(str(index)), answer.request_id) for index, part in parts.items()}


def recorded_part(part: Part, answer: PartAnswer) -> PartRecord:
    return PartRecord(part.method, safe_path(part.url), answer.status, answer.headers.get("request-id"))


def asked_pause(answers: Sequence[PartAnswer]) -> float | None:
    """The longest Retry-After of some parts, in seconds; None where none names any."""
    pauses = [retry_after(answer.headers.get("retry-after")) for answer in answers]
    return max((pause for pause in pauses if pause is not None), default=None)


def _request(index: int, part: Part) -> dict[str, Any]:
    wire: dict[str, Any] = {"id": str(index), "method": part.method, "url": part.url}
    headers = dict(part.headers)
    if part.body is not None:
        wire["body"] = part.body
        headers.setdefault("Content-Type", "application/json")
    return {**wire, "headers": headers} if headers else wire


def _part_answer(part: Part, response: _Response | None, request_id: str | None) -> PartAnswer:
    if response is None:
        lost = Garbled("Graph gave a part of a batch no answer, or more than one", request_id=request_id)
        return PartAnswer(0, failure=lost)
    headers = {name.lower(): str(value) for name, value in (response.headers or {}).items()}
    body = bytes(response.body)
    return PartAnswer(response.status, headers, body, _failure(part, response.status, headers, body))


def _failure(part: Part, status: int, headers: Mapping[str, str], body: bytes) -> ServiceError | None:
    doing = f"{part.method} {urlsplit(part.url).path} in a batch"
    request_id = headers.get("request-id")
    if status in THROTTLED:
        said = ": ".join(filter(None, error_in(body)))
        wait = retry_after(headers.get("retry-after"))
        return Throttled(f"{doing} is throttled ({status}) {said}".strip(), retry_after=wait, request_id=request_id)
    return None if 200 <= status < 300 else refusal_of(status, body, doing, request_id)
