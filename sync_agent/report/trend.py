"""How the list has done day by day, as the shapes of a small chart. Lengths are in the units of the chart's own box."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count

from sync_agent.model import Status
from sync_agent.state.store import PassRecord

WIDTH, HEIGHT = 900.0, 150.0
"""Of the part that the bars stand in."""
_SHOWN = (Status.ERROR, Status.WARNING, Status.UNKNOWN)
"""From the bottom. Rows that are OK are left out: where they are nearly all, nothing else could be seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    status: Status
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Day:
    """``status`` is None where no pass was made on that day: it is not known how the list was."""

    day: date
    x: float
    status: Mapping[Status, int] | None
    bars: tuple[Bar, ...] = ()

    @property
    def wrong(self) -> int:
        return 0 if self.status is None else sum(self.status[status] for status in _SHOWN)


@dataclass(frozen=True, slots=True)
class Line:
    """A line across the chart, at a round number of rows."""

    rows: int
    y: float


@dataclass(frozen=True, slots=True)
class Trend:
    """Every calendar day from the first pass on, oldest first; ``width`` is that of one day."""

    days: tuple[Day, ...]
    width: float
    lines: tuple[Line, ...]

    @property
    def known(self) -> list[Day]:
        return [day for day in self.days if day.status is not None]

    @property
    def told(self) -> str:
        """The chart in words."""
        known = self.known
        worst = max(known, key=lambda day: day.wrong)
        without = len(self.days) - len(known)
        gaps = f" On {without} of these {len(self.days)} days no pass was made." if without else ""
        return (
            f"Rows that were not OK at the end of each day: {known[0].wrong:,} on {known[0].day}, "
            f"{known[-1].wrong:,} on {known[-1].day}, at most {worst.wrong:,} on {worst.day}.{gaps}"
        )


def trend(passes: Sequence[PassRecord], until: date) -> Trend | None:
    """``passes``: the last of each day, oldest first. None where there are fewer than two days to compare."""
    by_day = {each.started.date(): each.status for each in passes}
    if len(by_day) < 2:
        return None
    calendar = list(_calendar(min(by_day), max(until, *by_day)))
    marks = _marks(max(sum(status[each] for each in _SHOWN) for status in by_day.values()))
    scale, width = HEIGHT / marks[-1], WIDTH / len(calendar)
    days = (_day(day, index * width, by_day.get(day), scale) for index, day in enumerate(calendar))
    return Trend(tuple(days), width, tuple(Line(rows, HEIGHT - rows * scale) for rows in marks))


def _calendar(first: date, last: date) -> Iterator[date]:
    for days in range((last - first).days + 1):
        yield first + timedelta(days=days)


def _day(day: date, x: float, status: Mapping[Status, int] | None, scale: float) -> Day:
    bars, top = [], HEIGHT
    for shown in _SHOWN:
        height = 0.0 if status is None else status[shown] * scale
        if height:
            top -= height
            bars.append(Bar(shown, top, height))
    return Day(day, x, status, tuple(bars))


def _marks(most: int) -> Sequence[int]:
    """One to four round numbers of rows, the last of which is not below ``most``."""
    steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
    step = next(step for step in steps if most <= 4 * step)
    return range(step, max(most, 1) + step, step)
