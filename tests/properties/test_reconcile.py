"""The reconciler over any list and any answers, and against a second one that is as naive as can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from unicodedata import normalize

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.model import Absent, Code, CouldNotAsk, Found, Match, Row, Severity, Status, User
from sync_agent.reconcile import names_to_ask, reconcile
from sync_agent.upn import examine
from tests.properties.worlds import MATCHES, NOW, ROWS, USERS


@given(ROWS, MATCHES)
def test_rows_in_are_verdicts_out(rows: list[Row], matches: dict[str, Match]) -> None:
    verdicts = reconcile(rows, matches)
    assert set(verdicts) == {row.id for row in rows}
    assert all(row_id == verdict.row_id for row_id, verdict in verdicts.items())


@given(ROWS, MATCHES, st.randoms())
def test_no_order_matters(rows: list[Row], matches: dict[str, Match], random: Random) -> None:
    shuffled_rows = random.sample(rows, len(rows))
    shuffled_matches = dict(random.sample(list(matches.items()), len(matches)))
    assert reconcile(shuffled_rows, shuffled_matches) == reconcile(rows, matches)


@given(ROWS, MATCHES)
def test_a_verdict_is_consistent_in_itself_and_fit_to_write(rows: list[Row], matches: dict[str, Match]) -> None:
    for verdict in reconcile(rows, matches).values():
        severities = {anomaly.severity for anomaly in verdict.anomalies}
        assert (verdict.status is Status.ERROR) is (Severity.ERROR in severities)
        assert (verdict.status is Status.OK) is (not verdict.anomalies)
        assert (verdict.user is None) is (verdict.account == "")
        assert len({anomaly.code for anomaly in verdict.anomalies}) == len(verdict.anomalies)
        for anomaly in verdict.anomalies:
            assert anomaly.line.isprintable()
            assert anomaly.suggestion is None or anomaly.remedy == f"Did you mean {anomaly.suggestion}?"


@given(ROWS, MATCHES, USERS, st.data())
def test_a_row_equal_to_an_enabled_users_upn_is_never_an_error(
    rows: list[Row], matches: dict[str, Match], user: User, data: st.DataObject
) -> None:
    """Whatever the other rows hold, and also while the tenant does not answer or was not asked."""
    member = User(user.id, user.upn, enabled=True)
    row = Row(99, data.draw(st.sampled_from([user.upn, user.upn.lower(), user.upn.upper()])))
    answer = data.draw(st.sampled_from([Found(member, "c"), CouldNotAsk("no answer", NOW), None]))
    matches.pop(user.upn.lower(), None)
    if answer is not None:
        matches[user.upn.lower()] = answer
    assert reconcile([*rows, row], matches)[99].status is not Status.ERROR


@given(ROWS)
def test_before_anybody_is_asked_only_cells_that_no_directory_can_lift_are_errors(rows: list[Row]) -> None:
    for row_id, verdict in reconcile(rows, {}).items():
        cell = next(row.upn for row in rows if row.id == row_id)
        assert verdict.status is (Status.ERROR if examine(cell).name is None else Status.UNKNOWN)


@given(ROWS, MATCHES)
def test_only_a_found_name_makes_a_row_matched(rows: list[Row], matches: dict[str, Match]) -> None:
    verdicts = reconcile(rows, matches)
    for row in rows:
        match = matches.get((row.upn or "").lower())
        assert (verdicts[row.id].user is not None) is isinstance(match, Found)


@given(ROWS)
def test_all_that_a_verdict_may_rest_on_is_asked(rows: list[Row]) -> None:
    findings = [examine(row.upn) for row in rows]
    wanted = {found.name for found in findings} | {found.candidate for found in findings}
    assert names_to_ask(rows) == wanted - {None}


@given(ROWS, MATCHES)
def test_a_naive_reconciler_agrees(rows: list[Row], matches: dict[str, Match]) -> None:
    verdicts = reconcile(rows, matches)
    for row in rows:
        verdict = verdicts[row.id]
        said = {(anomaly.code, anomaly.suggestion) for anomaly in verdict.anomalies}
        assert said == naive(row, rows, matches)


def naive(row: Row, rows: Sequence[Row], matches: Mapping[str, Match]) -> set[tuple[Code, str | None]]:
    """Codes and suggestions of one row, looking through the whole list for each question."""
    name = spelt(row)
    said = naive_of_match(row, matches)
    others = [other for other in rows if other.id != row.id]
    if name and any(spelt(other) == name for other in others):
        said.add((Code.UPN_DUPLICATE, None))
    user = naive_user(matches.get(examine(row.upn).name or ""))
    for other in others:
        other_user = naive_user(matches.get(examine(other.upn).name or ""))
        if user and other_user and user.id == other_user.id and spelt(other) != name:
            said.add((Code.USER_DUPLICATE, None))
    return said


def spelt(row: Row) -> str:
    """The name asked for, whichever of Unicode's forms it is in."""
    return normalize("NFKC", examine(row.upn).name or "").lower()


def naive_of_match(row: Row, matches: Mapping[str, Match]) -> set[tuple[Code, str | None]]:
    findings = examine(row.upn)
    match = matches.get(findings.name or "")
    if isinstance(match, Found):
        disabled = {(Code.USER_DISABLED, None)} if not match.user.enabled else set()
        return disabled | ({(Code.USER_GUEST, None)} if match.user.guest else set())
    if findings.name and (match is None or isinstance(match, CouldNotAsk)):
        return {(Code.ACCOUNT_UNAVAILABLE, None)}
    if findings.anomalies:
        meant = naive_user(matches.get(findings.candidate or "")) or naive_user(match)
        return {(anomaly.code, meant.upn if meant else None) for anomaly in findings.anomalies}
    if not isinstance(match, Absent):
        return {(Code.DOMAIN_NOT_CONFIGURED, None)}
    if match.alias_of:
        return {(Code.UPN_IS_ALIAS, match.alias_of.upn)}
    return {(Code.USER_DELETED if match.deleted_at else Code.USER_NOT_FOUND, None)}


def naive_user(match: Match | None) -> User | None:
    if isinstance(match, Found):
        return match.user
    return match.alias_of if isinstance(match, Absent) else None
