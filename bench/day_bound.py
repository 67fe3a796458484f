"""What no order of writing can stay under: a proven lower bound of the wrong row-time of a day.

The bound is of all orders that write what is true at that moment, take at most ``most`` rows in any minute, and may
know the whole day beforehand. It is Lagrange's: put a price on a write in each minute, whatever prices. The best that
each row can do by itself, paying them, costs together no more than the best order within the limit, which pays at most
``most`` prices a minute: so the sum over the rows, less ``most`` prices of every minute, is below the wrong time of
any such order. Better prices (found by subgradients) make the bound higher; it is one with any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from bench.day_of_agents import OFFLINE, Spell
from sync_agent.lasting import Value
from sync_agent.urgency import IMPORTANCE, Kind, takes_calls

_MINUTE = 60
_ROUNDS = 60
_Paid = tuple[int, "_Paid"] | None
"""The minutes of a row's writes, the latest first."""
Weight = Callable[[Value, Value], float]


@dataclass(frozen=True, slots=True)
class Bound:
    """Row-seconds, weighted or not."""

    unlimited: float
    """Left by whoever writes everything at the first turn after it came: what no scheduler can remove."""
    limited: float
    """Left at least by any order within the limit."""


def plainly(shown: Value, true: Value) -> float:
    return 1.0


def by_importance(shown: Value, true: Value) -> float:
    differs = takes_calls(shown[0]) != takes_calls(true[0])
    return IMPORTANCE[Kind.REACHABLE if differs else Kind.DETAIL]


def bound(days: Sequence[list[Spell]], most: int, span: tuple[float, float], weight: Weight, reached: float) -> Bound:
    """``most``: rows a minute. ``reached``: the wrong time of some order, by which the steps are measured."""
    begin, end = span
    prices = [0.0] * (ceil((end - begin) / _MINUTE) + 1)
    unlimited = best = 0.0
    step = 1.0
    stuck = 0
    for number in range(_ROUNDS):
        total, writes = _at_prices(days, prices, span, weight)
        lower = total - most * sum(prices)
        unlimited = lower if number == 0 else unlimited
        stuck = 0 if lower > best else stuck + 1
        best = max(best, lower)
        if stuck >= 3:
            step, stuck = step / 2, 0
        over = [writes[minute] - most for minute in range(len(prices))]
        active = [each if each > 0 or price > 0 else 0 for each, price in zip(over, prices, strict=True)]
        size = sum(each * each for each in active)
        if not size:
            break
        pace = step * max(reached - lower, 0.0) / size
        prices = [max(0.0, price + pace * each) for price, each in zip(prices, active, strict=True)]
    return Bound(unlimited, best)


def _at_prices(
    days: Sequence[list[Spell]], prices: Sequence[float], span: tuple[float, float], weight: Weight
) -> tuple[float, Counter[int]]:
    """The least that all rows can cost, each by itself, and how many writes that takes in each minute."""
    total, writes = 0.0, Counter[int]()
    for day in days:
        cost, paid = min(_row(day, prices, span, weight).values(), key=lambda each: each[0])
        total += cost
        while paid is not None:
            minute, paid = paid
            writes[minute] += 1
    return total, writes


def _row(
    day: list[Spell], prices: Sequence[float], span: tuple[float, float], weight: Weight
) -> dict[Value, tuple[float, _Paid]]:
    """By what the row shows at the end: the least it may have cost until then."""
    begin, end = span
    states: dict[Value, tuple[float, _Paid]] = {OFFLINE: (0.0, None)}
    for place, (since, true) in enumerate(day):
        until = min(day[place + 1][0] if place + 1 < len(day) else end, end)
        start = max(since, begin)
        if until <= start:
            continue
        after: dict[Value, tuple[float, _Paid]] = {}
        for shown, (cost, paid) in states.items():
            if shown == true:
                _keep(after, true, cost, paid)
                continue
            rate = weight(shown, true)
            _keep(after, shown, cost + rate * (until - start), paid)
            written = _cheapest(start, until, rate, prices, begin)
            if written is not None:
                _keep(after, true, cost + written[0], (written[1], paid))
        states = after
    return states


def _keep(states: dict[Value, tuple[float, _Paid]], shown: Value, cost: float, paid: _Paid) -> None:
    known = states.get(shown)
    if known is None or cost < known[0]:
        states[shown] = cost, paid


def _cheapest(
    start: float, until: float, rate: float, prices: Sequence[float], begin: float
) -> tuple[float, int] | None:
    """What a write within the spell costs at least, with the wrong time before it, and in which minute that is. None
    for a spell that is over at the next turn.
    """
    turn = ceil(start)
    best: tuple[float, int] | None = None
    while turn < until and (best is None or rate * (turn - start) < best[0]):
        minute = int((turn - begin) // _MINUTE)
        cost = rate * (turn - start) + prices[minute]
        if best is None or cost < best[0]:
            best = cost, minute
        turn = int(begin) + (minute + 1) * _MINUTE
    return best
