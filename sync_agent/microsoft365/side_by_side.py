"""Chunks of writes side by side, their outcomes as they come, and when to stop trying."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from sync_agent.microsoft365.errors import ServiceError, SignInFailed, Throttled, Unreachable
from sync_agent.microsoft365.list_answers import Outcome
from sync_agent.model import Change

C = TypeVar("C")
R = TypeVar("R")

_LOST_IN_A_ROW = 3


@dataclass(slots=True)
class Trouble:
    """Why nothing more can be written for now, so that it is not found out again for every chunk.

    A single lost connection is bad luck; several in a row mean that the service is away.
    """

    error: ServiceError | None = None
    _lost: int = 0

    def check(self) -> None:
        """Raises ServiceError when it is of no use to go on."""
        if self.error is not None:
            raise self.error

    def heard(self, error: ServiceError | None) -> None:
        """How the latest chunk ended."""
        self._lost = self._lost + 1 if isinstance(error, Unreachable) else 0
        if isinstance(error, Throttled | SignInFailed) or self._lost >= _LOST_IN_A_ROW:
            self.error = error


def chunks(values: Iterable[C], size: int) -> Iterator[list[C]]:
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


@dataclass(frozen=True, slots=True)
class Writing:
    """One run of writes to a list: ``write`` takes at most ``size`` changes, and is called ``at_once`` times at most.

    It does not raise ServiceError: every change gets its outcome.
    """

    write: Callable[[Sequence[Change]], Awaitable[list[Outcome]]]
    size: int
    at_once: int

    async def all(self, changes: Iterable[Change]) -> AsyncGenerator[Outcome, None]:
        """As AgentList.write has it."""
        outcomes = side_by_side(self.write, chunks(changes, self.size), self.at_once)
        async with aclosing(outcomes):
            async for outcome in outcomes:
                yield outcome


async def side_by_side(
    work: Callable[[C], Awaitable[list[Outcome]]], todo: Iterable[C], most: int
) -> AsyncGenerator[Outcome, None]:
    """Work on at most ``most`` chunks at a time; outcomes come as chunks are done.

    An error in one ends the others; closing the iterator does too.
    """
    waiting = iter(todo)
    running = {asyncio.ensure_future(work(chunk)) for chunk in islice(waiting, most)}
    done: set[asyncio.Task[list[Outcome]]] = set()
    try:
        while running:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            running |= {asyncio.ensure_future(work(chunk)) for chunk in islice(waiting, len(done))}
            for finished in done:
                for outcome in finished.result():
                    yield outcome
    finally:
        await _end(running | done)


async def each(work: Callable[[C], Awaitable[R]], todo: Iterable[C], most: int) -> list[R]:
    """The results in the order of ``todo``, at most ``most`` under way. The first error ends the rest."""
    slots = asyncio.Semaphore(most)

    async def one(value: C) -> R:
        async with slots:
            return await work(value)

    tasks = [asyncio.ensure_future(one(value)) for value in todo]
    try:
        return await asyncio.gather(*tasks)
    finally:
        await _end(tasks)


async def _end(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Cancel what still runs, and wait until it has ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
