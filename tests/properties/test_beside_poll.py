"""What Graph tells by itself and what it answers, in any order: what is asked for last counts in the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.jobs.observed import Observed
from sync_agent.microsoft365.presence import Readings
from sync_agent.model import Found, Row, Shown, User

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
JANE, BOB = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
_IS = [("Available", "Available"), ("Busy", "InACall"), ("Away", "Away")]
_Is = tuple[str, str]


def observing(*user_ids: str) -> Observed:
    """A list with a row for each of them."""
    observed = Observed({"contoso": "t"})
    names = {user_id: f"{user_id}@contoso.com" for user_id in user_ids}
    rows = [Row(number, name, "Agent", Shown(), '"1"') for number, name in enumerate(names.values(), 1)]
    observed.put_rows(rows, NOW)
    observed.put_matches({name: Found(User(id_, name), "contoso") for id_, name in names.items()})
    return observed


class Rounds:
    """Answers to one question, each with its news to the one that came before: as Chunk has it, without any it is that
    one itself.
    """

    def __init__(self) -> None:
        self._last = Readings({}, {})

    def answer(self, **is_: _Is) -> Readings:
        every = {JANE: is_["jane"], BOB: is_["bob"]}
        news = {id_: reading for id_, reading in every.items() if self._last.every.get(id_) != reading}
        if news:
            self._last = Readings(every, news, self._last.key)
        return self._last


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def shown(observed: Observed) -> Sequence[str]:
    return [observed.presences[id_].availability for id_ in (JANE, BOB)]


def test_an_answer_that_was_asked_for_before_sets_nobody_back() -> None:
    observed, rounds = observing(JANE, BOB), Rounds()
    observed.put_presences([rounds.answer(jane=_IS[0], bob=_IS[0])], at(0))
    observed.put_pushed({JANE: _IS[1]}, at(2))
    observed.put_presences([rounds.answer(jane=_IS[2], bob=_IS[2])], at(1))
    assert shown(observed) == ["Busy", "Away"]


def test_what_was_told_and_is_not_true_is_put_right_though_it_is_no_news_to_the_rounds() -> None:
    observed, rounds = observing(JANE, BOB), Rounds()
    observed.put_presences([rounds.answer(jane=_IS[0], bob=_IS[0])], at(0))
    observed.put_pushed({JANE: _IS[1]}, at(1))
    assert shown(observed) == ["Busy", "Available"]
    observed.put_presences([rounds.answer(jane=_IS[0], bob=_IS[0])], at(2))
    assert shown(observed) == ["Available", "Available"]


def test_a_slow_answer_from_beside_is_put_right_by_a_round_that_tells_nothing_new() -> None:
    observed, rounds = observing(JANE, BOB), Rounds()
    observed.put_presences([rounds.answer(jane=_IS[0], bob=_IS[0])], at(0))
    observed.put_presences([rounds.answer(jane=_IS[1], bob=_IS[0])], at(2))
    observed.put_beside([Readings({JANE: _IS[0]}, {JANE: _IS[0]})], at(1))
    observed.put_presences([rounds.answer(jane=_IS[1], bob=_IS[0])], at(3))
    assert shown(observed) == ["Busy", "Available"]


_steps = st.lists(
    st.tuples(st.sampled_from(["pushed", "asked beside", "answered"]), st.sampled_from(_IS), st.floats(0.1, 200)),
    max_size=12,
)


@given(_steps, st.sampled_from(_IS))
def test_whatever_came_before_a_round_that_is_asked_for_last_is_shown(
    steps: list[tuple[str, _Is, float]], last: _Is
) -> None:
    """An answer comes just before the next is asked for: whatever is told meanwhile is newer."""
    observed, rounds, now = observing(JANE, BOB), Rounds(), 0.0
    asked: tuple[_Is, float] | None = None

    def come() -> None:
        if asked is not None:
            observed.put_presences([rounds.answer(jane=asked[0], bob=_IS[0])], at(asked[1]))

    for how, is_, seconds in steps:
        now += seconds
        if how == "pushed":
            observed.put_pushed({JANE: is_}, at(now))
        elif how == "asked beside":
            observed.put_beside([Readings({JANE: is_}, {JANE: is_})], at(now))
        else:
            come()
            asked = (is_, now)
    come()
    observed.put_presences([rounds.answer(jane=last, bob=_IS[0])], at(now + 1))
    assert shown(observed) == [last[0], "Available"]


def test_whoever_leaves_the_list_is_forgotten_with_what_was_told_of_him() -> None:
    observed = observing(JANE, BOB)
    for seconds, is_ in enumerate(_IS):
        observed.put_pushed({JANE: is_, BOB: is_}, at(seconds))
    observed.put_followed({}, [1], at(9))
    told = observed._presences._beside._told
    assert told.keys() == observed.restlessness._own.keys() == observed.presences.keys() == {BOB}
