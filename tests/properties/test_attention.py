"""Nobody waits longer than the worst age, nobody is asked in vain, and who changes often comes more often."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sync_agent.attention import Attention, Reading

FREE, BUSY, AWAY = ("Available", "Available"), ("Busy", "InACall"), ("Offline", "Offline")
READINGS = st.sampled_from([FREE, BUSY, AWAY])
IDS = [f"user-{number}" for number in range(200)]


def asked(
    attention: Attention, rate: float, seconds: float, readings: Iterator[Reading], late: int = 0
) -> list[tuple[float, list[str]]]:
    """Each request with its time; it is answered when ``late`` others have been sent."""
    made: list[tuple[float, list[str]]] = []
    open_: list[list[str]] = []
    for number in range(int(seconds * rate)):
        now = 1_000 + number / rate
        ids = attention.next(now, rate)
        made.append((now, ids))
        open_.append(ids)
        if len(open_) > late:
            answered = open_.pop(0)
            attention.heard(answered, {id_: next(readings) for id_ in answered}, now)
    return made


def turns(made: list[tuple[float, list[str]]]) -> dict[str, list[float]]:
    found = defaultdict(list)
    for now, ids in made:
        for id_ in ids:
            found[id_].append(now)
    return found


def endless(data: st.DataObject) -> Iterator[Reading]:
    some = data.draw(st.lists(READINGS, min_size=1, max_size=300))
    while True:
        yield from some


@settings(deadline=None, max_examples=50)
@given(
    st.integers(1, 200), st.integers(1, 40), st.floats(0.5, 5), st.floats(1, 40), st.floats(0, 1), st.integers(0, 3),
    st.data(),
)  # fmt: skip
def test_nobodys_turn_comes_later_than_the_worst_age_or_as_even_as_can_be(
    people: int, most: int, rate: float, worst: float, least: float, late: int, data: st.DataObject
) -> None:
    attention = Attention(worst, min(least, worst / 2), most)
    attention.watch(IDS[:people])
    held = attention.age_held(rate)
    assert held == max(worst, people / (rate * most))
    made = asked(attention, rate, 4 * held + 2 / rate, endless(data), late)
    slack = (late + 2) / rate + min(least, worst / 2)
    for id_ in IDS[:people]:
        times = [1_000.0, *turns(made)[id_], made[-1][0]]
        assert all(after - before <= held + slack for before, after in pairwise(times))


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 200), st.integers(1, 40), st.floats(0.5, 20), st.floats(0, 5), st.data())
def test_a_request_is_never_too_large_names_nobody_twice_and_nobody_too_soon(
    people: int, most: int, rate: float, least: float, data: st.DataObject
) -> None:
    attention = Attention(60, least, most)
    attention.watch(IDS[:people])
    made = asked(attention, rate, 30, endless(data))
    for _, ids in made:
        assert len(ids) == len(set(ids)) <= most
    for times in turns(made).values():
        assert all(after - before >= least - 1e-9 for before, after in pairwise(times))


@settings(deadline=None)
@given(st.integers(1, 100), st.integers(1, 20), st.data())
def test_nobody_is_asked_while_an_answer_about_him_is_on_its_way(people: int, most: int, data: st.DataObject) -> None:
    attention, open_, now = Attention(60, 0, most), list[list[str]](), 0.0
    attention.watch(IDS[:people])
    for answer in data.draw(st.lists(st.booleans(), max_size=80)):
        now += 1
        if answer and open_:
            ids = open_.pop(data.draw(st.integers(0, len(open_) - 1)))
            known = [id_ for id_ in ids if data.draw(st.booleans())]  # of the others it failed
            attention.heard(ids, dict.fromkeys(known, FREE), now)
        else:
            open_.append(attention.next(now, 1))
        counted = Counter(id_ for ids in open_ for id_ in ids)
        assert all(count == 1 for count in counted.values())
    for ids in open_:
        attention.heard(ids, {}, now)
    everybody = set[str]()
    while ids := attention.next(now := now + 1, 1):
        everybody |= set(ids)
        if len(everybody) == people:
            break
        attention.heard(ids, {}, now)
    assert everybody == set(IDS[:people]), "nobody is lost, and a request that failed costs no place"


@settings(deadline=None)
@given(st.lists(st.sets(st.sampled_from(IDS[:30])), max_size=12), st.booleans())
def test_who_is_watched_is_asked_for_and_nobody_else(watched: list[set[str]], answered: bool) -> None:
    attention, now = Attention(60, 0, 7), 0.0
    before: list[str] = []
    for ids in watched:
        attention.watch(sorted(ids))
        attention.heard(before if answered else [], {}, now)
        seen = set[str]()
        for _ in range(10):
            now += 1
            before = attention.next(now, 1)
            assert set(before) <= ids
            assert not set(before) & seen or len(seen) >= len(ids) - 7
            seen |= set(before)
            attention.heard(before, {}, now)
        assert seen == ids


def test_who_changes_often_or_is_awake_is_asked_more_often_than_who_is_gone() -> None:
    attention, count, now, rate = Attention(120, 0.5, 50), Counter[str](), 0.0, 4.0
    busy, awake, gone = IDS[:20], IDS[20:60], [f"gone-{number}" for number in range(2_000)]
    attention.watch([*busy, *awake, *gone])
    state = {**dict.fromkeys(busy + awake, FREE), **dict.fromkeys(gone, AWAY)}
    for number in range(int(600 * rate)):
        now = number / rate
        if number % 40 == 0:
            state.update(dict.fromkeys(busy, BUSY if state[busy[0]] == FREE else FREE))
        ids = attention.next(now, rate)
        attention.heard(ids, {id_: state[id_] for id_ in ids}, now)
        count.update(ids if now > 120 else [])
    per = [sum(count[id_] for id_ in some) / len(some) for some in (busy, awake, gone)]
    assert per[0] > 1.5 * per[1] > 3 * per[2] > 0


def test_without_any_difference_everybody_comes_equally_often() -> None:
    attention = Attention(math.inf, 0, 10)
    attention.watch(IDS)
    count = Counter[str]()
    for number in range(400):
        ids = attention.next(number, 1)
        attention.heard(ids, dict.fromkeys(ids, FREE), number)
        count.update(ids)
    assert set(count.values()) == {20}
