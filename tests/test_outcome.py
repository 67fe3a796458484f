"""What a pass came to: its exit code, and the document of `sync --json`."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sync_agent.fuses import Held
from sync_agent.model import Code, Status
from sync_agent.outcome import AccountState, Exit, Fixing, Mirrored, Outcome, Writes, encodable
from tests.outcomes import anomaly, outcome

WELL = outcome({})
WRONG = outcome({2: [anomaly(Code.UPN_IS_ALIAS, "jane@contoso.com")], 4: [anomaly(Code.USER_GUEST)]})
ALIAS, GUEST = (2, "upn_is_alias"), (4, "user_guest")
UNASKED = outcome({2: [anomaly(Code.ACCOUNT_UNAVAILABLE)]})
HELD = Held("max_worsened", "c0ffee", 4, 5, "30%", "4 of 4: upn_missing")


@pytest.mark.parametrize(
    ("pass_", "code", "telling"),
    [
        (WELL, Exit.DONE, Exit.DONE),
        (WRONG, Exit.DONE, Exit.ANOMALIES),
        (UNASKED, Exit.INCOMPLETE, Exit.INCOMPLETE),
        (replace(WRONG, error="the list could not be read"), Exit.INCOMPLETE, Exit.INCOMPLETE),
        (replace(WRONG, writes=Writes(2, 1, 0, 1)), Exit.INCOMPLETE, Exit.INCOMPLETE),
        (replace(WRONG, writes=Writes(2, 1, 1, 0)), Exit.DONE, Exit.ANOMALIES),
        (replace(WRONG, accounts={"contoso": AccountState(5, "throttled")}), Exit.INCOMPLETE, Exit.INCOMPLETE),
        (replace(WRONG, mirrored=Mirrored(2, 2)), Exit.DONE, Exit.ANOMALIES),
        (replace(WRONG, mirrored=Mirrored(acknowledged=frozenset({ALIAS}))), Exit.DONE, Exit.ANOMALIES),
        (replace(WRONG, mirrored=Mirrored(acknowledged=frozenset({ALIAS, GUEST}))), Exit.DONE, Exit.DONE),
        (replace(WRONG, mirrored=Mirrored(2, 1, failed=1, error="throttled")), Exit.INCOMPLETE, Exit.INCOMPLETE),
        (replace(WRONG, fixing=Fixing(done={2})), Exit.DONE, Exit.ANOMALIES),
        (replace(WRONG, fixing=Fixing(conflicts=1)), Exit.DONE, Exit.ANOMALIES),
        (replace(WRONG, fixing=Fixing(failed=1)), Exit.INCOMPLETE, Exit.INCOMPLETE),
        (replace(WRONG, fixing=Fixing(error="no column")), Exit.INCOMPLETE, Exit.INCOMPLETE),
        (replace(WRONG, fixing=Fixing(held=HELD)), Exit.HELD, Exit.HELD),
        (replace(WRONG, held=HELD), Exit.HELD, Exit.HELD),
        (replace(WRONG, held=HELD, writes=Writes(2, 0, 0, 1)), Exit.HELD, Exit.HELD),
    ],
)
def test_the_exit_code(pass_: Outcome, code: Exit, telling: Exit) -> None:
    assert pass_.exit_code() is code
    assert pass_.exit_code(tell_anomalies=True) is telling


def test_the_exit_codes_are_a_contract() -> None:
    assert list(Exit) == [0, 1, 2, 3, 4]


def test_every_status_is_counted_also_where_no_row_has_it() -> None:
    assert WRONG.status == {Status.OK: 3, Status.WARNING: 1, Status.ERROR: 1, Status.UNKNOWN: 0}


def test_the_document_of_a_pass() -> None:
    assert WRONG.document() == {
        "rows": 5,
        "status": {"OK": 3, "Warning": 1, "Error": 1, "Unknown": 0},
        "anomalies": [
            {
                "row": 2,
                "upn": "agent2@contoso.com",
                "code": "upn_is_alias",
                "severity": "error",
                "message": "It is upn_is_alias. Mend it.",
                "suggestion": "jane@contoso.com",
            },
            {
                "row": 4,
                "upn": "agent4@contoso.com",
                "code": "user_guest",
                "severity": "warning",
                "message": "It is user_guest. Mend it.",
                "suggestion": None,
            },
        ],
        "writes": {"planned": 5, "done": 5, "conflicts": 0, "failed": 0},
        "accounts": {"contoso": {"users": 5, "state": "ok", "notice": None, "credentials": []}},
        "held": None,
        "seconds": 1.5,
        "put_right": 0,
        "unwritten": [],
    }


def test_the_document_of_a_pass_that_was_held_or_not_made() -> None:
    held = replace(WRONG, held=HELD).document()["held"]
    assert held == {"fuse": "max_worsened", "checksum": "c0ffee", "rows": 4, "of": 5, "cause": "4 of 4: upn_missing"}
    assert replace(WELL, error="no list").document()["error"] == "no list"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (None, None),
        ("", ""),
        ("jané 😀", "jané 😀"),
        ("\ud800x", "\ufffdx"),
        ("\ud83d\ude00", "😀"),
        ("\u200b", "\u200b"),
    ],
)
def test_a_cell_is_told_as_it_is_unless_nothing_can_carry_it(cell: str | None, said: str | None) -> None:
    assert encodable(cell) == said
    pass_ = outcome({1: [anomaly(Code.UPN_MISSING)]}, upns={1: cell})
    assert json.loads(json.dumps(pass_.document()).encode())["anomalies"][0]["upn"] == said


def test_the_document_tells_of_the_list_of_anomalies_where_there_is_one() -> None:
    assert "anomaly_list" not in WRONG.document()
    mirrored = Mirrored(4, 1, 1, 1, 1, "throttled", frozenset({ALIAS}))
    told = replace(WRONG, mirrored=mirrored).document()["anomaly_list"]
    counts = {"to_write": 4, "made": 1, "changed": 1, "resolved": 1, "failed": 1}
    assert told == {**counts, "error": "throttled", "acknowledged": 1}


def test_a_cell_without_end_is_cut_in_the_document() -> None:
    made = outcome({1: [anomaly(Code.USER_NOT_FOUND)]}, upns={1: "a" * 1_000_000})
    assert made.document()["anomalies"][0]["upn"] == "a" * 10_000 + "…"
