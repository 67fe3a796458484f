"""When a credential's end is worth a word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.expiry import WARNED_AT, CredentialEnd, warned

ENDS = datetime(2027, 1, 31, tzinfo=UTC)
SECRET = CredentialEnd("contoso", "client_secret", ENDS, "the app registration")
SECOND = timedelta(seconds=1)


def sentence(before: timedelta, end: CredentialEnd = SECRET) -> str:
    (found,) = warned([end], ENDS - before)
    return found.sentence


@pytest.mark.parametrize(
    ("before", "stage"),
    [
        (timedelta(days=30) + SECOND, None),
        (timedelta(days=30), 30),
        (timedelta(days=14) + SECOND, 30),
        (timedelta(days=14), 14),
        (timedelta(days=3) + SECOND, 14),
        (timedelta(days=3), 3),
        (SECOND, 3),
        (timedelta(), 0),
        (-timedelta(days=400), 0),
    ],
)
def test_four_times(before: timedelta, stage: int | None) -> None:
    assert [found.stage for found in warned([SECRET], ENDS - before)] == ([] if stage is None else [stage])


def test_what_is_said() -> None:
    assert sentence(timedelta(days=14, hours=5)) == (
        "Account contoso: the client secret ends on 2027-01-31, in 14 days (by the app registration); make a new one "
        "in the app registration and put it into client_secret_next, then into client_secret"
    )
    assert "ends on 2027-01-31, in 1 day (" in sentence(timedelta(days=1, hours=5))
    assert "ends on 2027-01-31, today (" in sentence(timedelta(hours=5))
    assert "has ended on 2027-01-31 (by its file); make a new one, upload it" in sentence(
        -timedelta(hours=1), CredentialEnd("contoso", "certificate", ENDS, "its file")
    )


moments = st.integers(-800, 800).map(lambda hours: ENDS + timedelta(hours=hours))
ends = st.builds(CredentialEnd, st.sampled_from("ab"), st.sampled_from(["client_secret", "x"]), moments, st.just("x"))


@given(st.lists(ends), st.lists(moments, min_size=1).map(sorted))
def test_whatever_the_times_each_stage_of_an_end_comes_once_and_in_order(
    known: list[CredentialEnd], looks: list[datetime]
) -> None:
    told: dict[CredentialEnd, int] = {}
    for now in looks:
        found = warned(known, now)
        assert [each.end.ends for each in found] == sorted(each.end.ends for each in found)
        assert {each.end for each in found} == {end for end in known if end.ends - now <= timedelta(days=30)}
        for each in found:
            assert each.stage in WARNED_AT
            assert each.stage <= told.get(each.end, each.stage)
            assert (each.days < 0) <= (each.stage == 0)
            told[each.end] = each.stage


@given(ends, ends, moments)
def test_names_are_of_one_end_and_stage(one: CredentialEnd, other: CredentialEnd, now: datetime) -> None:
    names = [found.name for found in warned({one, other}, now)]
    assert len(names) == len(set(names))
