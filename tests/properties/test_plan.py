"""Plans over any list, any verdicts and any presences."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.characters import LONGEST_TEXT
from sync_agent.fuses import Safety, judge
from sync_agent.model import Anomaly, Code, Match, OurColumn, Presence, Row, Status, Verdict
from sync_agent.plan import LONGEST_ANOMALIES, Plan, plan, written
from sync_agent.reconcile import reconcile, with_presence
from tests.properties.worlds import ACCOUNTS, MATCHES, NOW, PRESENCES, ROWS, USERS

LATER = NOW + timedelta(minutes=1)
ANOMALIES = st.lists(
    st.builds(Anomaly, st.sampled_from(Code), st.text(max_size=9) | st.just("x" * 4000), st.text(max_size=9))
)
TEXTS = (OurColumn.ACCOUNT, OurColumn.OBJECT_ID, OurColumn.PRESENCE, OurColumn.ACTIVITY)


def applied(made: Plan, rows: list[Row]) -> list[Row]:
    after = {change.row.id: written(change, "new") for change in made.changes}
    return [after.get(row.id, row) for row in rows]


@st.composite
def verdicts_of(draw: st.DrawFn, rows: list[Row]) -> dict[int, Verdict]:
    """Any verdicts, also such as the reconciler would never give."""
    made = {}
    for row in rows:
        user = draw(st.none() | USERS)
        anomalies = tuple(draw(ANOMALIES))
        made[row.id] = Verdict(row.id, draw(st.sampled_from(Status)), anomalies, user, draw(ACCOUNTS) if user else "")
    return made


@given(ROWS, PRESENCES, st.data())
def test_a_plan_made_again_after_it_was_applied_is_empty(
    rows: list[Row], presences: dict[str, Presence], data: st.DataObject
) -> None:
    verdicts = data.draw(verdicts_of(rows))
    after = applied(plan(rows, verdicts, presences, NOW), rows)
    assert plan(after, verdicts, presences, LATER) == Plan()


@given(ROWS, MATCHES, PRESENCES)
def test_so_it_is_when_the_verdicts_are_made_again_too(
    rows: list[Row], matches: dict[str, Match], presences: dict[str, Presence]
) -> None:
    def made(of: list[Row]) -> Plan:
        verdicts = reconcile(of, matches)
        for row in of:
            user = verdicts[row.id].user
            presence = None if user is None else presences.get(user.id)
            verdicts[row.id] = with_presence(verdicts[row.id], presence, NOW, timedelta(days=1), row.shown)
        return plan(of, verdicts, presences, NOW)

    once = applied(made(rows), rows)
    twice = applied(made(once), once)
    assert made(twice) == Plan()


@given(ROWS, PRESENCES, st.data())
def test_a_change_holds_only_what_differs_of_our_columns_and_fits_into_them(
    rows: list[Row], presences: dict[str, Presence], data: st.DataObject
) -> None:
    for change in plan(rows, data.draw(verdicts_of(rows)), presences, NOW).changes:
        values = change.values
        assert all(isinstance(column, OurColumn) for column in values)
        assert len(values) > 1
        assert values[OurColumn.SYNC_CHANGED_AT] == NOW
        assert len(str(values.get(OurColumn.ANOMALIES, ""))) <= LONGEST_ANOMALIES
        for column in TEXTS:
            assert len(str(values.get(column, "")).encode("utf-16-le")) <= 2 * LONGEST_TEXT
        after = written(change, change.row.etag)
        assert (after.id, after.upn, after.name, after.etag) == (
            change.row.id,
            change.row.upn,
            change.row.name,
            change.row.etag,
        )


@given(ROWS, MATCHES, PRESENCES)
def test_presence_is_shown_of_matched_users_only(
    rows: list[Row], matches: dict[str, Match], presences: dict[str, Presence]
) -> None:
    verdicts = reconcile(rows, matches)
    before = {row.id: row.shown.object_id for row in rows}
    for row in applied(plan(rows, verdicts, presences, NOW), rows):
        if verdicts[row.id].user is None and verdicts[row.id].status is not Status.UNKNOWN:
            assert (row.shown.presence, row.shown.activity, row.shown.presence_changed_at) == ("", "", None)
            assert row.shown.account == ""
            # The id of a former user stays, by which they are found again, unless the UPN was typed anew.
            assert row.shown.object_id == ("" if verdicts[row.id].edited else before[row.id])


@given(ROWS, PRESENCES)
def test_when_nobody_answers_no_shown_verdict_changes(rows: list[Row], presences: dict[str, Presence]) -> None:
    verdicts = reconcile(rows, {})
    for change in plan(rows, verdicts, presences, NOW).changes:
        verdict = verdicts[change.row.id]
        assert verdict.status is Status.ERROR or change.row.shown.status not in ("OK", "Warning", "Error")


@given(ROWS, MATCHES, PRESENCES)
def test_checksum_and_fuses_do_not_depend_on_the_order_of_rows(
    rows: list[Row], matches: dict[str, Match], presences: dict[str, Presence]
) -> None:
    strict = Safety(max_worsened=0, max_worsened_floor=1)
    verdicts = reconcile(rows, matches)
    backwards = rows[::-1]
    made, other = (plan(of, verdicts, presences, NOW) for of in (rows, backwards))
    assert made.checksum == other.checksum
    assert judge(made, rows, strict, None) == judge(other, backwards, strict, None)


@given(ROWS, MATCHES)
def test_a_plan_in_which_no_row_turns_from_ok_is_never_held(rows: list[Row], matches: dict[str, Match]) -> None:
    strict = Safety(max_worsened=0, max_worsened_floor=1)
    made = plan(rows, reconcile(rows, matches), {}, NOW)
    turned = [
        change for change in made.changes if change.row.shown.status == "OK" and OurColumn.STATUS in change.values
    ]
    assert (judge(made, rows, strict, len(rows)) is not None) is bool(turned)
