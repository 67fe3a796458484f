"""Fixes over any list, any approvals and any verdicts."""

from __future__ import annotations

from collections import Counter
from itertools import takewhile
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from sync_agent.fixes import Fixes, Sighting, confirmed, first_seen, judge_fixes, plan_fixes
from sync_agent.fuses import Safety
from sync_agent.model import Anomaly, Code, Found, Match, Row, Status, Verdict
from sync_agent.upn import examine, key
from tests.properties.worlds import CELLS, MATCHES, UPNS

SUGGESTED = st.sampled_from(UPNS)
APPROVED = st.one_of(
    st.just(""),
    SUGGESTED,
    st.builds("{}{}".format, st.sampled_from([" ", "\u200b", "\n\t"]), SUGGESTED),
    SUGGESTED.map(str.upper),
    st.text("aé@.;", max_size=5),
)
ROWS = st.lists(st.builds(Row, st.integers(1, 40), CELLS, approved=APPROVED), max_size=8, unique_by=lambda row: row.id)
ANOMALIES = st.builds(Anomaly, st.sampled_from(Code), st.just("w"), st.just("r"), st.none() | SUGGESTED)
VERDICTS = st.builds(
    Verdict, st.just(0), st.sampled_from(Status), st.lists(ANOMALIES, max_size=2).map(tuple), unsure=st.booleans()
)


World = tuple[list[Row], dict[int, Verdict], set[int]]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    rows = draw(ROWS)
    verdicts = {row.id: structs.replace(draw(VERDICTS), row_id=row.id) for row in rows}
    return rows, verdicts, draw(st.sets(st.sampled_from([row.id for row in rows]))) if rows else set()


def made(rows: list[Row], verdicts: dict[int, Verdict], sure: set[int]) -> Fixes:
    """All approvals seen for the first time."""
    return plan_fixes(rows, verdicts, sure, first_seen({}, rows))


@given(worlds())
def test_only_what_was_approved_word_for_word_and_is_suggested_now_is_written(
    world: World,
) -> None:
    rows, verdicts, sure = world
    for fix in made(rows, verdicts, sure).fixes:
        verdict = verdicts[fix.row.id]
        assert fix.row in rows and fix.row.id in sure
        assert fix.upn == fix.row.approved.strip(" \u200b\n\t")
        assert (fix.code, fix.upn) in [(anomaly.code, anomaly.suggestion) for anomaly in verdict.anomalies]
        assert verdict.status in (Status.WARNING, Status.ERROR) and not verdict.unsure


@given(worlds())
def test_no_fix_makes_a_duplicate(world: World) -> None:
    rows, verdicts, sure = world
    fixed = {fix.row.id: fix.upn for fix in made(rows, verdicts, sure).fixes}
    names = Counter(examine(fixed.get(row.id, row.upn)).name for row in rows)
    assert all(names[key(upn)] == 1 for upn in fixed.values())


@given(worlds(), st.randoms())
def test_every_approval_has_one_answer_whatever_the_order(world: World, random: Random) -> None:
    rows, verdicts, sure = world
    planned = made(rows, verdicts, sure)
    answered = [fix.row.id for fix in planned.fixes] + [each.row_id for each in planned.unfollowed]
    assert len(answered) == len(set(answered))
    silent = {row.id for row in rows} - set(answered)
    for row in rows:
        approved = row.approved.strip(" \u200b\n\t")
        if approved and row.id in silent:
            assert approved == row.upn or verdicts[row.id].status is Status.OK
        if not approved:
            assert row.id in silent
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert made(shuffled, verdicts, sure) == planned


@given(worlds(), MATCHES)
def test_what_the_tenants_do_not_confirm_is_not_written_and_told(world: World, matches: dict[str, Match]) -> None:
    planned = made(*world)
    left = confirmed(planned, matches)
    assert all(isinstance(matches[key(fix.upn)], Found) for fix in left.fixes)
    assert set(left.fixes) <= set(planned.fixes)
    assert len(left.fixes) + len(left.unfollowed) == len(planned.fixes) + len(planned.unfollowed)
    assert confirmed(left, matches) == left


@given(worlds(), st.integers(0, 5), st.floats(0.01, 1))
def test_the_fuse_holds_above_its_share_and_its_floor_and_never_an_empty_turn(
    world: World, floor: int, share: float
) -> None:
    rows, verdicts, sure = world
    planned = made(rows, verdicts, sure)
    held = judge_fixes(planned, len(rows), Safety(max_worsened_floor=floor, max_fixes=share))
    count = len(planned.fixes)
    assert (held is not None) == (count >= floor and count > share * len(rows))
    if held is not None:
        assert (held.rows, held.of, held.checksum) == (count, len(rows), planned.checksum)
    assert judge_fixes(Fixes(), len(rows), Safety(max_worsened_floor=floor, max_fixes=share)) is None


@given(worlds())
def test_made_again_after_the_fixes_there_are_none(world: World) -> None:
    rows, verdicts, sure = world
    planned = made(rows, verdicts, sure)
    fixed = {fix.row.id: structs.replace(fix.row, upn=fix.upn, approved="") for fix in planned.fixes}
    after = [fixed.get(row.id, row) for row in rows]
    assert not {fix.row.id for fix in made(after, verdicts, sure).fixes} & fixed.keys()


READ = st.builds(
    Row, st.just(1), st.sampled_from([None, "", "a@x.com", "b@x.com", "\ud800"]),
    approved=st.sampled_from(["", " ", "c@x.com", "c@x.com ", "d@x.com"]),
)  # fmt: skip


@given(st.lists(READ, min_size=1, max_size=8))
def test_an_approval_counts_while_every_reading_since_it_was_given_had_the_same_upn(readings: list[Row]) -> None:
    """Told again from the last reading backwards, as somebody would who has all readings before them."""
    seen: dict[int, Sighting] = {}
    for row in readings:
        seen = first_seen(seen, [row])
    now = readings[-1]
    since = list(takewhile(lambda row: row.approved.strip() == now.approved.strip(), reversed(readings)))
    wrong = Verdict(1, Status.ERROR, (Anomaly(Code.UPN_IS_ALIAS, "w", "r", now.approved.strip() or None),))
    fixes = plan_fixes([now], {1: wrong}, {1}, seen).fixes
    assert bool(fixes) == (bool(now.approved.strip()) and {row.upn for row in since} == {now.upn})
