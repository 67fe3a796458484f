"""In virtual time: for how long a change of presence stays unseen where one registration must do for very many users.

The product's choice (`schedule.presence: auto`) beside everybody in turn, and beside the best fixed turns that whoever
knew beforehand how often each user changes could make.
"""

from __future__ import annotations

import heapq
import math
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from itertools import cycle

from sync_agent.attention import Attention, Reading

_MOST = 650
_RATE = 40.0
"""Requests a second: 80 % of what one registration may ask."""
_WARM_UP, _LASTS = 300.0, 600.0
_WORST_AGE, _LEAST_AGE = 60.0, 0.5
_GROUPS = (("in calls all day", 0.15, 20.0), ("awake", 0.15, 4.0), ("offline since yesterday", 0.70, 0.05))
"""The share of all users, and changes an hour."""
_GONE: Reading = ("Offline", "Offline")
_AWAKE: tuple[Reading, ...] = (("Available", "Available"), ("Busy", "InACall"), ("Away", "Away"))


class _World:
    """Users who change at random, each at his group's rate."""

    def __init__(self, users: int, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self.rate: dict[str, float] = {}
        self.state: dict[str, Reading] = {}
        self.unseen: dict[str, list[float]] = {}
        """The times of the changes that nobody has asked about yet."""
        self._next: list[tuple[float, str]] = []
        for name, share, rate in _GROUPS:
            for number in range(int(users * share)):
                id_ = f"{name}-{number}"
                self.rate[id_] = rate / 3_600
                self.state[id_] = _GONE if rate < 1 else _AWAKE[0]
                self._next.append((self._random.expovariate(self.rate[id_]), id_))
        heapq.heapify(self._next)

    def advance(self, now: float) -> None:
        while self._next[0][0] <= now:
            at, id_ = self._next[0]
            self.unseen.setdefault(id_, []).append(at)
            self.state[id_] = self._random.choice([state for state in _AWAKE if state != self.state[id_]])
            heapq.heapreplace(self._next, (at + self._random.expovariate(self.rate[id_]), id_))


Choice = Callable[[float], list[str]]


def _measured(world: _World, choose: Choice, heard: Callable[[list[str], float], None]) -> tuple[float, float, float]:
    """Seconds that changes stayed unseen, mean and 95th percentile, and the longest anybody was not asked for."""
    delays, asked_at, longest = [], dict.fromkeys(world.state, _WARM_UP), 0.0
    for number in range(int((_WARM_UP + _LASTS) * _RATE)):
        now = number / _RATE
        world.advance(now)
        ids = choose(now)
        heard(ids, now)
        for id_ in ids:
            changed = world.unseen.pop(id_, ())
            if now >= _WARM_UP:
                delays += [now - at for at in changed]
                longest, asked_at[id_] = max(longest, now - asked_at[id_]), now
    return statistics.mean(delays), sorted(delays)[int(len(delays) * 0.95)], longest


def _in_turn(world: _World) -> Choice:
    everybody = cycle(world.state)
    return lambda now: [next(everybody) for _ in range(_MOST)]


def _known_beforehand(world: _World) -> Choice:
    """Fixed turns as one over the square root of each user's rate, or the worst age."""
    capacity, total = _RATE * _MOST, sum(math.sqrt(rate) for rate in world.rate.values())
    period = {id_: min(_WORST_AGE, total / capacity / math.sqrt(rate)) for id_, rate in world.rate.items()}
    due = [(random.Random(id_).random() * period[id_], id_) for id_ in world.state]
    heapq.heapify(due)

    def choose(now: float) -> list[str]:
        ids = []
        for _ in range(_MOST):
            at, id_ = due[0]
            ids.append(id_)
            heapq.heapreplace(due, (max(at, now - period[id_]) + period[id_], id_))
        return ids

    return choose


def _rows(users: int) -> Iterator[tuple[str, tuple[float, float, float]]]:
    world = _World(users)
    yield "everybody in turn", _measured(world, _in_turn(world), lambda ids, now: None)
    world, attention = _World(users), Attention(_WORST_AGE, _LEAST_AGE, _MOST)
    attention.watch(world.state)
    yield (
        "schedule.presence: auto",
        _measured(
            world,
            lambda now: attention.next(now, _RATE),
            lambda ids, now: attention.heard(ids, {id_: world.state[id_] for id_ in ids}, now),
        ),
    )
    world = _World(users)
    yield "fixed turns by the true rates", _measured(world, _known_beforehand(world), lambda ids, now: None)


def main(users: int = 100_000) -> None:
    print(f"{users:,} users of one registration, {_RATE:g} requests/s; {_LASTS:g} s after {_WARM_UP:g} s to learn")
    print(f"{'a change stays unseen for':34}{'mean':>10}{'p95':>10}{'asked at least every':>24}")
    for name, (mean, late, longest) in _rows(users):
        print(f"{name:34}{mean:>8.2f} s{late:>8.2f} s{longest:>22.1f} s", flush=True)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
