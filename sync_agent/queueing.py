"""How long a row waits for its write: agents whose presence changes now and then, and one budget that writes them.

A row that shows what is true waits for its agent's next change; one that does not waits for its write, and what changes
again before that takes no second one. That is the queue of machines and one repairman (M/M/1//N); writes at an even
pace, as a budget lets them through, are a little better than it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

_NEGLIGIBLE = -40.0
"""Logarithm of a likelihood, beside the largest, below which a length of the queue is left out."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Seconds from a change until it is written, and how many rows are not yet right, at the mean."""

    p50: float
    p95: float
    rows: float


def waiting(agents: int, changes_a_second: float, rows_a_second: float) -> Waiting:
    """``changes_a_second``: of one agent whose row is right; ``rows_a_second``: what can be written.

    Raises ValueError where nothing can be written.
    """
    if rows_a_second <= 0:
        raise ValueError("nothing is ever written")
    if agents <= 0 or changes_a_second <= 0:
        return Waiting(0.0, 0.0, 0.0)
    found = _lengths(agents - 1, changes_a_second / rows_a_second)  # as a row that becomes wrong finds it
    mean = sum(length * part for length, part in _lengths(agents, changes_a_second / rows_a_second))
    p50, p95 = ((_quantile(found, part) + 1) / rows_a_second for part in (0.5, 0.95))
    return Waiting(p50, p95, mean)


def _lengths(agents: int, ratio: float) -> list[tuple[int, float]]:
    """The likely lengths of the queue, each with its part of the time."""
    likelihood, logs = 0.0, [0.0]
    for length in range(1, agents + 1):
        likelihood += log((agents - length + 1) * ratio)
        logs.append(likelihood)
    largest = max(logs)
    kept = [(length, exp(each - largest)) for length, each in enumerate(logs) if each - largest > _NEGLIGIBLE]
    whole = sum(weight for _, weight in kept)
    return [(length, weight / whole) for length, weight in kept]


def _quantile(lengths: list[tuple[int, float]], part: float) -> int:
    so_far = 0.0
    for length, weight in lengths:
        so_far += weight
        if so_far >= part:
            return length
    return lengths[-1][0]


@dataclass(frozen=True, slots=True)
class Rush:
    """``rows``: the most that wait; ``longest``: seconds that the last of them waits; ``over``: seconds from the first
    change until nobody waits more than usual, None where that is never.
    """

    rows: float
    longest: float
    over: float | None


def rush(agents: int, within: float, changes_a_second: float, rows_a_second: float) -> Rush:
    """Everybody begins to work, once each, evenly ``within`` so many seconds, beside their other changes (of all
    agents, ``changes_a_second``). Raises ValueError where nothing can be written.
    """
    if rows_a_second <= 0:
        raise ValueError("nothing is ever written")
    piled_up = (agents / within + changes_a_second - rows_a_second) * within
    rows = min(float(agents), max(0.0, piled_up))
    spare = rows_a_second - changes_a_second
    if rows == 0:
        return Rush(0.0, 0.0, 0.0)
    return Rush(rows, rows / rows_a_second, within + rows / spare if spare > 0 else None)
