"""The lease among services whose clocks are off and drift, that are killed or paused, whose database loses answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_agent.lease import PATIENCE, RENEWALS, Lease, Standing, given_up, held, looked, may_take, renewed

LENGTHS = st.sampled_from([60.0, 60.0, 60.0, 10.0])
FASTEST, SLOWEST = 1.04, 0.96
"""Of two clocks that differ by less than PATIENCE."""


@dataclass(slots=True)
class Place:
    """Where the lease is written down; replaced only as it is expected."""

    lease: Lease | None = None

    def replace(self, expected: Lease | None, new: Lease) -> bool:
        if self.lease != expected:
            return False
        self.lease = new
        return True


@dataclass(slots=True)
class Copy:
    """A service as `jobs/hold_lease.py` has it, each question to the place in three parts: begun, done, answered."""

    name: str
    length: float
    offset: float
    rate: float
    standing: Standing = field(default_factory=Standing)
    under_way: tuple[float, Lease | None, Lease] | None = None
    answer: bool | None = None
    starts: int = 0

    def clock(self, true: float) -> float:
        return self.offset + self.rate * true

    @property
    def me(self) -> str:
        return f"{self.name}{self.starts}"

    def look(self, place: Place, true: float) -> None:
        self.standing = looked(self.standing, place.lease, self.clock(true))

    def begin(self, true: float) -> None:
        if self.under_way is None and (self._is_mine or may_take(self.standing, self.clock(true))):
            wanted = renewed(self.standing, self.me, self.length, self.name)
            self.under_way, self.answer = (self.clock(true), self.standing.seen, wanted), None

    def done_there(self, place: Place) -> None:
        if self.under_way is not None and self.answer is None:
            self.answer = place.replace(self.under_way[1], self.under_way[2])

    def answered(self, true: float) -> None:
        if self.under_way is not None and self.answer is not None:
            if self.answer:
                self.standing = held(self.under_way[2], self.under_way[0], self.clock(true))
            self.under_way = None

    def unanswered(self) -> None:
        self.under_way = None

    def give_up(self, place: Place) -> None:
        mine, self.standing, self.under_way = self.standing, Standing(), None
        if mine.seen is not None and mine.seen.holder == self.me:
            place.replace(mine.seen, given_up(mine.seen))

    def killed_and_started(self) -> None:
        self.starts += 1
        self.standing, self.under_way = Standing(), None

    def turn(self, place: Place, true: float) -> None:
        """Whole, as when nothing is slow."""
        if not self._is_mine:
            self.look(place, true)
        self.begin(true)
        self.done_there(place)
        self.answered(true)
        self.look(place, true)

    @property
    def _is_mine(self) -> bool:
        return self.standing.seen is not None and self.standing.seen.holder == self.me


STEPS = [*["turn"] * 6, "look", "begin", "done_there", "answered", "unanswered", "give_up", "killed"]
copies = st.lists(
    st.builds(
        Copy,
        st.just("?"),
        LENGTHS,
        st.floats(-1e6, 1e6),
        st.sampled_from([SLOWEST, FASTEST]) | st.floats(SLOWEST, FASTEST),
    ),
    min_size=2,
    max_size=3,
)
# By parts of a length: just short of one and just beyond are where a rule that is a little wrong shows.
histories = st.lists(
    st.tuples(st.sampled_from([0.0, 0.02, 0.3, 0.97, 1.03, 1.3]), st.integers(0, 2), st.sampled_from(STEPS)),
    min_size=20,
    max_size=60,
)


def do(copy: Copy, step: str, place: Place, true: float) -> None:
    match step:
        case "turn":
            copy.turn(place, true)
        case "look":
            copy.look(place, true)
        case "begin":
            copy.begin(true)
        case "done_there":
            copy.done_there(place)
        case "answered":
            copy.answered(true)
        case "unanswered":
            copy.unanswered()
        case "give_up":
            copy.give_up(place)
        case "killed":
            copy.killed_and_started()


def named(made: list[Copy]) -> list[Copy]:
    for number, copy in enumerate(made):
        copy.name = f"copy{number}."
    return made


def writers(made: list[Copy], true: float) -> list[str]:
    return [copy.me for copy in made if copy.standing.may_write(copy.clock(true))]


@settings(max_examples=500, deadline=None)
@given(copies, histories)
def test_never_two_may_write_and_soon_one_may_again(made: list[Copy], history: list[tuple[float, int, str]]) -> None:
    made, place, true = named(made), Place(), 0.0
    for part, number, step in history:
        true += part * made[0].length
        do(made[number % len(made)], step, place, true)
        assert len(writers(made, true)) <= 1, step

    longest = max(copy.length for copy in made)
    patience = longest * (PATIENCE / SLOWEST + 2 / RENEWALS)
    begun = true
    while not writers(made, true):
        assert true - begun <= patience
        true += min(copy.length for copy in made) / RENEWALS
        for copy in made:
            copy.unanswered()
            copy.turn(place, true)
            assert len(writers(made, true)) <= 1


@pytest.mark.parametrize("part", [0.5, 1.05])
def test_a_stand_by_waits_for_more_than_the_whole_length_since_it_last_saw_a_renewal(part: float) -> None:
    seen = looked(Standing(), Lease("other", 7, 60.0), 1_000.0)
    assert not may_take(looked(seen, Lease("other", 7, 60.0), 1_000.0 + 60 * part), 1_000.0 + 60 * part)
    assert may_take(seen, 1_000.0 + 60 * 1.11)
    renewed_meanwhile = looked(seen, Lease("other", 8, 60.0), 1_000.0 + 60 * 1.11)
    assert not may_take(renewed_meanwhile, 1_000.0 + 60 * 1.5)


def test_the_length_that_counts_is_that_of_the_one_who_holds_it() -> None:
    seen = looked(Standing(), Lease("other", 1, 600.0), 0.0)
    assert not may_take(seen, 500.0)
    assert held(Lease("me", 2, 600.0), 10.0, 12.0).until == 610.0


def test_what_was_given_up_or_never_held_is_taken_at_once() -> None:
    assert may_take(Standing(), 0.0)
    assert may_take(looked(Standing(), given_up(Lease("other", 1, 60.0)), 5.0), 5.0)
