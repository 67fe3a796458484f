"""Verdicts x presences x what rows show -> changes; and what stops a plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from msgspec import structs

from sync_agent.characters import LONGEST_TEXT
from sync_agent.fuses import Held, Safety, judge, let_through
from sync_agent.model import Anomaly, Change, Code, OurColumn, Presence, Row, Shown, Status, User, Verdict
from sync_agent.plan import LONGEST_ANOMALIES, Plan, plan, written

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=1)
JANE = User("id-jane", "jane@contoso.com")
OK = Verdict(1, Status.OK, (), JANE, "contoso")
MISSING = Anomaly(Code.UPN_MISSING, "The UPN is empty.", "Enter it.")
NOT_FOUND = Anomaly(Code.USER_NOT_FOUND, "Nobody in contoso has this UPN.", "Check it.")
SILENT = Anomaly(Code.ACCOUNT_UNAVAILABLE, "The tenant could not be asked: no answer.", "Nothing to do.")
WRONG = Verdict(1, Status.ERROR, (MISSING,))
UNKNOWN = Verdict(1, Status.UNKNOWN, (SILENT,))
AWAY = Presence("Away", "Inactive", since=EARLIER)
SHOWN = Shown("OK", "", "contoso", "id-jane", "Away", "Inactive", EARLIER, EARLIER)


def values(shown: Shown, verdict: Verdict, presence: Presence | None = None) -> dict[OurColumn, object]:
    """The change of one row that shows this, {} for none."""
    presences = {} if presence is None else {"id-jane": presence}
    changes = plan([Row(1, "jane@contoso.com", shown=shown)], {1: verdict}, presences, NOW).changes
    return dict(changes[0].values) if changes else {}


def test_a_row_that_shows_what_is_true_is_left_alone() -> None:
    assert values(SHOWN, OK, AWAY) == {}


def test_a_new_row_gets_all_that_is_known() -> None:
    assert values(Shown(), OK, AWAY) == {
        OurColumn.STATUS: "OK",
        OurColumn.ACCOUNT: "contoso",
        OurColumn.OBJECT_ID: "id-jane",
        OurColumn.PRESENCE: "Away",
        OurColumn.ACTIVITY: "Inactive",
        OurColumn.PRESENCE_CHANGED_AT: EARLIER,
        OurColumn.SYNC_CHANGED_AT: NOW,
    }


def test_a_row_that_lost_its_user_loses_all_that_was_of_the_user() -> None:
    assert values(SHOWN, structs.replace(WRONG, edited=True)) == {
        OurColumn.STATUS: "Error",
        OurColumn.ANOMALIES: "upn_missing: The UPN is empty. Enter it.",
        OurColumn.ACCOUNT: "",
        OurColumn.OBJECT_ID: "",
        OurColumn.PRESENCE: "",
        OurColumn.ACTIVITY: "",
        OurColumn.PRESENCE_CHANGED_AT: None,
        OurColumn.SYNC_CHANGED_AT: NOW,
    }


def test_anomalies_are_a_line_each() -> None:
    both = Verdict(1, Status.ERROR, (MISSING, NOT_FOUND))
    assert values(Shown(), both)[OurColumn.ANOMALIES] == f"{MISSING.line}\n{NOT_FOUND.line}"


@pytest.mark.parametrize("note", ["{}\r\n{}", "{}\n{}\n", "  {}\n\n{} ", "{}\r{}"])
def test_how_sharepoint_keeps_the_ends_of_lines_is_no_difference(note: str) -> None:
    both = Verdict(1, Status.ERROR, (MISSING, NOT_FOUND))
    assert values(Shown("Error", note.format(MISSING.line, NOT_FOUND.line)), both) == {}


@pytest.mark.parametrize(
    ("edited", "column"),
    [
        (structs.replace(SHOWN, status="Fine"), OurColumn.STATUS),
        (structs.replace(SHOWN, anomalies="looks good to me"), OurColumn.ANOMALIES),
        (structs.replace(SHOWN, account="fabrikam"), OurColumn.ACCOUNT),
        (structs.replace(SHOWN, presence="Lunch"), OurColumn.PRESENCE),
        (structs.replace(SHOWN, activity=""), OurColumn.ACTIVITY),
    ],
)
def test_a_cell_of_ours_that_a_person_edited_is_put_right(edited: Shown, column: OurColumn) -> None:
    assert set(values(edited, OK, AWAY)) - {OurColumn.PRESENCE_CHANGED_AT} == {column, OurColumn.SYNC_CHANGED_AT}


def test_the_time_of_the_last_change_is_never_written_alone() -> None:
    assert values(structs.replace(SHOWN, sync_changed_at=None), OK, AWAY) == {}


def test_a_new_presence_is_written_with_the_time_it_was_first_seen() -> None:
    busy = Presence("Busy", "InACall", since=NOW)
    assert values(SHOWN, OK, busy) == {
        OurColumn.PRESENCE: "Busy",
        OurColumn.ACTIVITY: "InACall",
        OurColumn.PRESENCE_CHANGED_AT: NOW,
        OurColumn.SYNC_CHANGED_AT: NOW,
    }


def test_a_presence_that_is_shown_already_keeps_its_time() -> None:
    """After a restart the service sees it for the first time; the row knows better."""
    assert values(SHOWN, OK, structs.replace(AWAY, since=NOW)) == {}


def test_the_time_of_a_presence_is_filled_in_where_it_is_missing() -> None:
    filled = values(structs.replace(SHOWN, presence_changed_at=None), OK, AWAY)
    assert filled == {OurColumn.PRESENCE_CHANGED_AT: EARLIER, OurColumn.SYNC_CHANGED_AT: NOW}


def test_times_are_whole_seconds_in_utc_as_sharepoint_keeps_them() -> None:
    odd = datetime(2026, 3, 2, 9, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    written_time = values(Shown(), OK, structs.replace(AWAY, since=odd))[OurColumn.PRESENCE_CHANGED_AT]
    assert str(written_time) == "2026-03-02 07:00:00+00:00"


def test_a_presence_that_could_not_be_asked_stays_as_it_is() -> None:
    assert values(SHOWN, OK) == {}


@pytest.mark.parametrize("other", ["id-joe", ""])
def test_the_presence_of_somebody_else_does_not_stay(other: str) -> None:
    change = values(structs.replace(SHOWN, object_id=other), OK)
    assert (change[OurColumn.OBJECT_ID], change[OurColumn.PRESENCE]) == ("id-jane", "")
    assert change[OurColumn.PRESENCE_CHANGED_AT] is None


def test_another_user_in_the_same_presence_has_a_time_of_their_own() -> None:
    change = values(structs.replace(SHOWN, object_id="id-joe"), OK, structs.replace(AWAY, since=NOW))
    assert change[OurColumn.PRESENCE_CHANGED_AT] == NOW


@pytest.mark.parametrize("status", ["OK", "Warning", "Error"])
def test_a_failed_question_leaves_a_shown_verdict_untouched(status: str) -> None:
    assert values(structs.replace(SHOWN, status=status), UNKNOWN) == {}


@pytest.mark.parametrize("status", ["", "Unknown", "Fine"])
def test_where_no_verdict_is_shown_unknown_is_with_its_reason(status: str) -> None:
    change = values(Shown(status=status), UNKNOWN)
    assert change[OurColumn.ANOMALIES] == SILENT.line
    assert change.get(OurColumn.STATUS, status) == "Unknown"


def test_an_error_of_the_row_itself_is_written_even_if_something_could_not_be_asked() -> None:
    assert values(SHOWN, Verdict(1, Status.ERROR, (MISSING, SILENT)))[OurColumn.STATUS] == "Error"


def test_no_value_is_longer_than_its_column_holds() -> None:
    long = Verdict(1, Status.ERROR, (structs.replace(MISSING, wrong="x" * 9_000),), User("🙂" * 300, "j"), "c" * 300)
    change = values(Shown(), long, None)
    assert len(str(change[OurColumn.ANOMALIES])) == LONGEST_ANOMALIES
    assert change[OurColumn.ACCOUNT] == "c" * LONGEST_TEXT
    assert change[OurColumn.OBJECT_ID] == "🙂" * (LONGEST_TEXT // 2)  # SharePoint counts each as two


def test_outer_blanks_that_a_text_column_would_drop_are_not_planned() -> None:
    assert values(SHOWN, structs.replace(OK, account=" contoso "), structs.replace(AWAY, availability="Away ")) == {}


def test_what_was_written_is_what_the_row_shows_next() -> None:
    row = Row(1, "jane@contoso.com", "Jane", SHOWN, "old")
    change = plan([row], {1: WRONG}, {}, NOW).changes[0]
    shown = Shown("Error", MISSING.line, object_id="id-jane", sync_changed_at=NOW)
    assert written(change, "new") == Row(1, "jane@contoso.com", "Jane", shown, "new")


# The checksum


def checksum(row: Row, verdict: Verdict = WRONG, presence: Presence = AWAY, now: datetime = NOW) -> str:
    return plan([row], {row.id: structs.replace(verdict, row_id=row.id)}, {"id-jane": presence}, now).checksum


ROW = Row(1, "jane@contoso.com", "Jane", Shown(), "etag")


def test_the_same_plan_has_the_same_checksum_a_minute_later() -> None:
    later = NOW + timedelta(minutes=1)
    assert checksum(ROW, OK) == checksum(ROW, OK, Presence("Busy", "Busy", later), later)
    assert len(checksum(ROW)) == 16


@pytest.mark.parametrize(
    "other",
    [
        structs.replace(ROW, etag="other"),
        structs.replace(ROW, upn="joe@contoso.com"),
        structs.replace(ROW, upn="\ud800"),
        structs.replace(ROW, id=2),
        structs.replace(ROW, shown=Shown("Error")),
    ],
)
def test_another_row_or_another_version_of_it_has_another_checksum(other: Row) -> None:
    assert checksum(other) != checksum(ROW)


def test_another_verdict_has_another_checksum() -> None:
    assert checksum(ROW, OK) != checksum(ROW, WRONG) != checksum(ROW, UNKNOWN)


def test_the_order_of_rows_does_not_change_the_checksum() -> None:
    changes = tuple(Change(Row(id_, None), {OurColumn.STATUS: "OK"}) for id_ in range(5))
    assert Plan(changes).checksum == Plan(changes[::-1]).checksum


def test_presence_alone_does_not_change_the_checksum() -> None:
    presence_only = Change(ROW, {OurColumn.PRESENCE: "Busy", OurColumn.SYNC_CHANGED_AT: NOW})
    assert Plan((presence_only,)).checksum == Plan().checksum


# The fuses

DEFAULT = Safety()


def judged(
    worsened: int, well: int, verdict: Verdict = WRONG, *, known: int | None = None, safety: Safety = DEFAULT
) -> Held | None:
    """A list of ``well`` rows that show OK, of which ``worsened`` turn."""
    rows = [Row(id_, "jane@contoso.com", shown=SHOWN) for id_ in range(well)]
    verdicts = {id_: structs.replace(verdict if id_ < worsened else OK, row_id=id_) for id_ in range(well)}
    return judge(plan(rows, verdicts, {}, NOW), rows, safety, known)


@pytest.mark.parametrize(
    ("worsened", "well", "held"),
    [(9, 9, False), (10, 10, True), (10, 33, True), (10, 34, False), (30, 100, False), (31, 100, True), (0, 0, False)],
)
def test_a_plan_is_held_when_too_many_rows_would_worsen(worsened: int, well: int, held: bool) -> None:
    assert (judged(worsened, well) is not None) is held


def test_a_held_plan_says_which_and_why() -> None:
    held = judged(50, 100, Verdict(0, Status.ERROR, (NOT_FOUND,)))
    assert held is not None
    assert (held.fuse, held.rows, held.of, held.limit) == ("max_worsened", 50, 100, "30%")
    assert held.cause == "50 of 50: user_not_found in account contoso"
    assert len(held.checksum) == 16


def test_the_cause_is_the_one_of_most_rows() -> None:
    rows = [Row(id_, "jane@Fabrikam.com", shown=SHOWN) for id_ in range(20)]
    gone = Anomaly(Code.DOMAIN_NOT_CONFIGURED, "No tenant.", "Ask.")
    verdicts = {id_: Verdict(id_, Status.ERROR, (gone if id_ < 12 else NOT_FOUND,)) for id_ in range(20)}
    held = judge(plan(rows, verdicts, {}, NOW), rows, Safety(), None)
    assert held is not None
    assert held.cause == "12 of 20: fabrikam.com is no longer a domain of account contoso (domain_not_configured)"


@pytest.mark.parametrize("status", ["", "Warning", "Error", "Unknown"])
def test_only_rows_that_show_ok_can_worsen(status: str) -> None:
    rows = [Row(id_, None, shown=Shown(status)) for id_ in range(50)]
    verdicts = {id_: structs.replace(WRONG, row_id=id_) for id_ in range(50)}
    assert judge(plan(rows, verdicts, {}, NOW), rows, Safety(max_wrong_at_first=1), 50) is None


@pytest.mark.parametrize(("wrong", "of", "held"), [(24, 24, False), (25, 25, True), (25, 50, False), (26, 50, True)])
def test_a_first_look_that_finds_most_of_the_list_wrong_writes_nothing(wrong: int, of: int, held: bool) -> None:
    rows = [Row(id_, "jane@contoso.com") for id_ in range(of)]
    verdicts = {id_: structs.replace(WRONG if id_ < wrong else OK, row_id=id_) for id_ in range(of)}
    said = judge(plan(rows, verdicts, {}, NOW), rows, Safety(), None)
    assert (None if said is None else (said.fuse, said.rows, said.of, said.limit, said.row_ids)) == (
        ("max_wrong_at_first", wrong, of, "50%", None) if held else None
    )
    seen = [structs.replace(row, shown=Shown("Error" if row.id == 0 else "")) for row in rows]
    assert judge(plan(seen, verdicts, {}, NOW), seen, Safety(), None) is None


def shows(account: str) -> Shown:
    return structs.replace(SHOWN, account=account)


def test_a_tenants_trouble_holds_the_rows_of_that_tenant_and_no_others() -> None:
    rows = [Row(id_, "jane@contoso.com", shown=shows("small" if id_ < 20 else "large")) for id_ in range(200)]
    lost = {id_: structs.replace(WRONG, row_id=id_) for id_ in range(25)}  # all of the small one, five of the large one
    verdicts = {row.id: lost.get(row.id, structs.replace(OK, row_id=row.id, account=row.shown.account)) for row in rows}
    made = plan(rows, verdicts, {}, NOW)
    held = judge(made, rows, Safety(), 200)
    assert held is not None
    assert (held.fuse, held.rows, held.of, held.row_ids) == ("max_worsened", 20, 20, frozenset(range(20)))
    assert let_through(made, held, rows, held.checksum) is None
    assert let_through(made, held, rows, made.checksum) is None
    other = let_through(made, held, rows, "c0ffee")
    assert other is not None
    assert (other.fuse, other.checksum, other.row_ids) == ("approve", made.checksum, None)


def test_many_small_tenants_that_lose_a_few_each_are_held_together() -> None:
    rows = [Row(id_, "jane@contoso.com", shown=shows(f"a{id_ % 10}")) for id_ in range(100)]
    verdicts = {
        row.id: structs.replace(WRONG if row.id < 40 else structs.replace(OK, account=row.shown.account), row_id=row.id)
        for row in rows
    }
    held = judge(plan(rows, verdicts, {}, NOW), rows, Safety(), 100)
    assert held is not None
    assert (held.rows, held.of, held.row_ids) == (40, 100, frozenset(range(40)))


def test_with_nothing_left_to_do_an_approval_holds_nothing() -> None:
    assert let_through(Plan(), None, (), "c0ffee") is None


def test_a_silent_tenant_blows_no_fuse() -> None:
    assert judged(50, 50, UNKNOWN) is None


@pytest.mark.parametrize(
    ("known", "rows", "held"), [(100, 50, False), (100, 49, True), (None, 0, False), (0, 0, False)]
)
def test_a_plan_is_held_when_too_many_rows_are_gone(known: int | None, rows: int, held: bool) -> None:
    assert (judged(0, rows, known=known) is not None) is held


def test_rows_gone_are_told_before_rows_worsened() -> None:
    held = judged(40, 40, known=200)
    assert held is not None
    assert (held.fuse, held.rows, held.of, held.limit) == ("max_missing_rows", 160, 200, "50%")
    assert held.cause == "160 of 200 rows are no longer in the list"


def test_rows_gone_are_let_go_by_their_own_checksum_alone() -> None:
    """Also where nothing else is to be written: the plan is then the same whichever rows are gone."""
    rows = [Row(id_, "jane@contoso.com") for id_ in range(20)]
    held, more = judge(Plan(), rows, Safety(), 60), judge(Plan(), rows[:19], Safety(), 60)
    assert held is not None and more is not None
    assert held.checksum not in (Plan().checksum, more.checksum)
    assert let_through(Plan(), held, rows, held.checksum) is None
    for other in ("c0ffee", Plan().checksum, more.checksum):
        still = let_through(Plan(), held, rows, other)
        assert still is not None
        assert (still.fuse, still.checksum, still.row_ids) == ("approve", held.checksum, None)
        assert "the fuse max_missing_rows holds all of that (40 of 60 rows are no longer in the list)" in still.cause


def test_the_limits_are_settings() -> None:
    assert judged(50, 100, safety=Safety(max_worsened=0.5)) is None
    assert judged(5, 10, safety=Safety(max_worsened_floor=5)) is not None
    assert judged(0, 10, known=100, safety=Safety(max_missing_rows=0.9)) is None


BLANK = Anomaly(Code.UPN_WHITESPACE, "There is a blank before the UPN.", "Retype it without.")
SUGGESTING = structs.replace(BLANK, remedy="Did you mean jane@contoso.com?", suggestion="jane@contoso.com")


@pytest.mark.parametrize(
    ("unsure", "shown_as", "writes"),
    [(True, SUGGESTING, False), (False, SUGGESTING, True), (True, MISSING, True)],
)
def test_a_suggestion_stays_while_nobody_can_be_asked_for_it(unsure: bool, shown_as: Anomaly, writes: bool) -> None:
    shown = Shown("Error", shown_as.line)
    assert bool(values(shown, Verdict(1, Status.ERROR, (BLANK,), unsure=unsure))) is writes


DELETED = Anomaly(Code.USER_DELETED, "This user was deleted on 2026-02-01.", "Ask IT to restore it.")


@pytest.mark.parametrize(
    ("unsure", "shown_as", "writes"),
    [(True, DELETED, False), (False, DELETED, True), (True, MISSING, True)],
)
def test_what_is_known_of_an_absence_stays_while_it_cannot_be_asked_for(
    unsure: bool, shown_as: Anomaly, writes: bool
) -> None:
    shown = Shown("Error", shown_as.line)
    assert bool(values(shown, Verdict(1, Status.ERROR, (NOT_FOUND,), unsure=unsure))) is writes


def test_a_row_that_is_not_known_is_not_written_again_for_another_reason() -> None:
    other = structs.replace(SILENT, wrong="The tenant could not be asked: request 4711 was refused.")
    assert values(Shown("Unknown", other.line), UNKNOWN) == {}
    assert values(Shown("", ""), UNKNOWN)[OurColumn.STATUS] == "Unknown"
