"""What goes next: the most urgent, nobody starved, and a presence that flaps is never hidden."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from sync_agent.flapping import Flapping
from sync_agent.lasting import Lasting
from sync_agent.urgency import IMPORTANCE, OLDEST_EVERY, Kind, Owed, next_rows

NOW = 10_000.0
VALUES = st.sampled_from([("Available", "Available"), ("Busy", "InACall"), ("Away", "Away"), ("made", "up")])
SECONDS = st.integers(0, 9_000).map(float)
OWED = st.lists(
    st.builds(Owed, st.integers(1, 200), st.sampled_from(Kind), SECONDS, VALUES, SECONDS),
    max_size=60,
    unique_by=lambda each: each.row_id,
)
ENDS = st.lists(st.tuples(VALUES, st.floats(0, 1e6)), max_size=40)


def learnt(ends: list[tuple[tuple[str, str], float]]) -> Lasting:
    lasting = Lasting()
    for value, lasted in ends:
        lasting.ended(value, lasted)
    return lasting


@given(OWED, st.integers(0, 80), ENDS, st.integers(0, 1_000))
def test_each_place_is_given_once_and_as_many_as_there_is_room_for(
    owed: list[Owed], most: int, ends: list[tuple[tuple[str, str], float]], served: int
) -> None:
    chosen = next_rows(owed, most, NOW, learnt(ends), served)
    assert len(chosen) == min(most, len(owed))
    assert len({each.row_id for each in chosen}) == len(chosen)
    assert set(chosen) <= set(owed)


@given(OWED, ENDS, st.integers(0, 1_000), st.integers(1, 9), st.data())
def test_whoever_has_waited_longest_is_written_in_time_whatever_comes_in(
    owed: list[Owed], ends: list[tuple[tuple[str, str], float]], served: int, most: int, data: st.DataObject
) -> None:
    """With more urgent rows coming in at every turn, for ever."""
    if not owed:
        return
    lasting, ours = learnt(ends), data.draw(st.sampled_from(owed))
    longer = sum((each.since, each.row_id) < (ours.since, ours.row_id) for each in owed)
    waiting, writes, fresh = list(owed), 0, 1_000
    while ours in waiting:
        assert writes < OLDEST_EVERY * (longer + 1)
        gone = next_rows(waiting, most, NOW + writes, lasting, served + writes)
        writes += gone.index(ours) + 1 if ours in gone else len(gone)
        kinds = data.draw(st.sampled_from([Kind.VERDICT, Kind.REACHABLE]))
        more = [Owed(fresh + each, kinds, NOW, ("Available", "Available"), NOW) for each in range(most)]
        fresh += most
        waiting = [each for each in waiting if each not in gone] + more
    assert writes <= OLDEST_EVERY * (longer + 1)


@given(OWED, ENDS)
def test_verdicts_go_first_and_then_what_removes_most(
    owed: list[Owed], ends: list[tuple[tuple[str, str], float]]
) -> None:
    """But for the places of those who wait longest, of which there is none among the first."""
    lasting = learnt(ends)
    chosen = next_rows(owed, OLDEST_EVERY - 1, NOW, lasting)
    removed = [
        (each.kind is Kind.VERDICT, IMPORTANCE[each.kind] * lasting.left(each.value, NOW - each.stands_since))
        for each in chosen
    ]
    assert removed == sorted(removed, reverse=True)


@given(st.builds(Owed, st.just(1), st.sampled_from(Kind), SECONDS, VALUES, SECONDS), ENDS)
def test_among_equals_whoever_waits_longest(owed: Owed, ends: list[tuple[tuple[str, str], float]]) -> None:
    later = structs.replace(owed, row_id=2, since=owed.since + 1)
    assert [each.row_id for each in next_rows([later, owed], 2, NOW, learnt(ends))] == [1, 2]


@given(ENDS, VALUES, st.floats(0, 1e9))
def test_what_is_to_come_is_a_time_between_nothing_and_an_hour(
    ends: list[tuple[tuple[str, str], float]], value: tuple[str, str], lasted: float
) -> None:
    assert 0 <= learnt(ends).left(value, lasted) <= 3_600


@given(st.lists(st.integers(1, 20).map(float), min_size=1, max_size=40), st.integers(0, 10).map(float))
def test_a_presence_is_held_back_for_the_damping_at_most_and_once(gaps: list[float], damping: float) -> None:
    """Whatever the changes, each hold ends the damping after it began, and then what is true by then is let go."""
    flapping, now, before = Flapping(damping), 100.0, -100.0
    held_since: float | None = None
    for gap in gaps:
        now += gap
        flapping.changed("jane", now)
        flaps = now - before < damping
        before = now
        until = flapping.held_until("jane", now)
        if held_since is not None and now - held_since >= damping:
            held_since = None
        if held_since is None and flaps:
            held_since = now
        assert (until is not None) == (held_since is not None)
        if until is not None and held_since is not None:
            assert until == held_since + damping
    assert flapping.held_until("jane", now + damping) is None
