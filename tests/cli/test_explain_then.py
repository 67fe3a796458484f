"""`explain --at`: how a row stood at another time, from the history alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sync_agent.model import Anomaly, Code, Row, Status, User, Verdict
from sync_agent.outcome import Outcome, Writes
from sync_agent.state.store import Store
from tests.cli.commands import sentence
from tests.cli.test_explain import SCHEMA, told
from tests.lab import Lab, lab

MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
GONE = Anomaly(Code.USER_DISABLED, "This user may not sign in: the account is disabled.", "Ask IT.")
MISSING = Anomaly(Code.USER_NOT_FOUND, "Nobody has this UPN.", "Did you mean jane@contoso.com?", "jane@contoso.com")
JANE = User("id-jane", "jane@contoso.com", "Jane Doe")


def passed(at: datetime, *rows: tuple[Row, Verdict]) -> Outcome:
    return Outcome(
        started=at,
        seconds=2.0,
        list_title="Agents",
        rows={row.id: row for row, _ in rows},
        verdicts={row.id: verdict for row, verdict in rows},
        writes=Writes(),
        accounts={},
    )


@pytest.fixture(scope="module")
def remembering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """On Monday row 1 had a slip, on Tuesday it was right, on Wednesday the account was disabled. Secrets and network
    are gone since: the history is all there is.
    """
    folder = tmp_path_factory.mktemp("then")
    with lab(folder, rows=45) as made:
        pass
    for file in (folder / "secrets").iterdir():
        file.unlink()
    store = Store.open(f"sqlite:///{folder}/state/sync-agent.db")
    other = Row(2, "Jane@contoso.com", "Jane D."), Verdict(2, Status.OK, (), JANE, "contoso")
    slip = Row(1, "jan@contoso.com ", "Jane Doe", team="Sales"), Verdict(1, Status.ERROR, (MISSING,))
    right = Row(1, "jane@contoso.com", "Jane Doe", team="Sales")
    days = [
        [slip],
        [(right, Verdict(1, Status.OK, (), JANE, "contoso")), other],
        [(right, Verdict(1, Status.ERROR, (GONE,), JANE, "contoso")), other],
    ]
    for day, rows in enumerate(days):
        store.save(passed(MONDAY + timedelta(days=day), *rows))
    store.close()
    yield made


def document(lab_: Lab, wanted: str, at: str, code: int = 0) -> Any:
    ran = lab_.run("explain", wanted, "--at", at, "--json")
    assert ran.code == code, ran.err
    jsonschema.validate(ran.json(), SCHEMA, format_checker=jsonschema.FormatChecker())
    return ran.json()


@pytest.mark.parametrize(
    ("at", "status", "codes"),
    [
        ("2026-11-23", "Error", ["user_not_found"]),
        ("2026-11-23T08:00:02Z", "Error", ["user_not_found"]),
        ("2026-11-24T07:59", "Error", ["user_not_found"]),
        ("2026-11-24T09:00+01:00", "Error", ["user_not_found"]),
        ("2026-11-24T09:01:00+01:00", "OK", []),
        ("2026-11-24", "OK", []),
        ("2026-11-25", "Error", ["user_disabled"]),
        ("2999-01-01", "Error", ["user_disabled"]),
    ],
)
def test_the_verdict_of_a_time_is_told_as_it_was(remembering: Lab, at: str, status: str, codes: list[str]) -> None:
    explained = document(remembering, "1", at)
    assert explained["verdict"]["status"] == status
    assert [anomaly["code"] for anomaly in explained["verdict"]["anomalies"]] == codes
    assert explained["requests"] == {}
    assert explained["complete"] is True


def test_what_the_cell_held_since_when_until_when_and_what_came_before_and_after(remembering: Lab) -> None:
    page = told(remembering.run("explain", "1", "--at", "2026-11-23"))
    assert "row 1 of Agents held “jan@contoso.com ”, the name beside it was “Jane Doe”, the team “Sales”." in page
    assert "Nobody has this UPN. Did you mean jane@contoso.com?" in page
    assert "For the administrator:" in page
    assert "So since 2026-11-23 08:00:02 UTC, until 2026-11-24 08:00:02 UTC." in page
    assert "afterwards OK from 2026-11-24 08:00:02 UTC until 2026-11-25 08:00:02 UTC, with “jane@contoso.com”" in page
    assert "last pass Of 2026-11-23 08:00:00 UTC: 1 rows, 0 OK, 0 Warning, 1 Error, 0 Unknown." in page
    assert "next pass Of 2026-11-24 08:00:00 UTC" in page
    assert "The history begins on 2026-11-23 08:00:00 UTC." in page
    assert page.endswith("From the history; nothing was asked · nothing was written")
    later = told(remembering.run("explain", "1", "--at", "2026-11-25"))
    assert "before OK from 2026-11-24 08:00:02 UTC" in later
    assert "and still does." in later


def test_a_upn_finds_the_rows_that_held_it_then(remembering: Lab) -> None:
    explained = document(remembering, "JANE@contoso.com", "2026-11-24")
    assert (explained["row"]["id"], explained["also"]) == (1, [2])
    assert "So did row 2." in explained["steps"][0]["text"]
    assert document(remembering, "jane@contoso.com", "2026-11-23", code=1)["row"] is None


@pytest.mark.parametrize(("wanted", "at"), [("1", "2026-11-22"), ("7", "2026-11-24"), ("x@y.z", "2026-11-24")])
def test_where_nothing_is_known_that_is_said_and_how_far_history_reaches(
    remembering: Lab, wanted: str, at: str
) -> None:
    ran = remembering.run("explain", wanted, "--at", at)
    assert ran.code == 1
    assert "is known" in told(ran)
    assert "The history begins on 2026-11-23 08:00:00 UTC." in told(ran)
    explained = document(remembering, wanted, at, code=1)
    assert (explained["verdict"], explained["row"], explained["complete"]) == (None, None, False)


@pytest.mark.parametrize("at", ["yesterday", "2026-13-01", "", "0001-01-01T00:00+14:00"])
def test_what_is_no_time_is_refused(remembering: Lab, at: str) -> None:
    ran = remembering.run("explain", "1", "--at", at)
    assert (ran.code, ran.out) == (2, "")
    assert "is not a time like 2026-11-24" in sentence(ran)


def test_nothing_is_left_behind(remembering: Lab) -> None:
    def files() -> dict[Path, bytes]:
        return {file: file.read_bytes() for file in remembering.folder.rglob("*") if file.is_file()}

    before = files()
    assert remembering.run("explain", "1", "--at", "2026-11-24").code == 0
    assert files() == before


def test_a_history_that_is_not_there_or_is_none_is_one_sentence(bare: Lab) -> None:
    ran = bare.run("explain", "1", "--at", "2026-11-24")
    assert (ran.code, ran.out) == (1, "")
    assert sentence(ran).startswith("There is no history yet")
    database = bare.folder / "state" / "sync-agent.db"
    assert not database.exists()
    database.parent.mkdir(exist_ok=True)
    database.write_text("not a database, but long enough to be looked at")
    ran = bare.run("explain", "1", "--at", "2026-11-24")
    assert (ran.code, ran.out) == (1, "")
    assert "sync-agent.db" in sentence(ran)


def test_a_history_of_another_version_is_left_alone(bare: Lab) -> None:
    database = bare.folder / "state" / "sync-agent.db"
    database.parent.mkdir(exist_ok=True)
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE passes (id INTEGER)")
    connection.close()
    before = database.read_bytes()
    ran = bare.run("explain", "1", "--at", "2026-11-24")
    assert (ran.code, ran.out) == (1, "")
    assert "of another version" in sentence(ran)
    assert database.read_bytes() == before
