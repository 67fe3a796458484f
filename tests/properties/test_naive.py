"""The reconciler agrees with a naive one on lists and tenants full of people who are easily taken for each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from hypothesis import event, given, settings
from hypothesis import strategies as st

from sync_agent.detective import Clues, People
from sync_agent.leads import questions
from sync_agent.model import Absent, Code, Found, NoTenant, Row, Severity, Status, Verdict
from sync_agent.reconcile import reconcile
from sync_agent.upn import examine, key
from tests.naive import Said, said_of
from tests.properties.offices import Office, clues_of, matches_of, worlds

World = tuple[tuple[Office, ...], list[Row]]


def judged(offices: Sequence[Office], rows: Sequence[Row]) -> dict[int, Verdict]:
    matches = matches_of(offices, rows)
    return reconcile(rows, matches, clues_of(offices, rows, matches))


def said(verdict: Verdict) -> Said:
    return {(anomaly.code, anomaly.suggestion) for anomaly in verdict.anomalies}


def worst(codes: set[Code]) -> Status:
    severities = {code.severity for code in codes}
    if Severity.ERROR in severities:
        return Status.ERROR
    if Severity.INFO in severities:
        return Status.UNKNOWN
    return Status.WARNING if severities else Status.OK


@settings(max_examples=300)
@given(worlds())
def test_it_agrees_with_the_naive_one_on_codes_suggestions_and_status(world: World) -> None:
    offices, rows = world
    verdicts = judged(offices, rows)
    assert list(verdicts) == [row.id for row in rows]
    for row in rows:
        naive = said_of(row, rows, offices)
        assert said(verdicts[row.id]) == naive
        assert verdicts[row.id].status is worst({code for code, _ in naive})
        for code, suggestion in naive:
            event(f"{code}{', suggested' if suggestion else ''}")


@given(worlds(), st.randoms())
def test_the_order_of_rows_tenants_and_people_does_not_matter(world: World, random: Random) -> None:
    offices, rows = world
    shuffled = [
        Office(
            office.account,
            office.domains,
            tuple(random.sample(office.users, len(office.users))),
            office.aliases,
            office.deleted,
            office.silent,
        )
        for office in random.sample(offices, len(offices))
    ]
    assert judged(shuffled, random.sample(rows, len(rows))) == judged(offices, rows)


@given(worlds())
def test_whoever_came_up_is_as_good_as_everybody(world: World) -> None:
    """What the tenants are asked for is enough: with all people known, the verdicts are the same."""
    offices, rows = world
    matches = matches_of(offices, rows)
    came_up = clues_of(offices, rows, matches)
    known = [Found(user, office.account) for office in offices if not office.silent for user in office.users]
    everybody = Clues(People(known), questions(rows, matches), came_up.silent)
    assert reconcile(rows, matches, everybody) == reconcile(rows, matches, came_up)


@given(worlds(), st.data())
def test_a_row_equal_to_an_enabled_members_upn_is_never_an_error(world: World, data: st.DataObject) -> None:
    """Whatever the other rows hold, the row shows, it is called, and whoever is silent."""
    offices, rows = world
    members = [user for office in offices for user in office.users if user.enabled and not user.guest]
    for user in members:
        cell = data.draw(st.sampled_from([user.upn, user.upn.upper(), key(user.upn)]))
        row = Row(99, cell, data.draw(st.sampled_from(["", "Peter Paul"])))
        verdict = judged(offices, [*rows, row])[99]
        assert verdict.status is not Status.ERROR
        assert {anomaly.code for anomaly in verdict.anomalies} <= {
            Code.UPN_DUPLICATE,
            Code.USER_DUPLICATE,
            Code.ACCOUNT_UNAVAILABLE,
        }


@given(worlds(), st.data())
def test_where_it_is_known_what_a_row_had_before_that_alone_tells_a_renamed_user(
    world: World, data: st.DataObject
) -> None:
    """The cell is as it was when the row last had the user whom it shows, and now it is nobody's."""
    offices, rows = world
    had = {row.id: (examine(row.upn).name or "", row.shown.object_id.upper()) for row in rows if row.shown.object_id}
    same = data.draw(st.frozensets(st.sampled_from(sorted(had)))) if had else frozenset()
    before = {row_id: had[row_id] if row_id in same else ("other@c.com", had[row_id][1]) for row_id in had}
    matches = matches_of(offices, rows)
    verdicts = reconcile(rows, matches, replace(clues_of(offices, rows, matches), before=before))
    ids = {user.id for office in offices if not office.silent for user in office.users}
    for row in rows:
        nobodys = isinstance(matches.get(examine(row.upn).name or ""), Absent | NoTenant)
        renamed = Code.USER_RENAMED in {anomaly.code for anomaly in verdicts[row.id].anomalies}
        assert renamed is (row.id in same and nobodys and row.shown.object_id.upper() in ids)


@given(worlds())
def test_nobody_is_suggested_who_is_disabled_or_whom_a_row_has(world: World) -> None:
    """Unless the cell itself spells them, or leads to them by an address or an object id."""
    offices, rows = world
    verdicts = judged(offices, rows)
    members = {user.upn: user for office in offices for user in office.users}
    placed = {verdict.user.upn for verdict in verdicts.values() if verdict.user is not None}
    for verdict in verdicts.values():
        for anomaly in verdict.anomalies:
            if anomaly.suggestion and anomaly.code in {
                Code.USER_NOT_FOUND,
                Code.DOMAIN_NOT_CONFIGURED,
                Code.UPN_MISSING,
            }:
                assert members[anomaly.suggestion].enabled
                assert anomaly.suggestion not in placed
