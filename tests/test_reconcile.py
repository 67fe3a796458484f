"""Rows x answers -> verdicts, decision by decision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from sync_agent import anomalies
from sync_agent.model import (
    Absent,
    Code,
    CouldNotAsk,
    Found,
    Match,
    NoTenant,
    Presence,
    Row,
    Shown,
    Status,
    User,
    Verdict,
)
from sync_agent.reconcile import names_to_ask, reconcile, with_presence

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DAY = timedelta(hours=24)
JANE = User("id-jane", "Jane.Doe@contoso.com", "Jane Doe")
FOUND = Found(JANE, "contoso")
NOBODY = Absent("contoso")
SILENT = CouldNotAsk("contoso: no answer within 30 s.", NOW)


def verdict(cell: str | None, itself: Match | None = None, *, jane: Match | None = None) -> Verdict:
    """The verdict on a list of one row: ``itself`` answers for the cell, ``jane`` for jane.doe@contoso.com."""
    answers = {(cell or "").lower(): itself} if itself is not None else {}
    if jane is not None:
        answers["jane.doe@contoso.com"] = jane
    return reconcile([Row(7, cell)], answers)[7]


def codes(of: Verdict) -> list[Code]:
    return [anomaly.code for anomaly in of.anomalies]


def test_a_upn_that_a_tenant_has_is_ok_whatever_its_case() -> None:
    assert verdict("JANE.DOE@Contoso.com", jane=FOUND) == Verdict(7, Status.OK, (), JANE, "contoso")


@pytest.mark.parametrize("cell", ["$jane@contoso.com", "müller@contoso.com", "j" * 70 + "@contoso.com"])
def test_the_directory_trumps_the_rules_of_spelling(cell: str) -> None:
    assert verdict(cell, FOUND).status is Status.OK


@pytest.mark.parametrize("answer", [SILENT, None])
def test_what_the_directory_may_lift_is_not_held_against_a_row_before_it_answers(answer: Match | None) -> None:
    judged = verdict("$jane@contoso.com", answer)
    assert (judged.status, codes(judged)) == (Status.UNKNOWN, [Code.ACCOUNT_UNAVAILABLE])


@pytest.mark.parametrize("answer", [NOBODY, NoTenant("contoso.com")])
def test_a_wrong_spelling_that_nobody_has_is_one_anomaly(answer: Match) -> None:
    assert codes(verdict("jane+x@contoso.com", answer)) == [Code.UPN_CHARACTER]


@pytest.mark.parametrize(
    "cell",
    [" jane.doe@contoso.com", "Jane Doe <jane.doe@contoso.com>", "jane.doe@contoso.com;", "ｊane.doe@contoso.com"],
)
def test_what_the_cell_means_is_suggested_once_it_is_confirmed(cell: str) -> None:
    judged = verdict(cell, NOBODY, jane=FOUND)
    assert [anomaly.suggestion for anomaly in judged.anomalies] == ["Jane.Doe@contoso.com"]
    assert judged.anomalies[0].line.endswith(" Did you mean Jane.Doe@contoso.com?")


@pytest.mark.parametrize("answer", [NOBODY, NoTenant("contoso.com"), SILENT])
def test_what_is_not_confirmed_is_not_suggested(answer: Match) -> None:
    assert [anomaly.suggestion for anomaly in verdict(" jane.doe@contoso.com", jane=answer).anomalies] == [None]


def test_what_the_cell_means_never_makes_the_row_matched() -> None:
    judged = verdict(" jane.doe@contoso.com", jane=FOUND)
    assert (judged.status, judged.user, judged.account) == (Status.ERROR, None, "")


def test_a_wrong_cell_is_an_error_even_while_the_tenant_is_silent() -> None:
    judged = verdict(" jane.doe@contoso.com", jane=SILENT)
    assert (judged.status, codes(judged)) == (Status.ERROR, [Code.UPN_WHITESPACE])


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (NOBODY, Code.USER_NOT_FOUND, "Nobody in contoso has this UPN."),
        (Absent("contoso", deleted_at=NOW), Code.USER_DELETED, "deleted on 2026-03-02."),
        (NoTenant("fabrikam.com", "tenant 42"), Code.DOMAIN_NOT_CONFIGURED, "fabrikam.com; it belongs to tenant 42."),
        (NoTenant("fabrikam.com"), Code.DOMAIN_NOT_CONFIGURED, "fabrikam.com; whose it is, is not known here."),
        (
            NoTenant("contoso.con", nobodys=True),
            Code.DOMAIN_NOT_CONFIGURED,
            "contoso.con; no Microsoft 365 tenant has it.",
        ),
    ],
)
def test_an_absence_is_an_error_with_its_reason(answer: Match, code: Code, said: str) -> None:
    judged = verdict("jane.doe@contoso.com", jane=answer)
    assert (judged.status, codes(judged), judged.user) == (Status.ERROR, [code], None)
    assert said in judged.anomalies[0].wrong


@pytest.mark.parametrize("enabled", [True, False])
def test_an_alias_suggests_the_upn_even_of_a_disabled_user(enabled: bool) -> None:
    user = User("id-jane", "Jane.Doe@contoso.com", "Jane Doe", enabled=enabled)
    judged = verdict("jd@contoso.com", Absent("contoso", deleted_at=NOW, alias_of=user))
    assert (judged.status, codes(judged), judged.user) == (Status.ERROR, [Code.UPN_IS_ALIAS], None)
    assert judged.anomalies[0].suggestion == "Jane.Doe@contoso.com"
    assert judged.anomalies[0].message == (
        "This is a mail address or alias of Jane Doe, not the UPN. Did you mean Jane.Doe@contoso.com?"
    )


def test_a_misspelt_cell_that_is_an_alias_suggests_the_user() -> None:
    judged = verdict(" jane.doe@contoso.com", jane=Absent("contoso", alias_of=JANE))
    assert (codes(judged), judged.anomalies[0].suggestion) == ([Code.UPN_WHITESPACE], JANE.upn)


def test_a_failed_question_is_no_accusation() -> None:
    judged = verdict("jane.doe@contoso.com", jane=SILENT)
    assert (judged.status, codes(judged)) == (Status.UNKNOWN, [Code.ACCOUNT_UNAVAILABLE])
    assert judged.anomalies[0].wrong == "The tenant could not be asked at the moment; IT knows more."


@pytest.mark.parametrize(
    ("silence", "said"),
    [
        ({}, "could not be asked at the moment"),
        ({"nobody_there": True}, "does not exist"),
        ({"not_believed": True}, "is not believed at the moment"),
    ],
)
def test_a_cell_holds_no_text_for_administrators(silence: dict[str, bool], said: str) -> None:
    reason = "GET /users in a batch was refused: 403, x. Give the app the permission User.Read.All with admin consent."
    judged = verdict("jane.doe@contoso.com", jane=CouldNotAsk(reason, NOW, **silence))
    (anomaly,) = judged.anomalies
    assert said in anomaly.wrong and "IT knows more" in anomaly.wrong
    assert anomaly.remedy == "Nothing to do in the list: it is asked again by itself."
    assert not any(word in anomaly.message for word in ("GET", "403", "permission"))


def test_a_name_that_was_never_asked_about_is_unknown() -> None:
    judged = verdict("jane.doe@contoso.com")
    assert (judged.status, codes(judged)) == (Status.UNKNOWN, [Code.ACCOUNT_UNAVAILABLE])
    assert "not asked yet" in judged.anomalies[0].wrong


@pytest.mark.parametrize(
    ("enabled", "guest", "status", "wanted"),
    [
        (False, False, Status.ERROR, [Code.USER_DISABLED]),
        (True, True, Status.WARNING, [Code.USER_GUEST]),
        (False, True, Status.ERROR, [Code.USER_DISABLED, Code.USER_GUEST]),
    ],
)
def test_disabled_users_and_guests_are_matched_and_told(
    enabled: bool, guest: bool, status: Status, wanted: list[Code]
) -> None:
    user = User("id", "jane.doe@contoso.com", enabled=enabled, guest=guest)
    judged = verdict("jane.doe@contoso.com", jane=Found(user, "contoso"))
    assert (judged.status, codes(judged), judged.user) == (status, wanted, user)


def test_rows_with_the_same_upn_name_each_other() -> None:
    rows = [Row(3, "jane.doe@contoso.com"), Row(1, "Jane.Doe@CONTOSO.com"), Row(2, " jane.doe@contoso.com")]
    judged = reconcile(rows, {"jane.doe@contoso.com": FOUND})
    assert [judged[id_].anomalies[0].wrong for id_ in (1, 3)] == [
        "The same UPN is in row 3.",
        "The same UPN is in row 1.",
    ]
    assert (judged[1].status, judged[1].user) == (Status.WARNING, JANE)
    assert codes(judged[2]) == [Code.UPN_WHITESPACE]


@pytest.mark.parametrize(
    ("rows", "said"),
    [(3, "rows 2 and 3."), (6, "rows 2, 3, 4, 5 and 6."), (7, "rows 2, 3, 4, 5, 6 and 1 more."), (1500, "1,494 more.")],
)
def test_of_many_rows_a_few_are_named(rows: int, said: str) -> None:
    judged = reconcile(
        [Row(id_, "jane.doe@contoso.com") for id_ in range(1, rows + 1)], {"jane.doe@contoso.com": FOUND}
    )
    assert judged[1].anomalies[0].wrong.endswith(said)


def test_duplicates_of_a_silent_tenant_stay_unknown() -> None:
    judged = reconcile([Row(1, "jane.doe@contoso.com"), Row(2, "jane.doe@contoso.com")], {})
    assert (judged[1].status, codes(judged[1])) == (Status.UNKNOWN, [Code.ACCOUNT_UNAVAILABLE, Code.UPN_DUPLICATE])


def test_rows_that_lead_to_one_user_by_different_upns_name_each_other() -> None:
    matches: dict[str, Match] = {"jane.doe@contoso.com": FOUND, "jd@contoso.com": Absent("contoso", alias_of=JANE)}
    rows = [Row(1, "jane.doe@contoso.com"), Row(2, "jd@contoso.com"), Row(3, "jane.doe@contoso.com")]
    judged = reconcile(rows, matches)
    assert codes(judged[1]) == [Code.UPN_DUPLICATE, Code.USER_DUPLICATE]
    assert codes(judged[2]) == [Code.UPN_IS_ALIAS, Code.USER_DUPLICATE]
    assert [judged[id_].anomalies[-1].wrong for id_ in (1, 2)] == [
        "The same user is in row 2, by another UPN or alias.",
        "The same user is in rows 1 and 3, by another UPN or alias.",
    ]


def test_an_empty_list_has_no_verdicts() -> None:
    assert reconcile([], {}) == {}


@pytest.mark.parametrize(("name", "who"), [("Jane Doe", "This user, Jane Doe, has"), (" ", "This user has")])
def test_a_rename_is_told_in_a_sentence(name: str, who: str) -> None:
    said = anomalies.renamed(User("id-jane", "jane.smith@contoso.com", name)).message
    assert said == f"{who} another UPN now. Did you mean jane.smith@contoso.com?"


def test_names_are_asked_for_verbatim_and_cleaned_each_once() -> None:
    cells = [
        "Jane.Doe@contoso.com",
        " jane.doe@contoso.com",
        "joe@contoso.com;",
        "Jane Doe",
        None,
        "müller@contoso.com",
    ]
    assert names_to_ask(Row(id_, cell) for id_, cell in enumerate(cells)) == {
        "jane.doe@contoso.com",
        "joe@contoso.com",
        "müller@contoso.com",
    }


def unknown(since: datetime = NOW) -> Presence:
    return Presence("PresenceUnknown", "PresenceUnknown", since=since)


def matched(*, licensed: bool | None = None, guest: bool = False, enabled: bool = True) -> Verdict:
    user = User("id", "j@c.de", enabled=enabled, guest=guest, teams_licensed=licensed)
    return Verdict(7, Status.OK, (), user, "contoso")


def test_no_presence_of_an_unlicensed_user_is_told_at_once() -> None:
    judged = with_presence(matched(licensed=False), unknown(), NOW, DAY)
    assert (judged.status, codes(judged)) == (Status.WARNING, [Code.PRESENCE_UNAVAILABLE])
    assert "no Teams licence" in judged.anomalies[0].wrong


@pytest.mark.parametrize("plan", ["Suspended", "LockedOut", "Deleted", "Unheard-of"])
def test_a_licence_that_gives_nothing_is_told_in_plain_words(plan: str) -> None:
    user = User("id", "j@c.de", teams_licensed=False, teams_plan=plan)
    judged = with_presence(Verdict(7, Status.OK, (), user, "contoso"), unknown(), NOW, DAY)
    (anomaly,) = judged.anomalies
    assert "Teams licence" in anomaly.wrong and plan not in anomaly.message and "in force" not in anomaly.message
    assert anomaly.remedy.startswith("Ask IT")


@pytest.mark.parametrize(("age", "told"), [(DAY, True), (DAY - timedelta(seconds=1), False)])
@pytest.mark.parametrize("licensed", [True, None])
def test_no_presence_of_others_is_told_when_it_lasts(age: timedelta, told: bool, licensed: bool | None) -> None:
    judged = with_presence(matched(licensed=licensed), unknown(NOW - age), NOW, DAY)
    assert bool(judged.anomalies) is told
    assert not told or "for 24 hours or more" in judged.anomalies[0].wrong


def test_the_row_remembers_across_restarts_how_long_presence_has_been_unknown() -> None:
    shown = Shown(
        object_id="id", presence="PresenceUnknown", activity="PresenceUnknown", presence_changed_at=NOW - 2 * DAY
    )
    assert codes(with_presence(matched(), unknown(), NOW, DAY, shown)) == [Code.PRESENCE_UNAVAILABLE]


@pytest.mark.parametrize(
    ("verdict", "presence"),
    [
        (matched(licensed=False), None),
        (matched(licensed=False), Presence("Away", "Away", NOW)),
        (matched(licensed=False, guest=True), unknown(NOW - DAY)),
        (matched(licensed=False, enabled=False), unknown(NOW - DAY)),
        (Verdict(7, Status.ERROR), unknown(NOW - DAY)),
    ],
)
def test_in_all_other_cases_presence_adds_nothing(verdict: Verdict, presence: Presence | None) -> None:
    assert with_presence(verdict, presence, NOW, DAY) is verdict


def test_what_presence_adds_keeps_the_order_and_the_worst_status() -> None:
    duplicate = reconcile([Row(1, "j@c.de"), Row(2, "j@c.de")], {"j@c.de": Found(User("id", "j@c.de"), "c")})[1]
    judged = with_presence(duplicate, unknown(NOW - DAY), NOW, DAY)
    assert codes(judged) == [Code.UPN_DUPLICATE, Code.PRESENCE_UNAVAILABLE]
    assert judged.status is Status.WARNING


@pytest.mark.parametrize(
    ("match", "unsure"),
    [
        (CouldNotAsk("away", NOW), True),
        (None, True),
        (Absent("c"), False),
        (Found(User("id", "jane@contoso.com"), "c"), False),
    ],
)
def test_a_verdict_is_unsure_while_somebody_may_yet_be_found_by_what_the_cell_means(
    match: Match | None, unsure: bool
) -> None:
    matches = {} if match is None else {"jane@contoso.com": match}
    (verdict,) = reconcile([Row(1, " jane@contoso.com")], matches).values()
    assert codes(verdict) == [Code.UPN_WHITESPACE]
    assert verdict.unsure is unsure


def test_an_absence_that_could_not_be_explained_is_unsure() -> None:
    for unexplained in ("", "the recycle bin could not be read"):
        matches = {"jane@contoso.com": Absent("contoso", unexplained=unexplained)}
        (verdict,) = reconcile([Row(1, "jane@contoso.com")], matches).values()
        assert codes(verdict) == [Code.USER_NOT_FOUND]
        assert verdict.unsure is bool(unexplained)


def test_while_presence_cannot_be_asked_what_is_said_of_the_presence_shown_stays() -> None:
    since = NOW - 2 * DAY
    shown = Shown("Warning", "presence_unavailable: …", "contoso", "id", "PresenceUnknown", "PresenceUnknown", since)
    assert codes(with_presence(matched(), None, NOW, DAY, shown)) == [Code.PRESENCE_UNAVAILABLE]
    assert codes(with_presence(matched(licensed=False), None, NOW, DAY, shown)) == [Code.PRESENCE_UNAVAILABLE]
    assert codes(with_presence(matched(), None, NOW, DAY, structs.replace(shown, object_id="somebody else"))) == []
