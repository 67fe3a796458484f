"""Why nobody is suggested agrees with what is said of each who may be meant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync_agent.detective import Candidate, clearly_best
from sync_agent.explanation.people import people_steps
from sync_agent.model import Absent, Found, Row, User
from tests.explanation.test_words import facts


def candidate(local: str, against: int, barred: str = "") -> Candidate:
    upn = f"{local}@contoso.com"
    found = Found(User(local, upn, local.title()), "contoso")
    return Candidate(found, against, "a slip", at_home=True, barred=barred)


@pytest.mark.parametrize(
    ("candidates", "said"),
    [
        ([candidate("jane", 1, "the account is disabled")], "whoever is likeliest may not be"),
        ([candidate("jane", 1, "another row has them"), candidate("jan", 2)], "whoever is likeliest may not be"),
        ([candidate("jane", 1), candidate("jan", 1)], "nobody is clearly the likeliest"),
        ([candidate("jane", 1, "another row has them"), candidate("jan", 1), candidate("jon", 1)], "nobody is clearly"),
    ],
)
def test_it_is_said_whether_the_likeliest_is_unclear_or_may_not_be_suggested(
    candidates: list[Candidate], said: str
) -> None:
    assert clearly_best(candidates) is None
    asked = facts(Row(7, "jnae@contoso.com"), Absent("contoso"), {}, "Contoso", "")
    people = replace(asked.people, candidates=tuple(candidates), best=None)
    looked_for = next(people_steps(replace(asked, people=people)))
    assert f"Nobody is suggested: {said}" in looked_for.text
