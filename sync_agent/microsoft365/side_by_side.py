"""Chunks of writes side by side, their outcomes as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from sync_agent.microsoft365.list_answers import Outcome

C = TypeVar("C")
R = TypeVar("R")


def chunks(values: Iterable[C], size: int) -> Iterator[list[C]]:
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


async def side_by_side(
    work: Callable[[C], Awaitable[list[Outcome]]], todo: Iterable[C], most: int
) -> AsyncGenerator[Outcome, None]:
    """Work on at most ``most`` chunks at a time. An error in one ends the others; closing the iterator does too."""
    waiting = iter(todo)
    running = {asyncio.ensure_future(work(chunk)) for chunk in islice(waiting, most)}
    try:
        while running:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            running |= {asyncio.ensure_future(work(chunk)) for chunk in islice(waiting, len(done))}
            for finished in done:
                for outcome in finished.result():
                    yield outcome
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


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
        for task in tasks:
            task.cancel()
