"""Time that passes only while everybody waits, for asyncio code that is given the loop's clock and sleep."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

Clock = Callable[[], float]


class _Selector(selectors.SelectSelector):
    """Nobody waits: a wait for a timer moves the clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for something that never comes")
        events = super().select(0)
        if not events:
            self.now += timeout
        return events


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, selector: _Selector) -> None:
        super().__init__(selector)
        self._hurried = selector

    def time(self) -> float:
        return self._hurried.now


def hurry(work: Callable[[Clock], Coroutine[Any, Any, T]]) -> T:
    """Run ``work``, given the clock, to its end. Fails when everybody waits in vain."""
    loop = _Loop(_Selector())
    try:
        return loop.run_until_complete(work(loop.time))
    finally:
        loop.close()
