"""What a service said, as one sentence of ours and a type that tells what to do about it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.microsoft365.errors import (
    Garbled,
    NotFound,
    Overtaken,
    Refused,
    ServiceError,
    error_in,
    refusal,
    refusal_of,
)
from sync_agent.microsoft365.transport import Answer

SAVE_CONFLICT = "-2130575305, Microsoft.SharePoint.SPException"


def body(code: str, message: str = "Said.") -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode()


@pytest.mark.parametrize(
    ("said", "code", "message"),
    [
        ({"error": {"code": "itemNotFound", "message": "Gone."}}, "itemNotFound", "Gone"),
        ({"error": {"code": "-1, SP", "message": {"lang": "en-US", "value": "Gone."}}}, "-1, SP", "Gone"),
        ({"odata.error": {"code": "-1, SP", "message": {"lang": "en-US", "value": "Gone"}}}, "-1, SP", "Gone"),
        (
            {"error": "invalid_grant", "error_description": "AADSTS1: No.\r\nTrace"},
            "invalid_grant",
            "AADSTS1: No. Trace",
        ),
        ({"error": {"code": "x", "message": "a\n\n  b" + "c" * 1_000}}, "x", "a b" + "c" * 297),
        ({"error": {"code": 7, "message": None}}, "7", ""),
        ({"error": {"code": "x\u2028y", "message": ["a"]}}, "x y", "['a']"),
        ({"error": "x\ny"}, "x y", ""),
        ({"error": {}}, "", ""),
        ({"error": ["x"]}, "", ""),
        ({"value": 1}, "", ""),
        ([], "", ""),
        ("x", "", ""),
    ],
)
def test_code_and_message_are_found_in_each_services_form(said: object, code: str, message: str) -> None:
    assert error_in(json.dumps(said).encode()) == (code, message)


@pytest.mark.parametrize("odd", [b"", b"<html>", b'{"error": {"co', b'{"error": "\xff"}', b"[" * 100_000])
def test_what_is_no_error_body_says_nothing(odd: bytes) -> None:
    assert error_in(odd) == ("", "")


@given(
    st.binary()
    | st.recursive(
        st.none() | st.text() | st.integers(),
        lambda more: (
            st.lists(more)
            | st.dictionaries(st.sampled_from(["error", "code", "message", "value", "odata.error"]), more)
        ),
    ).map(lambda said: json.dumps(said).encode()),
    st.integers(400, 599),
)
def test_whatever_was_said_is_one_sentence(said: bytes, status: int) -> None:
    error = refusal_of(status, said, "Reading the list", "11-22")
    assert len(error.reason.splitlines()) == 1
    assert error.told.endswith(", request 11-22")
    assert isinstance(error, Refused if status < 500 else Garbled)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "x", Refused),
        (401, "x", Refused),
        (403, "x", Refused),
        (404, "x", NotFound),
        (409, "nameAlreadyExists", Refused),
        (409, SAVE_CONFLICT, Overtaken),
        (409, "resourceModified", Overtaken),
        (412, "", Overtaken),
        (500, SAVE_CONFLICT, Garbled),
        (0, "", Garbled),
        (302, "", Garbled),
    ],
)
def test_a_refusal_is_of_the_kind_that_tells_what_to_do(status: int, code: str, kind: type[ServiceError]) -> None:
    error = refusal_of(status, body(code), "Writing row 7")
    assert type(error) is kind
    if isinstance(error, Refused):
        assert (error.status, error.code, error.message) == (status, code, "Said")


def test_a_refusal_says_what_was_being_done_and_which_request_it_was() -> None:
    answer = Answer(403, {}, body("accessDenied", "Access denied."), "11-22")
    error = refusal(answer, "Reading the list")
    assert error.reason == "Reading the list was refused: 403, accessDenied: Access denied"
    assert error.told == f"{error.reason}, request 11-22"
    assert error.request_id == "11-22"


def test_without_an_explanation_that_is_said() -> None:
    assert refusal_of(403, b"", "Reading").reason == "Reading was refused: 403, no explanation given"
    assert refusal_of(502, b"<html>", "Reading").reason == (
        "Reading failed: the service answered 502, no explanation given"
    )
