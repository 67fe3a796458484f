"""Finding the ids that make a presence request fail: one malformed id costs all its neighbours their presence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from sync_agent.microsoft365.errors import Refused, ServiceError
from sync_agent.microsoft365.presence_chunk import Chunk, Reading, Readings

Ask = Callable[[Chunk], Awaitable[Readings]]

_MOST_REQUESTS = 240
"""For one chunk and sweep: a dozen bad ids among 650. More are found in the sweeps that follow."""
_LEVELS_WITHOUT_SUCCESS = 4
"""Sixteen pieces, all refused: it is the request that is refused, not an id in it."""


@dataclass(slots=True)
class Sorted:
    """What halving found out of one chunk, by id."""

    readings: dict[str, Reading] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """Why each offending id is refused, alone."""
    failed: dict[str, ServiceError] = field(default_factory=dict)


def is_malformed(failure: ServiceError) -> bool:
    return isinstance(failure, Refused) and failure.status == 400


async def sort_out(chunk: Chunk, first: ServiceError, ask: Ask) -> Sorted:
    """Halve a chunk that was refused with 400 (``first``) until the offending ids stand alone."""
    found = Sorted()
    suspects = {chunk: first}
    requests = level = 0
    while splittable := [suspect for suspect in suspects if len(suspect.ids) > 1]:
        if requests >= _MOST_REQUESTS or (level >= _LEVELS_WITHOUT_SUCCESS and not found.readings):
            break
        alone = {suspect: failure for suspect, failure in suspects.items() if len(suspect.ids) == 1}
        halves = [half for suspect in splittable for half in suspect.halves()]
        suspects = alone | await _ask_all(halves, ask, found)
        requests += len(halves)
        level += 1
    _judge(suspects, found)
    return found


async def _ask_all(chunks: list[Chunk], ask: Ask, found: Sorted) -> dict[Chunk, ServiceError]:
    """The chunks that were refused again."""
    answers = await asyncio.gather(*(_outcome(chunk, ask) for chunk in chunks))
    suspects = {}
    for chunk, answer in zip(chunks, answers, strict=True):
        if not isinstance(answer, ServiceError):
            found.readings.update(answer.every)
        elif is_malformed(answer):
            suspects[chunk] = answer
        else:
            found.failed.update(dict.fromkeys(chunk.ids, answer))
    return suspects


async def _outcome(chunk: Chunk, ask: Ask) -> Readings | ServiceError:
    try:
        return await ask(chunk)
    except ServiceError as failure:
        return failure


def _judge(suspects: Mapping[Chunk, ServiceError], found: Sorted) -> None:
    """An id is to blame only where it stands alone, and the same request without it was answered."""
    for suspect, failure in suspects.items():
        if len(suspect.ids) == 1 and found.readings:
            found.refused[suspect.ids[0]] = failure.reason
        else:
            found.failed.update(dict.fromkeys(suspect.ids, failure))
