"""A day of a contact centre in virtual time: what presence each agent has from when on.

Agents work in four shifts. At work: a call three times an hour, say (log-normal, five minutes at the mean), after 40 %
of them a minute of wrapping up; breaks, a lunch, meetings; now and then a client that flaps between two presences for a
minute. With three calls an hour that makes about eight changes an hour and agent at work.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from sync_agent.lasting import Value

Spell = tuple[float, Value]
"""From that second of the day on, this presence."""

HOUR = 3_600.0
_MINUTE = 60.0

OFFLINE: Value = ("Offline", "Offline")
AVAILABLE: Value = ("Available", "Available")
_CALL: Value = ("Busy", "InACall")
_WRAP_UP: Value = ("Busy", "Busy")
_MEETING: Value = ("Busy", "InAMeeting")
_BREAK: Value = ("BeRightBack", "BeRightBack")
_AWAY: Value = ("Away", "Away")

_SHIFTS = ((7.0, 0.25), (8.0, 0.4), (9.0, 0.15), (13.0, 0.2))
"""Hour at which a shift starts, and the share of the agents."""
_SHIFT_LENGTH = 8.5 * HOUR
_ARRIVAL = 10 * _MINUTE
_FLAPPING = 0.03
"""Share of the times in which an agent is available that begin with a minute of flapping."""


def agents(count: int, calls_an_hour: float, seed: int = 7) -> list[list[Spell]]:
    """The day of each agent, from midnight on."""
    chance = random.Random(seed)
    return [list(_without_repeats(_day(chance, calls_an_hour))) for _ in range(count)]


def _day(chance: random.Random, calls_an_hour: float) -> Iterator[Spell]:
    hours, weights = zip(*_SHIFTS, strict=True)
    begin = chance.choices(hours, weights)[0] * HOUR + chance.uniform(-_ARRIVAL / 2, _ARRIVAL / 2)
    end = begin + _SHIFT_LENGTH + chance.uniform(-_ARRIVAL, _ARRIVAL)
    plans = sorted(_planned(chance, begin))
    between = HOUR / calls_an_hour - 5 * _MINUTE - 0.4 * _MINUTE
    now = begin
    yield 0.0, OFFLINE
    while now < end:
        if plans and now >= plans[0][0]:
            _, value, length = plans.pop(0)
            yield now, value
            now += length
            continue
        if chance.random() < _FLAPPING:
            for _ in range(chance.randint(4, 12)):
                yield now, _AWAY
                yield now + chance.uniform(1, 4), AVAILABLE
                now += chance.uniform(5, 9)
        yield now, AVAILABLE
        now += chance.expovariate(1 / between)
        yield now, _CALL
        now += chance.lognormvariate(5.4, 0.7)
        if chance.random() < 0.4:
            yield now, _WRAP_UP
            now += chance.expovariate(1 / _MINUTE)
    yield now, OFFLINE


def _planned(chance: random.Random, begin: float) -> Iterator[tuple[float, Value, float]]:
    """Lunch, breaks, meetings: from when, what, for how long."""
    yield begin + chance.uniform(3.5, 5) * HOUR, _AWAY, chance.uniform(30, 50) * _MINUTE
    for hour in (1.8, 6.5):
        yield begin + chance.uniform(hour - 0.5, hour + 0.5) * HOUR, _BREAK, chance.uniform(6, 15) * _MINUTE
    if chance.random() < 0.5:
        yield begin + chance.choice((1.0, 2.5, 6.0)) * HOUR, _MEETING, chance.choice((30, 60)) * _MINUTE


def _without_repeats(spells: Iterator[Spell]) -> Iterator[Spell]:
    last: Value | None = None
    for since, value in spells:
        if value != last:
            yield since, value
        last = value
