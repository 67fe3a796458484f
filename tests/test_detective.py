"""Who is meant by a row that leads to no user."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs
from rapidfuzz.distance import OSA

from sync_agent.detective import Clues, People, candidates, clearly_best, coming_up
from sync_agent.judging import Rules
from sync_agent.leads import lead, questions
from sync_agent.model import Absent, Code, Found, Match, NoTenant, Row, Shown, Status, User
from sync_agent.personal_names import folded
from sync_agent.reconcile import reconcile
from sync_agent.upn import key

LOCALS = ("jane.doe", "jane.doe2", "john.smith", "jurgen.muller", "mei.chen")
NOBODY = Absent("contoso")


def member(upn: str, name: str, id_: str = "", *, enabled: bool = True, guest: bool = False) -> Found:
    return Found(User(id_ or f"id-{upn}", upn, name, enabled, guest), "contoso")


JANE = member("jane.doe@contoso.com", "Jane Doe")
JOHN = member("john.smith@contoso.com", "John Smith")
MULLER = member("juergen.mueller@contoso.com", "Jürgen Müller")


def meant(cell: str | None, name: str, everybody: Iterable[Found], taken: frozenset[str] = frozenset()) -> str | None:
    hint = lead(cell, name)
    best = clearly_best(candidates(hint, Clues(People(everybody), hint.questions()), taken))
    return None if best is None else best.found.user.upn


def told(rows: Sequence[Row], matches: Mapping[str, Match], *everybody: Found) -> Clues:
    """The clues where every question of the rows was answered out of these."""
    asked = questions(rows, matches)
    return Clues(People(coming_up(asked, everybody)), asked)


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("jane.deo@contoso.com", ""),
        ("jane.doee@contoso.com", "Jane Doe"),
        ("jan.doe@contoso.com", "Agent 12"),
        ("jane.doe@contosso.com", ""),
        ("jane.doe@fabrikam.com", "Jane Doe"),
        ("jane.doe", ""),
        (r"CONTOSO\jane.doe", ""),
        ("jane.doe@@contoso.com", ""),
        ("Jane Doe", ""),
        ("Doe, Jane", ""),
        ("JANE  DOE", "Desk 4"),
        (None, "Jane Doe"),
        ("\u200b", "Doe, Jane"),
        ("somebody@contoso.com", "Jane Doe"),
    ],
)
def test_the_one_who_is_clearly_meant_is_found(cell: str | None, name: str) -> None:
    assert meant(cell, name, [JANE, JOHN, MULLER]) == "jane.doe@contoso.com"


@pytest.mark.parametrize("cell", ["jürgen.müller@contoso.com", "Müller, Jürgen", "jurgen.muller@contoso.com"])
def test_accents_are_read_as_tenants_spell_them(cell: str) -> None:
    assert meant(cell, "Jürgen Müller", [JANE, MULLER]) == "juergen.mueller@contoso.com"


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("jane.deo@contoso.com", "Peter Miller"),
        ("jd@contoso.com", ""),
        ("peter.miller@contoso.com", ""),
        (None, "Jane"),
        (None, ""),
        ("Jane", ""),
        ("jnae.deo.x@contoso.com", ""),
    ],
)
def test_nobody_is_named_on_thin_evidence(cell: str | None, name: str) -> None:
    assert meant(cell, name, [JANE, JOHN]) is None


def test_of_two_who_are_as_likely_neither_is_named_unless_the_name_decides() -> None:
    both = [member("jane.dae@contoso.com", "Jane Dae"), member("jane.dee@contoso.com", "Jane Dee")]
    assert meant("jane.doe@contoso.com", "", both) is None
    assert meant("jane.doe@contoso.com", "Jane Dee", both) == "jane.dee@contoso.com"


@pytest.mark.parametrize("name", ["Lucas Doe", "Jana Doe"])
def test_a_colleague_of_almost_the_same_name_is_not_meant(name: str) -> None:
    """Neither by a first name that is another one, nor where the cell spells the row's name without a slip."""
    spelt = name.lower().replace(" ", ".")
    assert meant(f"{spelt}@contoso.com", name, [JANE, member("lucia.doe@contoso.com", "Lucía Doe")]) is None


def test_a_short_name_in_the_row_is_no_other_one_where_the_upn_spells_the_long_one() -> None:
    robert = member("robert.smith@contoso.com", "Robert Smith")
    assert meant("robert.smiht@contoso.com", "Bob Smith", [robert]) == "robert.smith@contoso.com"


def test_whoever_has_the_same_local_part_elsewhere_under_another_name_is_not_meant() -> None:
    assert meant("j.doe@fabrikam.com", "Jane Doe", [member("j.doe@contoso.com", "John Doe")]) is None


@pytest.mark.parametrize("around", ["{}; {}", "{} / {}", "{},{}", "{} {}"])
def test_of_two_addresses_in_a_cell_the_name_beside_it_tells_which(around: str) -> None:
    cell = around.format(JANE.user.upn, JOHN.user.upn)
    assert meant(cell, "John Smith", [JANE, JOHN]) == JOHN.user.upn
    assert meant(cell, "Desk 7", [JANE, JOHN]) is None
    assert meant(f"jane.doe@home.example; {JANE.user.upn}", "", [JANE, JOHN]) == JANE.user.upn


def test_a_tag_behind_a_plus_is_left_out_unless_the_name_beside_it_is_anothers() -> None:
    jane = member("jane@contoso.com", "Jane Smith")
    assert meant("jane.doe+calls@contoso.com", "Desk 7", [JANE, jane]) == JANE.user.upn
    assert meant("jane+doe@contoso.com", "Jane Smith", [jane]) == jane.user.upn
    assert meant("jane+doe@contoso.com", "Jane Doe", [jane]) is None


def test_a_guests_upn_elsewhere_leads_home() -> None:
    assert meant("jane.doe_contoso.com#EXT#@fabrikam.onmicrosoft.com", "", [JANE, JOHN]) == JANE.user.upn


def test_who_is_disabled_a_guest_or_in_another_row_is_not_meant() -> None:
    assert meant("jane.deo@contoso.com", "", [member("jane.doe@contoso.com", "Jane Doe", enabled=False)]) is None
    assert meant("jane.deo@contoso.com", "", [member("jane.doe@contoso.com", "Jane Doe", guest=True)]) is None
    assert meant("jane.deo@contoso.com", "", [JANE], frozenset({JANE.user.id})) is None


@pytest.mark.parametrize(
    ("cell", "name", "upn", "called"),
    [
        ("callcenter8@contoso.com", "Call Center 8", "callcenter7@contoso.com", "Call Center 7"),
        ("desk-102@contoso.com", "", "desk-101@contoso.com", "Desk 101"),
        ("daniela.moor7@contoso.com", "Daniela Moor7", "daniele.moor7@contoso.com", "Daniele Moor7"),
        ("jane.doe@contoso.com", "", "jane.doe2@contoso.com", "Jane Doe"),
    ],
)
def test_another_number_is_another_one_and_no_slip(cell: str, name: str, upn: str, called: str) -> None:
    assert meant(cell, name, [member(upn, called)]) is None


@pytest.mark.parametrize("name", ["Dr. Jane Doe", "Doe Jane", "Jane M. Doe", "Jane Doe (Sales)", "DOE, JANE"])
def test_a_name_is_looked_for_as_directories_may_have_it(name: str) -> None:
    assert meant(None, name, [JANE, JOHN]) == JANE.user.upn
    assert meant(None, "Jane Doe", [member("jd@contoso.com", "Doe Jane")]) == "jd@contoso.com"


def test_somebody_likelier_who_may_not_be_suggested_bars_the_next() -> None:
    near = member("jane.dow@contoso.com", "Jane Dow")
    for likelier, taken in (
        (JANE, frozenset({JANE.user.id})),
        (structs.replace(JANE, user=structs.replace(JANE.user, enabled=False)), {}),
    ):
        assert meant("jane.doee@contoso.com", "", [likelier, near], frozenset(taken)) is None
    assert meant(None, "Jane Doe", [JANE, member("jane.doe2@contoso.com", "Jane Doe")], frozenset({JANE.user.id}))


def test_whoever_came_up_by_an_object_id_alone_is_not_taken_for_the_one_whose_name_is_almost_so() -> None:
    fay = member("fay.moe@contoso.com", "Fay Moe", "id-7")
    rows = [Row(1, None, "Fáy Moe", Shown(object_id="id-7"))]
    verdict = reconcile(rows, {}, told(rows, {}, fay))[1]
    assert ([anomaly.suggestion for anomaly in verdict.anomalies], verdict.edited) == ([None], True)


def test_whoever_came_up_for_another_row_is_no_candidate() -> None:
    clues = Clues(People([JANE]), lead("john.smiht@contoso.com", "John Smith").questions())
    assert not candidates(lead("jane.deo@contoso.com", "Jane Doe"), clues, ())


def test_nobody_is_named_in_the_place_of_one_who_is_likelier_but_has_a_row_or_is_disabled() -> None:
    both = [JANE, member("jane.doe2@contoso.com", "Jane Doe")]
    assert meant("jane.deo@contoso.com", "Jane Doe", both, frozenset({JANE.user.id})) is None
    both_but_one = [member("jane.doe@contoso.com", "Jane Doe", enabled=False), both[1]]
    assert meant("jane.deo@contoso.com", "Jane Doe", both_but_one) is None
    assert meant(None, "Jane Doe", both) is None
    assert meant(None, "Jane Doe", both_but_one) == "jane.doe2@contoso.com"
    assert meant(None, "Jane Doe", both, frozenset({JANE.user.id})) == "jane.doe2@contoso.com"


SPELT = st.text("aabj.-é", min_size=1, max_size=11)
EDITS = st.lists(st.tuples(st.sampled_from(["drop", "add", "change", "exchange"]), st.integers(0, 12)), max_size=3)


def edited(local: str, edits: Iterable[tuple[str, int]]) -> str:
    for kind, at in edits:
        place = at % (len(local) + 1)
        left, right = local[:place], local[place:]
        changed = {
            "drop": right[1:],
            "add": f"x{right}",
            "change": f"x{right[1:]}",
            "exchange": right[1::-1] + right[2:],
        }
        local = left + changed[kind]
    return local


@given(st.sets(SPELT | st.sampled_from(LOCALS), min_size=1, max_size=8), st.data(), EDITS)
@example({"jane.doe"}, None, [("exchange", 3)])
@example({"abcdefghijkl"}, None, [("exchange", 3), ("exchange", 7)])
def test_everybody_within_the_slips_allowed_is_found_as_by_comparing_with_each(
    locals_: set[str], data: st.DataObject | None, edits: list[tuple[str, int]]
) -> None:
    typed = edited(data.draw(st.sampled_from(sorted(locals_))) if data else min(locals_), edits)
    found = People([member(f"{local}@contoso.com", "", f"id-{local}") for local in locals_]).near(
        f"{typed}@contoso.com"
    )
    plain = {folded(local) for local in locals_}
    assert {folded(one.user.upn).partition("@")[0] for one in found} == {
        other for other in plain if 0 < OSA.distance(typed, other) <= (2 if len(typed) >= 8 else len(typed) >= 4)
    }


def test_two_letters_exchanged_across_the_middle_of_a_name_are_seen() -> None:
    assert meant("jan.edoe@contoso.com", "", [JANE, JOHN]) == "jane.doe@contoso.com"
    assert meant("jaen.deo@contoso.com", "", [JANE, JOHN]) == "jane.doe@contoso.com"


def test_a_name_is_looked_for_among_many_in_a_moment() -> None:
    everybody = People(
        [member(f"user{number:06}.{number % 997}@contoso.com", "", str(number)) for number in range(20_000)]
    )
    started = time.process_time()
    assert [found.user.id for found in everybody.near("usre019999.59@contoso.com")] == ["19999"]
    assert time.process_time() - started < 0.1  # measured: 0.006


def test_a_guest_is_sent_home_unless_another_row_has_the_user_there() -> None:
    guest = member("jane.doe_contoso.com#EXT#@fabrikam.onmicrosoft.com", "Jane Doe", "id-guest", guest=True)
    rows = [Row(1, guest.user.upn, "Jane Doe"), Row(2, "jane.doe@contoso.com", "Jane Doe")]
    clues = told(rows[:1], {key(guest.user.upn): guest}, JANE)
    alone = reconcile(rows[:1], {key(guest.user.upn): guest}, clues)
    assert [(a.code, a.suggestion) for a in alone[1].anomalies] == [(Code.USER_GUEST, JANE.user.upn)]
    both = reconcile(rows, {key(guest.user.upn): guest, JANE.user.upn: JANE}, clues)
    assert [(a.code, a.suggestion) for a in both[1].anomalies] == [(Code.USER_GUEST, None)]


def test_of_a_whole_directory_only_those_asked_about_come_up() -> None:
    row = Row(1, "jane.deo@contoso.com", "Jane Doe", Shown(object_id=JOHN.user.id.upper()))
    asked = questions([row], {"jane.deo@contoso.com": NOBODY})
    assert asked.near == {"jane.deo@contoso.com"}
    assert asked.called == {"Jane Doe", "Doe, Jane", "Doe Jane"}
    found = coming_up(asked, [JANE, JOHN, MULLER])
    assert {one.user.upn for one in found} == {JANE.user.upn, JOHN.user.upn}


def test_a_row_that_is_right_or_not_answered_raises_no_question() -> None:
    rows = [Row(1, "jane.doe@contoso.com", "Jane Doe"), Row(2, "john.smith@contoso.com")]
    assert not questions(rows, {"jane.doe@contoso.com": JANE})


def test_a_suggestion_reaches_the_verdict_and_never_a_right_row() -> None:
    rows = [Row(1, "jane.deo@contoso.com", "Jane Doe"), Row(2, "john.smith@contoso.com", "John Smith")]
    matches: dict[str, Match] = {"jane.deo@contoso.com": NOBODY, "john.smith@contoso.com": JOHN}
    verdicts = reconcile(rows, matches, told(rows, matches, JANE, JOHN))
    assert [(a.code, a.suggestion) for a in verdicts[1].anomalies] == [
        (Code.USER_NOT_FOUND, "jane.doe@contoso.com"),
    ]
    assert verdicts[2].status is Status.OK


def test_a_domain_that_nobody_here_has_keeps_its_other_remedy() -> None:
    rows = [Row(1, "jane.doe@woodgrovebank.com", "Jane Doe")]
    answers = {"jane.doe@woodgrovebank.com": NoTenant("woodgrovebank.com", "tenant 42")}
    said = reconcile(rows, answers, told(rows, answers, JANE))[1].anomalies[0]
    assert (said.code, said.suggestion) == (Code.DOMAIN_NOT_CONFIGURED, "jane.doe@contoso.com")
    assert "Did you mean jane.doe@contoso.com? If not: check the spelling" in said.message


def renamed(before: dict[int, tuple[str, str]], name: str = "Jane Doe") -> list[tuple[Code, str | None]]:
    """A row that shows Jane's object id, whose UPN of old is nobody's now."""
    new = member("jane.smith@contoso.com", "Jane Smith", "id-1")
    row = Row(1, "jane.doe@contoso.com", name, Shown("OK", object_id="ID-1"))
    clues = Clues(People([new]), before=before)
    said = reconcile([row], {"jane.doe@contoso.com": NOBODY}, clues)[1].anomalies
    return [(anomaly.code, anomaly.suggestion) for anomaly in said]


def test_who_was_renamed_is_known_by_the_object_id() -> None:
    assert renamed({}) == [(Code.USER_RENAMED, "jane.smith@contoso.com")]
    assert renamed({1: ("jane.doe@contoso.com", "id-1")}, "Desk") == [(Code.USER_RENAMED, "jane.smith@contoso.com")]


def test_without_a_history_a_name_has_to_speak_for_a_rename() -> None:
    assert renamed({}, "") == [(Code.USER_RENAMED, "jane.smith@contoso.com")]  # by what stands before the @
    shown = Shown("Error", object_id="id-9")
    row = Row(1, "georg.mitteremier@contoso.com", "", shown)
    matches = {row.upn or "": NOBODY}
    stranger = member("leonard.dahlgren@contoso.com", "Leonard Dahlgren", "id-9")
    verdict = reconcile([row], matches, told([row], matches, stranger))[1]
    assert ([a.suggestion for a in verdict.anomalies], verdict.edited) == ([None], False)


def test_a_cell_that_was_edited_since_is_no_rename() -> None:
    assert renamed({1: ("jane@contoso.com", "id-1")})[0][0] is Code.USER_NOT_FOUND
    assert renamed({}, "Peter Miller") == [(Code.USER_NOT_FOUND, None)]


@pytest.mark.parametrize(("on", "said"), [(True, [Code.NAME_MISMATCH]), (False, [])])
def test_a_name_that_has_nothing_in_common_is_told_where_that_is_wanted(on: bool, said: list[Code]) -> None:
    rows = [Row(1, "jane.doe@contoso.com", "Peter Miller"), Row(2, "john.smith@contoso.com", "Smith, J.")]
    matches = {"jane.doe@contoso.com": JANE, "john.smith@contoso.com": JOHN}
    verdicts = reconcile(rows, matches, rules=Rules(name_mismatch=on))
    assert [anomaly.code for anomaly in verdicts[1].anomalies] == said
    assert verdicts[2].anomalies == ()


def test_while_a_tenant_is_silent_nobody_of_another_domain_is_named() -> None:
    rows = [Row(1, "jane.doe@fabrikam.com", "Jane Doe"), Row(2, "john.smiht@contoso.com", "John Smith")]
    matches = {"jane.doe@fabrikam.com": NOBODY, "john.smiht@contoso.com": NOBODY}
    verdicts = reconcile(rows, matches, replace(told(rows, matches, JANE, JOHN), silent="fabrikam: no answer"))
    assert (verdicts[1].anomalies[0].suggestion, verdicts[1].unsure) == (None, True)
    assert verdicts[2].anomalies[0].suggestion == "john.smith@contoso.com"
