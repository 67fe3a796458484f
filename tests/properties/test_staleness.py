"""What grew too old says so, once, and is right again when it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.model import Code, Match, OurColumn, Presence, Row, Status, Verdict
from sync_agent.plan import plan, written
from sync_agent.reconcile import reconcile, with_presence
from sync_agent.staleness import Patience, Silence, aged
from tests.properties.worlds import MATCHES, NOW, PRESENCES, ROWS

PATIENCE = Patience()
SILENCES = st.none() | st.builds(
    Silence,
    st.integers(0, 200_000).map(lambda seconds: NOW - timedelta(seconds=seconds)),
    st.booleans(),
)


def judged(
    rows: list[Row],
    matches: dict[str, Match],
    names: Silence | None,
    presence: Silence | None,
    presences: Mapping[str, Presence],
) -> dict[int, Verdict]:
    told = {}
    for row in rows:
        verdict = reconcile(rows, matches)[row.id]
        read = None if verdict.user is None else presences.get(verdict.user.id)
        told[row.id] = with_presence(verdict, read, NOW, timedelta(days=1), row.shown)
    return {id_: aged(each, names, presence, PATIENCE, NOW) for id_, each in told.items()}


def applied(rows: list[Row], verdicts: dict[int, Verdict], presences: dict[str, Presence], now: datetime) -> list[Row]:
    changes = {change.row.id: change for change in plan(rows, verdicts, presences, now).changes}
    return [written(changes[row.id], row.etag) if row.id in changes else row for row in rows]


@given(ROWS, MATCHES, PRESENCES, SILENCES, SILENCES)
def test_it_is_written_once_whatever_the_reason_is_later(
    rows: list[Row],
    matches: dict[str, Match],
    presences: dict[str, Presence],
    names: Silence | None,
    presence: Silence | None,
) -> None:
    shown = applied(rows, judged(rows, matches, names, presence, presences), presences, NOW)
    assert not plan(shown, judged(shown, matches, names, presence, presences), presences, NOW).changes
    names, presence = (
        None if each is None else Silence(each.since, not each.not_believed) for each in (names, presence)
    )
    again = plan(shown, judged(shown, matches, names, presence, presences), presences, NOW + timedelta(hours=1))
    for change in again.changes:  # a reason that is no news only where it was told at all
        assert OurColumn.ANOMALIES not in change.values


@given(ROWS, MATCHES, PRESENCES, SILENCES, SILENCES)
def test_it_accuses_nobody_and_comes_back_as_if_nothing_had_been(
    rows: list[Row],
    matches: dict[str, Match],
    presences: dict[str, Presence],
    names: Silence | None,
    presence: Silence | None,
) -> None:
    answered = reconcile(rows, matches)
    for id_, verdict in judged(rows, matches, names, presence, {}).items():
        if names is not None and names.lasts(PATIENCE.verdict, NOW):
            assert verdict.status is Status.UNKNOWN
        before = {anomaly.code for anomaly in answered[id_].anomalies}
        assert {anomaly.code for anomaly in verdict.anomalies} - before <= {Code.ACCOUNT_UNAVAILABLE}
        assert verdict.user == answered[id_].user
    fresh = applied(rows, answered, presences, NOW)
    aside = applied(rows, judged(rows, matches, names, presence, presences), presences, NOW)
    for row, other in zip(fresh, applied(aside, answered, presences, NOW), strict=True):
        if answered[row.id].status is not Status.UNKNOWN and answered[row.id].user is not None:
            assert (row.shown.status, row.shown.object_id) == (other.shown.status, other.shown.object_id)


@given(ROWS, MATCHES, st.integers(0, 299))
def test_within_patience_nothing_is_another(rows: list[Row], matches: dict[str, Match], seconds: int) -> None:
    short = Silence(NOW - timedelta(seconds=seconds))
    assert judged(rows, matches, short, short, {}) == judged(rows, matches, None, None, {})
