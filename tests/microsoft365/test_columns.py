"""Which column is meant, and the sentences for those that are not there or of no use."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from sync_agent.microsoft365.column_kinds import Kind, ListColumn
from sync_agent.microsoft365.columns import (
    APPROVAL,
    SPECIFICATIONS,
    ColumnNames,
    creation_name,
    find_column,
    match_columns,
    tell_unread,
)
from sync_agent.microsoft365.list_answers import ColumnsMissing, ListProblem
from sync_agent.model import OurColumn


def column(internal: str, display: str = "", kind: Kind = Kind.TEXT, choices: tuple[str, ...] = ()) -> ListColumn:
    return ListColumn(internal, display or internal, kind, internal, choices)


def ours(**kinds: Kind) -> list[ListColumn]:
    return [
        column(our.value, kind=kinds.get(our.value, specification.kind), choices=specification.choices)
        for our, specification in SPECIFICATIONS.items()
    ]


TITLE, UPN = column("Title"), column("UPN")
LINK_TITLE = column("LinkTitle", "Title", Kind.COMPUTED)
NAMES = ColumnNames("UPN", "Title")


APPROVALS = column(APPROVAL.column)
WITH_TEAM = replace(NAMES, team="Team")
WITH_APPROVAL = replace(NAMES, approval=APPROVAL.column)


@pytest.mark.parametrize("wanted", ["Agent_x0020_UPN", "Agent UPN", "agent upn", "AGENT_X0020_UPN"])
def test_a_column_is_found_by_internal_or_display_name(wanted: str) -> None:
    upn = column("Agent_x0020_UPN", "Agent UPN")
    assert find_column([TITLE, upn], wanted, "Agents", "a setting") is upn


def test_an_internal_name_goes_before_a_display_name() -> None:
    shown_as_upn = column("Title", "UPN")
    assert find_column([shown_as_upn, UPN], "UPN", "Agents", "a setting") is UPN


def test_computed_columns_that_repeat_a_display_name_are_not_meant() -> None:
    title = column("Title", "Agent")
    found = find_column([column("LinkTitle", "Agent", Kind.COMPUTED), title], "Agent", "Agents", "a setting")
    assert found is title


def test_two_columns_shown_alike_are_not_guessed_between() -> None:
    with pytest.raises(ListProblem, match="internal name: Upn1, Upn2"):
        find_column([column("Upn1", "Sign-in"), column("Upn2", "Sign-in")], "Sign-in", "Agents", "a setting")


def test_all_columns_found() -> None:
    columns = match_columns([TITLE, LINK_TITLE, UPN, *ours()], NAMES, "Agents")
    assert (columns.upn, columns.name) == (UPN, TITLE)
    assert columns.missing == []
    assert columns.complete("Agents") is columns
    assert columns.unwritable(NAMES) == ""


def test_missing_columns_of_ours_name_the_command() -> None:
    columns = match_columns([TITLE, UPN, *ours()[2:]], NAMES, "Agents")
    assert columns.missing == [OurColumn.STATUS, OurColumn.ANOMALIES]
    with pytest.raises(
        ColumnsMissing, match=r'"Agents" lacks .*: SyncStatus, SyncAnomalies. Run `sync-agent provision`'
    ):
        columns.complete("Agents")


def test_a_missing_upn_column_names_the_setting_and_near_names() -> None:
    with pytest.raises(ListProblem) as problem:
        match_columns([TITLE, column("UPN_x0020_name", "UPN name")], ColumnNames("UPN nam", "Title"), "Agents")
    assert str(problem.value) == (
        'sharepoint.columns.upn: the list "Agents" has no column "UPN nam". Did you mean "UPN name"?'
    )


@pytest.mark.parametrize("kind", [Kind.PERSON, Kind.LINK, Kind.NUMBER, Kind.RICH_NOTE])
def test_a_upn_column_of_another_type_is_refused(kind: Kind) -> None:
    with pytest.raises(ListProblem, match=f"is of type {kind}, but UPNs are read from .* single line of text"):
        match_columns([TITLE, column("UPN", kind=kind)], NAMES, "Agents")


@pytest.mark.parametrize(
    ("our", "kind", "fault"),
    [
        (OurColumn.SYNC_CHANGED_AT, Kind.TEXT, "is of type single line of text, but the service needs date and time"),
        (OurColumn.PRESENCE_CHANGED_AT, Kind.DATE, "is of type date without time, but the service needs date and time"),
        (OurColumn.PRESENCE, Kind.NUMBER, "is of type number, but the service needs single line of text"),
        (OurColumn.PRESENCE, Kind.RICH_NOTE, "is of type multiple lines of rich text"),
        (
            OurColumn.ANOMALIES,
            Kind.TEXT,
            "is of type single line of text, but the service needs multiple lines of text",
        ),
        (OurColumn.STATUS, Kind.CHOICES, "is of type choice with several values, but the service needs choice"),
    ],
)
def test_a_column_of_ours_of_a_type_that_loses_something_is_not_read_and_told(
    our: OurColumn, kind: Kind, fault: str
) -> None:
    columns = match_columns([TITLE, UPN, *ours(**{our.value: kind})], NAMES, "Agents")
    assert our not in columns.ours
    assert columns.missing == []
    assert columns.once_made("Agents") is columns
    said = columns.unwritable(NAMES)
    assert f'"{our}" {fault}' in said
    assert said.endswith("change it back, or delete it; then run `sync-agent provision`")
    with pytest.raises(ListProblem, match=rf"{our}.* {fault}.*`sync-agent provision`"):
        columns.complete("Agents")


def test_a_status_in_a_line_of_text_is_read_and_written() -> None:
    columns = match_columns([TITLE, UPN, *ours(SyncStatus=Kind.TEXT)], NAMES, "Agents")
    assert columns.complete("Agents") is columns
    assert columns.unwritable(NAMES) == ""


def test_a_choice_without_our_choices_is_told() -> None:
    status = column("SyncStatus", kind=Kind.CHOICE, choices=("OK", "Error"))
    columns = match_columns([TITLE, UPN, status, *ours()[1:]], NAMES, "Agents")
    assert '"SyncStatus" lacks the choice Warning, Unknown, but the service needs choice (OK, ' in columns.unwritable(
        NAMES
    )


def test_all_that_became_of_our_columns_is_told_at_once() -> None:
    renamed = replace(NAMES, ours={OurColumn.STATUS: "State"})
    existing = ours(Presence=Kind.NUMBER, PresenceActivity=Kind.NUMBER)[1:-1]
    assert match_columns([TITLE, UPN, *existing], renamed, "Agents").unwritable(renamed) == (
        'of the service\'s columns in the list, "State" and "SyncChangedAt" are missing, "Presence" is of type number, '
        'but the service needs single line of text and "PresenceActivity" is of type number, but the service needs '
        "single line of text: change them back, or delete them; then run `sync-agent provision`"
    )
    assert match_columns([TITLE, UPN, *ours()[1:]], NAMES, "Agents").unwritable(NAMES) == (
        'of the service\'s columns in the list, "SyncStatus" is missing: run `sync-agent provision`'
    )


def test_a_list_that_was_never_made_ready_has_none_of_our_columns_that_could_be_written() -> None:
    with pytest.raises(ColumnsMissing):
        match_columns([TITLE, UPN], NAMES, "Agents").once_made("Agents")
    theirs = column("Presence", kind=Kind.NUMBER)
    with pytest.raises(ListProblem, match=r"or give the service another name for Presence under sharepoint\.columns"):
        match_columns([TITLE, UPN, theirs], NAMES, "Agents").once_made("Agents")


def test_a_renamed_column_leaves_a_column_of_people_alone() -> None:
    theirs = column("Presence", kind=Kind.CHOICE)
    renamed = ColumnNames("UPN", "Title", {OurColumn.PRESENCE: "Teams presence"})
    others = [one for one in ours() if one.internal != OurColumn.PRESENCE]
    assert match_columns([TITLE, UPN, theirs, *others], renamed, "Agents").missing == [OurColumn.PRESENCE]
    made = column("Teamspresence", "Teams presence")
    assert match_columns([TITLE, UPN, theirs, made, *others], renamed, "Agents").ours[OurColumn.PRESENCE] is made


def test_a_column_of_people_is_never_taken_for_ours() -> None:
    names = ColumnNames("UPN", "Title", {OurColumn.ACCOUNT: "UPN"})
    with pytest.raises(ListProblem, match="named both for SyncAccount and for the UPN"):
        match_columns([TITLE, UPN, *ours()], names, "Agents")


@pytest.mark.parametrize(
    ("display", "name"),
    [
        ("SyncStatus", "SyncStatus"),
        ("Teams presence", "Teamspresence"),
        ("Präsenz <b>", "Prsenzb"),
        ("状態", "SyncAgentPresence"),
    ],
)
def test_internal_names_need_no_encoding(display: str, name: str) -> None:
    assert creation_name(OurColumn.PRESENCE, display) == name


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.CHOICE, Kind.CHOICES, Kind.LOOKUP, Kind.PERSON, Kind.OTHER])
def test_the_team_is_found_in_a_column_of_any_type_that_has_text(kind: Kind) -> None:
    team = column("Team", kind=kind)
    columns = match_columns([TITLE, UPN, team, *ours()], WITH_TEAM, "Agents")
    assert (columns.team, columns.team_unread) == (team, "")
    assert match_columns([TITLE, UPN, team, *ours()], NAMES, "Agents").team is None


@pytest.mark.parametrize(
    ("existing", "names", "said"),
    [
        ([column("Teams")], WITH_TEAM, 'team: the list "Agents" has no column "Team". Did you mean "Teams"?'),
        ([column("Team", kind=Kind.TERM)], WITH_TEAM, "is of type managed metadata, which this API does not give"),
        ([], replace(NAMES, team="Title"), 'column "Title" of the list "Agents" is named for something else already'),
        ([], replace(NAMES, team="SyncStatus"), "is named for something else already"),
        ([column("A", "Team"), column("B", "Team")], WITH_TEAM, "name one by its internal name: A, B"),
    ],
)
def test_a_team_that_cannot_be_read_is_told_and_stops_nothing(
    existing: list[ListColumn], names: ColumnNames, said: str
) -> None:
    columns = match_columns([TITLE, UPN, *existing, *ours()], names, "Agents")
    assert columns.complete("Agents").team is None
    assert said in columns.team_unread
    with capture_logs() as logs:
        tell_unread(columns, None)
        tell_unread(columns, columns)
        tell_unread(replace(columns, team_unread=""), columns)
        tell_unread(columns, replace(columns, team_unread=""))
    assert [(entry["event"], entry["reason"]) for entry in logs] == [("list_column_not_read", columns.team_unread)] * 2


def test_the_column_of_approvals_is_looked_for_only_where_it_is_wanted() -> None:
    existing = [TITLE, UPN, APPROVALS, *ours()]
    assert match_columns(existing, WITH_APPROVAL, "Agents").approval is APPROVALS
    assert match_columns(existing, NAMES, "Agents").approval is None
    renamed = replace(NAMES, approval="Approved")
    assert match_columns([*existing, column("Approved")], renamed, "Agents").approval == column("Approved")


def test_a_list_without_the_column_of_approvals_is_complete_all_the_same() -> None:
    columns = match_columns([TITLE, UPN, *ours()], WITH_APPROVAL, "Agents")
    assert columns.complete("Agents") is columns
    assert columns.to_make(WITH_APPROVAL) == [(APPROVAL, APPROVAL.column)]
    assert columns.to_make(replace(NAMES, approval="Approved")) == [(APPROVAL, "Approved")]
    assert columns.to_make(NAMES) == []


def test_approvals_in_the_column_of_the_upn_or_in_one_of_another_type_are_refused() -> None:
    with pytest.raises(ListProblem, match="named both for SyncApproveFix and for the UPN"):
        match_columns([TITLE, UPN, *ours()], replace(NAMES, approval="UPN"), "Agents")
    note = column(APPROVAL.column, kind=Kind.NOTE)
    with pytest.raises(ListProblem, match=r"SyncApproveFix.* is of type multiple lines of text"):
        match_columns([TITLE, UPN, note, *ours()], WITH_APPROVAL, "Agents")
    assert match_columns([TITLE, UPN, note, *ours()], NAMES, "Agents").complete("Agents").approval is None
