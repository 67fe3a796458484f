"""Which approvals are followed, and what is said of the others."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sync_agent.fixes import Fixes, Sighting, confirmed, first_seen, judge_fixes, plan_fixes
from sync_agent.fuses import Safety
from sync_agent.model import Absent, Anomaly, Code, CouldNotAsk, Fix, Found, Match, Row, Status, User, Verdict

JANE = "jane.doe@contoso.com"
ALIAS = Anomaly(Code.UPN_IS_ALIAS, "It is an alias.", "Write the UPN.", JANE)
MISSING = Anomaly(Code.UPN_MISSING, "It is empty.", "Type it.")


def row(id_: int = 1, upn: str | None = "jd@contoso.com", approved: str = JANE) -> Row:
    return Row(id_, upn, approved=approved)


def wrong(id_: int = 1, *anomalies: Anomaly, unsure: bool = False, status: Status = Status.ERROR) -> Verdict:
    return Verdict(id_, status, anomalies or (ALIAS,), unsure=unsure)


def planned(*rows: Row, **verdicts: Verdict) -> Fixes:
    """``verdicts`` as ``_1`` by row id; rows without one are wrong and have Jane suggested."""
    by_id = {each.id: verdicts.get(f"_{each.id}", wrong(each.id)) for each in rows}
    return plan_fixes(rows, by_id, set(by_id), first_seen({}, rows))


def reasons(made: Fixes) -> dict[int, str]:
    return {each.row_id: each.reason for each in made.unfollowed}


def test_what_was_approved_and_is_suggested_is_a_fix() -> None:
    assert planned(row()) == Fixes((Fix(row(), JANE, Code.UPN_IS_ALIAS),))
    assert planned(row(approved="")) == Fixes()


@pytest.mark.parametrize("approved", [f" {JANE}", f"{JANE}\r\n", f"\u00a0{JANE}\u200b"])
def test_blanks_around_an_approval_are_passed_over(approved: str) -> None:
    assert [fix.upn for fix in planned(row(approved=approved)).fixes] == [JANE]


@pytest.mark.parametrize(
    "approved", ["yes", "Jane.Doe@contoso.com", "jane.doe@contoso.co", f"{JANE};", "jane. doe@contoso.com"]
)
def test_nothing_else_is_passed_over(approved: str) -> None:
    made = planned(row(approved=approved))
    assert (made.fixes, reasons(made)) == ((), {1: f"the suggestion is {JANE} now"})


def test_of_several_suggestions_any_can_be_approved() -> None:
    guest = Anomaly(Code.USER_GUEST, "A guest.", "Use the home UPN.", "jane@home.com")
    made = planned(row(approved="jane@home.com"), _1=wrong(1, ALIAS, guest))
    assert [(fix.upn, fix.code) for fix in made.fixes] == [("jane@home.com", Code.USER_GUEST)]
    assert reasons(planned(row(approved="x"), _1=wrong(1, ALIAS, guest))) == {
        1: f"the suggestion is {JANE} and jane@home.com now"
    }


def test_where_nothing_is_suggested_that_is_said() -> None:
    assert reasons(planned(row(upn=""), _1=wrong(1, MISSING))) == {1: "nothing is suggested for this row now"}


def test_of_an_approval_that_has_done_its_work_nothing_is_said() -> None:
    assert planned(row(upn=JANE), _1=Verdict(1, Status.OK)) == Fixes()
    assert planned(row(upn="other@contoso.com"), _1=Verdict(1, Status.OK)) == Fixes()
    assert planned(row(upn=JANE), _1=wrong(1, ALIAS)) == Fixes()


@pytest.mark.parametrize("verdict", [wrong(unsure=True), wrong(status=Status.UNKNOWN)])
def test_an_unsure_verdict_fixes_nothing(verdict: Verdict) -> None:
    made = planned(row(), _1=verdict)
    assert made.fixes == ()
    assert "not all that could speak against it could be asked" in reasons(made)[1]


def test_a_row_of_which_not_all_was_asked_waits() -> None:
    made = plan_fixes([row()], {1: wrong()}, set(), first_seen({}, [row()]))
    assert (made.fixes, len(made.unfollowed)) == ((), 1)


@pytest.mark.parametrize("held", [JANE, JANE.upper(), f" {JANE} ", f"mailto:{JANE}"])
def test_a_upn_that_another_row_has_is_not_written_again(held: str) -> None:
    made = planned(row(1), row(7, held, ""))
    assert (made.fixes, reasons(made)) == ((), {1: "row 7 has it already"})


def test_a_row_that_has_the_upn_itself_in_another_spelling_may_be_fixed() -> None:
    assert [fix.row.id for fix in planned(row(1, f" {JANE}")).fixes] == [1]


def test_of_two_rows_approved_for_one_upn_neither_is_fixed() -> None:
    made = planned(row(1), row(2), row(3, approved=""))
    assert made.fixes == ()
    assert reasons(made) == {1: "it is approved for row 2 too", 2: "it is approved for row 1 too"}


@pytest.mark.parametrize(
    ("match", "reason"),
    [
        (Absent("contoso"), "no tenant has a user of this UPN any more"),
        (CouldNotAsk("away", datetime(2026, 1, 1, tzinfo=UTC)), "not all that could speak against it"),
        (None, "not all that could speak against it"),
    ],
)
def test_a_upn_that_is_nobodys_by_now_is_not_written(match: Match | None, reason: str) -> None:
    made = confirmed(planned(row()), {} if match is None else {JANE: match})
    assert made.fixes == ()
    assert reasons(made)[1].startswith(reason)
    assert confirmed(planned(row()), {JANE: Found(User("id", JANE), "contoso")}).fixes == planned(row()).fixes


def test_many_at_once_are_held_with_their_numbers() -> None:
    rows = [row(id_, approved=f"user{id_}@contoso.com") for id_ in range(1, 31)]
    verdicts = {each.id: wrong(each.id, Anomaly(Code.USER_RENAMED, "w", "r", each.approved)) for each in rows}
    made = plan_fixes(rows, verdicts, set(verdicts), first_seen({}, rows))
    held = judge_fixes(made, 100, Safety())
    assert held is not None
    assert (held.fuse, held.rows, held.of, held.limit, held.cause) == (
        "max_fixes",
        30,
        100,
        "10%",
        "30 of 30: user_renamed",
    )
    assert judge_fixes(made, 300, Safety()) is None
    assert judge_fixes(made, 100, Safety(max_fixes=0.3)) is None
    assert judge_fixes(made, 30, Safety(max_worsened_floor=31)) is None


def test_the_checksum_is_bound_to_rows_and_upns_and_to_no_version() -> None:
    made = planned(row())
    assert planned(Row(1, "jd@contoso.com", "Jane", etag="5", approved=JANE)).checksum == made.checksum
    assert planned(row(2)).checksum != made.checksum
    assert planned(row(1, "j@contoso.com")).checksum != made.checksum


def seen_as(*rows: Row) -> Fixes:
    """One row as it was read time after time; what is made of the last reading."""
    seen: dict[int, Sighting] = {}
    for each in rows:
        seen = first_seen(seen, [each])
    return plan_fixes([rows[-1]], {1: wrong()}, {1}, seen)


def test_an_approval_is_void_once_the_upn_is_edited_and_stays_so_when_the_edit_is_undone() -> None:
    edited = row(upn="somebody.else@contoso.com")
    for rows in ([row(), edited], [row(), edited, row()]):
        made = seen_as(*rows)
        assert made.fixes == ()
        assert reasons(made)[1].startswith("the UPN was edited after that. To approve it")


def test_an_approval_that_was_emptied_or_was_another_before_counts_for_the_upn_of_now() -> None:
    edited = row(upn="somebody.else@contoso.com")
    for between in (row(approved=""), row(approved="another@contoso.com")):
        assert [fix.row for fix in seen_as(row(), between, edited).fixes] == [edited]


def test_a_void_approval_of_a_row_that_is_right_is_nobodys_concern() -> None:
    seen = first_seen(first_seen({}, [row()]), [row(upn=JANE)])
    assert plan_fixes([row(upn=JANE)], {1: Verdict(1, Status.OK)}, {1}, seen) == Fixes()
