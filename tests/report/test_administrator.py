"""What an administrator is told, by code."""

from __future__ import annotations

import re

import pytest

from sync_agent.model import Code
from sync_agent.report.administrator import Advice, advice


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_cause_and_a_place_to_look(code: Code) -> None:
    told = advice(str(code))
    for text in (told.behind, told.look):
        assert re.fullmatch(r"[A-Z`s].*\.", text), text
    assert told.request == "" or told.request.startswith("/")


def test_the_requests_ask_for_values_that_a_row_has() -> None:
    wanted = {value for code in Code for value in re.findall(r"\{(.*?)\}", advice(str(code)).request)}
    assert wanted <= {"upn", "name", "domain", "object id"}


def test_a_code_of_another_version_is_no_error() -> None:
    assert advice("of_a_later_version") == Advice("", "")
