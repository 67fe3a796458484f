"""`python -m bench day [agents]`: how right the list is in the course of a day, by what is written first.

Virtual time, no HTTP: what is planned, how urgent it is and what a write leaves are the product's own functions. Each
turn takes a second; SharePoint's units are counted as it counts them, in any minute. Beside the product's order:
whoever waits longest, the newest change first, every row in its turn, and a clairvoyant who knows how long each
presence will last, and so writes what will be right for longest. Below them all: what no order can stay under
(day_bound.py), and how much of that is there without any limit, since a turn comes each second only.

The orders were tuned on the days of another seed.
"""

from __future__ import annotations

import sys
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import nlargest, nsmallest

from bench.day_bound import Bound, bound, by_importance, plainly
from bench.day_of_agents import HOUR, OFFLINE, Spell, agents
from sync_agent.flapping import Flapping
from sync_agent.lasting import Lasting
from sync_agent.model import Presence, Row, Shown, Status, User, Verdict
from sync_agent.plan import plan, written
from sync_agent.urgency import IMPORTANCE, Owed, kind_of, next_rows

_AGENTS = 15_000
"""Whose budget is divided: fewer agents have so much less."""
_AT_MOST = 750
"""Agents, unless told otherwise: ten times as many show the same and take ten times as long."""
_SEED = 11
_SHARE = 0.8
_UNITS = 2.0
_MINUTE = 60
_MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
_DAY = (6.5 * HOUR, 22.5 * HOUR)

Choose = Callable[["Day", "list[Owed]", int, float], "list[Owed]"]


@dataclass(slots=True)
class Score:
    wrong: float = 0.0
    """Row-seconds in which a row showed something else than was true."""
    weighted: float = 0.0
    """The same by importance."""
    spells: list[float] = field(default_factory=list)
    """Seconds that each wrong spell took."""
    writes: int = 0

    def add(self, each: Owed, now: float) -> None:
        self.wrong += now - each.since
        self.weighted += IMPORTANCE[each.kind] * (now - each.since)
        self.spells.append(now - each.since)

    @property
    def p95(self) -> float:
        return sorted(self.spells)[int(0.95 * len(self.spells))] if self.spells else 0.0


class Day:
    """One day under one order of writing."""

    def __init__(self, days: list[list[Spell]], units: float, choose: Choose, damping: float) -> None:
        self.days = days
        self.lasting, self.flapping, self.served = Lasting(), Flapping(damping), 0
        self.starts = [[since for since, _ in day] for day in days]
        self._choose = choose
        self._rows = [_row(id_) for id_ in range(len(days))]
        self._verdicts = {id_: _verdict(id_) for id_ in range(len(days))}
        self._owed: dict[int, Owed] = {}
        self._now_true: list[tuple[float, tuple[str, str]]] = [(0.0, OFFLINE)] * len(days)
        self._most = units * _SHARE / _UNITS
        self._spent: deque[int] = deque([0] * _MINUTE)
        self.score = Score()

    def run(self) -> Score:
        events = sorted((since, row_id, value) for row_id, day in enumerate(self.days) for since, value in day[1:])
        place, begin, end = 0, int(_DAY[0]), int(_DAY[1])
        for now in range(begin, end):
            while place < len(events) and events[place][0] <= now:
                self._happens(*events[place])
                place += 1
            self._turn(float(now))
        for each in self._owed.values():
            self.score.add(each, float(end))
        return self.score

    def remaining(self, each: Owed, now: float) -> float:
        """How long what is true now will be: only a clairvoyant may ask."""
        starts = self.starts[each.row_id]
        place = bisect_right(starts, now)
        return (starts[place] if place < len(starts) else _DAY[1]) - now

    def _happens(self, at: float, row_id: int, value: tuple[str, str]) -> None:
        before, was = self._now_true[row_id]
        self.lasting.ended(was, at - before)
        self.flapping.changed(str(row_id), at)
        self._now_true[row_id] = (at, value)
        self._plan(row_id, at)

    def _plan(self, row_id: int, at: float) -> None:
        since, value = self._now_true[row_id]
        presences = {str(row_id): Presence(*value, _moment(since))}
        changes = plan([self._rows[row_id]], self._verdicts, presences, _moment(at)).changes
        known = self._owed.pop(row_id, None)
        kind = kind_of(changes[0]) if changes else None
        if known is not None and kind is not known.kind:
            self.score.add(known, at)
        if kind is not None:
            first = at if known is None or known.kind is not kind else known.since
            self._owed[row_id] = Owed(row_id, kind, first, value, since)

    def _turn(self, now: float) -> None:
        room = int(self._most - sum(self._spent))
        ready = [each for each in self._owed.values() if self.flapping.held_until(str(each.row_id), now) is None]
        chosen = self._choose(self, ready, room, now) if room > 0 and ready else []
        for each in chosen:
            self._write(each, now)
        self.served += len(chosen)
        self.score.writes += len(chosen)
        self._spent.append(len(chosen))
        self._spent.popleft()

    def _write(self, each: Owed, now: float) -> None:
        row_id = each.row_id
        since, value = self._now_true[row_id]
        presences = {str(row_id): Presence(*value, _moment(since))}
        for change in plan([self._rows[row_id]], self._verdicts, presences, _moment(now)).changes:
            self._rows[row_id] = written(change, None)
        self.score.add(self._owed.pop(row_id), now)


def _moment(seconds: float) -> datetime:
    return _MIDNIGHT + timedelta(seconds=int(seconds))


def _row(row_id: int) -> Row:
    shown = Shown("OK", "", "contoso", str(row_id), *OFFLINE, _MIDNIGHT, _MIDNIGHT)
    return Row(row_id, f"agent{row_id}@contoso.com", shown=shown)


def _verdict(row_id: int) -> Verdict:
    return Verdict(row_id, Status.OK, (), User(str(row_id), f"agent{row_id}@contoso.com"), "contoso")


def _ours(day: Day, owed: list[Owed], room: int, now: float) -> list[Owed]:
    return next_rows(owed, room, now, day.lasting, day.served)


def _fifo(day: Day, owed: list[Owed], room: int, now: float) -> list[Owed]:
    return nsmallest(room, owed, key=lambda each: each.since)


def _newest(day: Day, owed: list[Owed], room: int, now: float) -> list[Owed]:
    return nlargest(room, owed, key=lambda each: each.stands_since)


def _in_turn(day: Day, owed: list[Owed], room: int, now: float) -> list[Owed]:
    """Each row once in as many minutes as the budget takes to write all."""
    a_second = day._most / _MINUTE
    rows = len(day.days)
    first, last = int((now - 1) * a_second) % rows, int(now * a_second) % rows
    return [each for each in owed if (each.row_id - first - 1) % rows < (last - first) % rows][:room]


def _clairvoyant(day: Day, owed: list[Owed], room: int, now: float) -> list[Owed]:
    return nlargest(room, owed, key=lambda each: IMPORTANCE[each.kind] * day.remaining(each, now))


ORDERS: Mapping[str, tuple[Choose, float]] = {
    "sync-agent": (_ours, 5.0),
    "whoever waits longest": (_fifo, 0.0),
    "newest first": (_newest, 0.0),
    "every row in turn": (_in_turn, 0.0),
    "clairvoyant": (_clairvoyant, 0.0),
}
"""With the seconds by which flapping is damped."""


def main(count: int = _AT_MOST) -> None:
    for units, calls in ((3_600, 3.0), (3_600, 6.0), (1_200, 3.0)):
        days = agents(count, calls, _SEED)
        changes = sum(len(day) - 1 for day in days)
        budget = units * count / _AGENTS
        print(f"{count:,} agents, {calls:g} calls an hour, {changes:,} changes; {budget:,.0f} units a minute at 80 %")
        scores = {}
        for name, (choose, damping) in ORDERS.items():
            began = time.perf_counter()
            scores[name] = Day(days, budget, choose, damping).run()
            _tell(name, scores[name], count, time.perf_counter() - began)
        _tell_bounds(days, budget, scores["clairvoyant"])
    print()


def bounds(days: list[list[Spell]], units: float, reached: Score) -> tuple[Bound, Bound]:
    """Plainly and by importance. ``reached``: by some order."""
    most = int(units * _SHARE / _UNITS)
    plain = bound(days, most, _DAY, plainly, reached.wrong)
    return plain, bound(days, most, _DAY, by_importance, reached.weighted)


def _tell(name: str, score: Score, count: int, took: float) -> None:
    right = 100 * (1 - score.wrong / (count * (_DAY[1] - _DAY[0])))
    print(
        f"  {name:<24}{right:>8.3f} % right{score.wrong / HOUR:>10,.1f} wrong row-hours"
        f"{score.weighted / HOUR:>10,.1f} by importance{score.p95:>8.0f} s p95{score.writes:>11,} writes{took:>7.0f} s",
        flush=True,
    )


def _tell_bounds(days: list[list[Spell]], units: float, reached: Score) -> None:
    plain, weighted = bounds(days, units, reached)
    for name, low, heavy in (
        ("no order is below", plain.limited, weighted.limited),
        ("without any limit", plain.unlimited, weighted.unlimited),
    ):
        print(f"  {name:<24}{low / HOUR:>26,.1f} wrong row-hours{heavy / HOUR:>10,.1f} by importance", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else _AT_MOST)
