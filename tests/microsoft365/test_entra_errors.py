"""Every number that an operator meets has its sentence."""

from __future__ import annotations

import pytest

from sync_agent.microsoft365.entra_errors import number_in, number_of, sentence
from sync_agent.microsoft365.entra_explanations import EXPLANATIONS

OPERATORS_MEET = [
    7000215, 7000222, 700016, 90002, 900023, 7000218, 700027, 700024, 65001, 650057, 70011, 50076, 50079, 50158,
    53000, 53001, 53002, 53003, 50034, 50126, 50057, 50055, 50173, 700082, 70008, 70043, 50078, 70016, 70020, 50196,
    90033, 7000112, 500011,
]  # fmt: skip


@pytest.mark.parametrize("number", sorted({*OPERATORS_MEET, *EXPLANATIONS}))
def test_each_number_is_one_sentence(number: int) -> None:
    told = sentence("contoso", number, "AADSTS: not this")
    assert told.startswith("account contoso cannot sign in: ")
    assert f"(AADSTS{number}); " in told
    assert "{" not in told
    assert "\n" not in told
    assert "not this" not in told


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ("AADSTS1234567: Odd.\r\nTrace ID: 1", "AADSTS1234567: Odd; see https://login.microsoftonline.com/error?code=1234567"),
        ("AADSTS1234567: Odd. Trace ID: 1 Correlation", "AADSTS1234567: Odd; see https://login.microsoftonline.com/error?code=1234567"),
        ("invalid_request", "invalid_request"),
        ("", "Entra gave no explanation"),
    ],
)  # fmt: skip
def test_unknown_errors_are_told_without_their_trace(description: str, said: str) -> None:
    assert sentence("contoso", number_in(description), description) == f"account contoso cannot sign in: {said}"


def test_a_long_description_is_cut() -> None:
    assert len(sentence("contoso", None, "x" * 5_000)) < 400


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ({"error_codes": [50173], "error_description": "AADSTS50173: …"}, 50173),
        ({"error_codes": [50173]}, 50173),
        ({"error_description": "AADSTS700016: …"}, 700016),
        ({"error_codes": [], "error_description": "no number"}, None),
        ({"error_codes": ["x"]}, None),
        ({"error_codes": 7}, None),
        ({}, None),
    ],
)
def test_the_number_of_an_answer(answer: dict[str, object], number: int | None) -> None:
    assert number_of(answer) == number


def test_what_a_person_can_mend() -> None:
    mended = {number for number, known in EXPLANATIONS.items() if known.by_person}
    assert {50173, 700082, 70008, 70043, 50078, 50076} <= mended
    assert not {65001, 7000218, 700016, 53003, 500011} & mended
