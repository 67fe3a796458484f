"""Looking in a tenant for people of whom something is known: in few requests, and no failure is taken for nobody."""

from __future__ import annotations

import pytest

from sync_agent.detective import coming_up
from sync_agent.microsoft365.people_search import CameUp
from sync_agent.model import Found, Questions
from tests.microsoft365.contoso import BATCH, COUNT, Contoso, id_of, in_pages_of, opened, refusing
from tests.microsoft365.resolving import agents

pytestmark = pytest.mark.anyio

JANE, JOHN = "jane.doe@contoso.com", "john.smith@contoso.com"
ALL = Questions(
    ids=frozenset({id_of(JOHN), id_of("gone@contoso.com")}),
    locals=frozenset({"mei.chen", "o'brien", "nobody"}),
    near=frozenset({"jane.deo@contoso.com", "petra.lang@contoso.com"}),
    called=frozenset({"Jürgen O'Müller", "Doe, Jane", "& + # %"}),
)


def staff(contoso: Contoso) -> None:
    contoso.add(JANE, JOHN, "mei.chen@contoso.onmicrosoft.com", "O'Brien@contoso.com", *agents(20))
    contoso.add_user("mueller@contoso.com").display_name = "Jürgen O'Müller"
    contoso.add_user("andpercent@contoso.com").display_name = "& + # %"


async def came_up(contoso: Contoso, questions: Questions) -> CameUp:
    async with opened(contoso) as at:
        return await at.directory.came_up(questions)


def concerned(questions: Questions, said: CameUp) -> set[str]:
    found = coming_up(questions, (Found(user, "a0") for user in said.people))
    return {one.user.upn for one in found}


WANTED = {
    JANE,
    JOHN,
    "mei.chen@contoso.onmicrosoft.com",
    "O'Brien@contoso.com",
    "mueller@contoso.com",
    "andpercent@contoso.com",
}


async def test_everybody_whom_the_questions_are_about_comes_up_in_one_request(contoso: Contoso) -> None:
    staff(contoso)
    said = await came_up(contoso, ALL)
    assert concerned(ALL, said) == WANTED
    assert (said.refused, said.failed, said.silent) == (Questions(), Questions(), "")
    assert contoso.paths().count("/$batch") == 1
    assert len(said.people) < 12  # not the whole directory


@pytest.mark.parametrize("typed", ["jan.edoe", "jane.deo", "jane.doee", "jane.do", "xane.doe", "jane.dox"])
async def test_a_slip_anywhere_is_found(contoso: Contoso, typed: str) -> None:
    staff(contoso)
    questions = Questions(near=frozenset({f"{typed}@contoso.com"}))
    assert concerned(questions, await came_up(contoso, questions)) == {JANE}


async def test_many_questions_go_three_hundred_to_a_request(contoso: Contoso) -> None:
    contoso.add(*agents(15_000))
    questions = Questions(locals=frozenset(f"agent{number}" for number in range(0, 1_800, 2)))
    said = await came_up(contoso, questions)
    assert len(concerned(questions, said)) == 900
    assert contoso.paths().count("/$batch") == 3


async def test_where_they_are_more_than_the_directory_has_pages_it_is_read_whole(contoso: Contoso) -> None:
    contoso.add(*agents(1_500))
    questions = Questions(locals=frozenset(f"agent{number}" for number in range(900)))
    said = await came_up(contoso, questions)
    assert len(concerned(questions, said)) == 900
    assert contoso.paths().count("/$batch") == 0
    assert contoso.paths().count("/users") == 2


async def test_after_a_resolve_that_read_the_whole_directory_no_further_request_is_made(contoso: Contoso) -> None:
    staff(contoso)
    contoso.add(*agents(400, start=20))
    async with opened(contoso) as at:
        await at.directory.resolve(agents(400), lambda _: None)
        before = len(contoso.heard())
        assert concerned(ALL, await at.directory.came_up(ALL)) == WANTED
        assert len(contoso.heard()) == before
        await at.directory.came_up(ALL)
        assert len(contoso.heard()) == before + 1  # what was read is not kept for long


async def test_pages_of_an_answer_are_followed(contoso: Contoso) -> None:
    contoso.add(*(f"jane{number}@contoso.com" for number in range(4)), "jane.doe@contoso.com")
    contoso.spoil(r"GET /v1\.0/users\?.*startswith", instead=in_pages_of(2), times=1)
    questions = Questions(near=frozenset({"jane.deo@contoso.com"}))
    assert concerned(questions, await came_up(contoso, questions)) == {JANE}


async def test_a_question_that_half_the_directory_answers_to_is_not_asked_to_the_end(contoso: Contoso) -> None:
    contoso.add(*(f"jane{number}@contoso.com" for number in range(40)))
    contoso.spoil(r"GET /v1\.0/users\?.*startswith", instead=in_pages_of(2))
    questions = Questions(near=frozenset({"jane.deo@contoso.com"}))
    said = await came_up(contoso, questions)
    assert (said.refused, said.failed, said.silent) == (questions, Questions(), "")
    assert len(contoso.heard()) < 10


async def test_one_question_that_is_refused_costs_no_other_its_answer(contoso: Contoso) -> None:
    staff(contoso)
    contoso.spoil(r"GET /v1\.0/users\?.*& \+ # %", **refusing(400, "BadRequest"))
    said = await came_up(contoso, ALL)
    assert concerned(ALL, said) == WANTED - {"andpercent@contoso.com"}
    assert (said.refused, said.silent) == (Questions(called=frozenset({"& + # %"})), "")


async def test_a_kind_of_question_that_is_not_answered_brings_nobody(contoso: Contoso) -> None:
    staff(contoso)
    contoso.spoil(r"GET /v1\.0/users\?.*endswith", **refusing(400, "Request_UnsupportedQuery"))
    said = await came_up(contoso, ALL)
    assert concerned(ALL, said) == WANTED - {JANE}
    assert (said.refused, said.silent) == (Questions(near=ALL.near), "")


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
async def test_a_failure_is_silence_and_not_that_nobody_is_there(contoso: Contoso, status: int) -> None:
    staff(contoso)
    contoso.spoil(r"GET /v1\.0/users\?.*displayName in", **refusing(status))
    said = await came_up(contoso, ALL)
    assert (said.failed, bool(said.silent)) == (Questions(called=ALL.called), True)
    contoso.spoil(BATCH, **refusing(status))
    said = await came_up(contoso, ALL)
    assert (said.people, said.failed, bool(said.silent)) == ((), ALL, True)


async def test_a_directory_that_cannot_be_counted_is_asked(contoso: Contoso) -> None:
    contoso.add(*agents(10))
    contoso.spoil(COUNT, **refusing(403))
    questions = Questions(locals=frozenset(f"agent{number}" for number in range(900)))
    said = await came_up(contoso, questions)
    assert (len(said.people), said.silent) == (10, "")


async def test_a_directory_that_is_not_read_to_its_end_is_silent(contoso: Contoso) -> None:
    contoso.add(*agents(1_500))
    contoso.spoil(r"GET /v1\.0/users\?.*skiptoken", **refusing(500))
    questions = Questions(locals=frozenset(f"agent{number}" for number in range(900)))
    said = await came_up(contoso, questions)
    assert (said.people, said.failed, bool(said.silent)) == ((), questions, True)
