"""Whatever arrives whenever: no window holds more than the budget, and nobody overtakes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from sync_agent.microsoft365.pacing import Budget, Priority
from tests.virtual_time import Clock, hurry

ROUNDING = 1e-6
MOMENTS = st.floats(0, 100, allow_nan=False).map(lambda moment: round(moment, 3))


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody who wants to spend, and leaves again when that takes longer than ``patience`` seconds."""

    at: float
    units: float
    patience: float
    lasts: float
    priority: Priority = Priority.NORMAL


@dataclass(frozen=True, slots=True)
class Closing:
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Spent:
    at: float
    by: int
    units: float


@dataclass(frozen=True, slots=True)
class Story:
    units: float
    window: float
    share: float
    concurrency: int
    arrivals: list[Arrival]
    closings: list[Closing]

    @property
    def limit(self) -> float:
        return self.units * self.share


@st.composite
def stories(draw: st.DrawFn) -> Story:
    units, share = draw(st.integers(2, 50)), draw(st.sampled_from([1.0, 0.8, 0.5]))
    arrival = st.builds(
        Arrival,
        at=MOMENTS,
        units=st.sampled_from([0.0, 1.0, 1.5]) | st.floats(0.1, units * share).map(lambda value: round(value, 2)),
        patience=st.just(1e6) | MOMENTS,
        lasts=st.floats(0, 5),
        priority=st.sampled_from(Priority),
    )
    arrivals = draw(st.lists(arrival, max_size=60))
    fitting = [one for one in arrivals if one.units <= units * share]
    closings = draw(st.lists(st.builds(Closing, at=MOMENTS, seconds=st.floats(0, 60)), max_size=4))
    return Story(units, draw(st.sampled_from([1.0, 10.0, 60.0])), share, draw(st.integers(1, 5)), fitting, closings)


class Played:
    """A story, come true: who spent when, and how many were in flight at most."""

    def __init__(self, story: Story, *, slots: bool = False) -> None:
        self.spent: list[Spent] = []
        self.most_in_flight = 0
        self._in_flight = 0
        self._story = story
        self._slots = slots
        hurry(self._play)

    async def _play(self, clock: Clock) -> None:
        story, self._began = self._story, clock()
        self._clock = clock
        self._budget = Budget(
            "test", story.units, story.window, share=story.share, concurrency=story.concurrency, clock=clock
        )
        await asyncio.gather(
            *(self._arrive(number, arrival) for number, arrival in enumerate(story.arrivals)),
            *(self._close(closing) for closing in story.closings),
        )

    async def _arrive(self, number: int, arrival: Arrival) -> None:
        await asyncio.sleep(arrival.at)
        try:
            async with asyncio.timeout(arrival.patience):
                if self._slots:
                    async with self._budget.place(arrival.units, priority=arrival.priority):
                        self._note(number, arrival)
                        await self._fly(arrival)
                else:
                    await self._budget.spend(arrival.units, priority=arrival.priority)
                    self._note(number, arrival)
        except TimeoutError:
            pass

    def _note(self, number: int, arrival: Arrival) -> None:
        self.spent.append(Spent(self._clock() - self._began, number, arrival.units))

    async def _fly(self, arrival: Arrival) -> None:
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            await asyncio.sleep(arrival.lasts)
        finally:
            self._in_flight -= 1

    async def _close(self, closing: Closing) -> None:
        await asyncio.sleep(closing.at)
        self._budget.close_for(closing.seconds)


@given(stories(), st.booleans())
@settings(deadline=None)
def test_no_window_holds_more_than_the_budget(story: Story, slots: bool) -> None:
    spent = Played(story, slots=slots).spent
    for first in spent:
        ends = first.at + story.window - ROUNDING
        assert sum(one.units for one in spent if first.at <= one.at < ends) <= story.limit + ROUNDING


@given(stories())
@settings(deadline=None)
def test_nothing_is_spent_while_the_budget_is_closed(story: Story) -> None:
    spent = Played(story).spent
    for closing in story.closings:
        opens = closing.at + closing.seconds - ROUNDING
        assert not [one for one in spent if closing.at + ROUNDING < one.at < opens]


@given(stories())
@settings(deadline=None)
def test_who_came_first_is_served_first_among_equals(story: Story) -> None:
    spent = [one for one in Played(story).spent if one.units]
    for priority in Priority:
        order = [story.arrivals[one.by].at for one in spent if story.arrivals[one.by].priority == priority]
        assert order == sorted(order)


@given(stories(), st.booleans())
@settings(deadline=None)
def test_nobody_is_served_while_somebody_more_urgent_waits(story: Story, slots: bool) -> None:
    """Of all who need units, whether or not they need a place in flight too."""
    spent = [one for one in Played(story, slots=slots).spent if one.units]
    for position, one in enumerate(spent):
        mine = story.arrivals[one.by].priority
        later = (story.arrivals[other.by] for other in spent[position + 1 :])
        assert not [other for other in later if other.priority < mine and other.at < one.at - ROUNDING]


@given(stories())
@settings(deadline=None)
def test_whoever_waits_is_served_in_the_end(story: Story) -> None:
    served = {one.by for one in Played(story).spent}
    assert {number for number, arrival in enumerate(story.arrivals) if arrival.patience == 1e6} <= served


@given(stories())
@settings(deadline=None)
def test_no_more_are_in_flight_than_allowed(story: Story) -> None:
    assert Played(story, slots=True).most_in_flight <= story.concurrency


@given(st.lists(st.floats(0.1, 3), max_size=30), st.integers(100, 200))
@settings(deadline=None)
def test_a_quiet_budget_may_be_spent_at_once(units: list[float], limit: int) -> None:
    arrivals = [Arrival(1.0, value, 1e6, 0) for value in units]
    spent = Played(Story(limit, 60, 1.0, 1, arrivals, [])).spent
    assert len(spent) == len(units)
    assert all(abs(one.at - 1.0) < ROUNDING for one in spent)
