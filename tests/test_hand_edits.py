"""Who changed the presence that a row shows: a person is said to have only where no service can have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from sync_agent.hand_edits import presence_edited
from sync_agent.model import Row, Shown

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
WROTE = Shown(
    status="OK", presence="Busy", activity="InACall", presence_changed_at=AT - timedelta(hours=1), sync_changed_at=AT
)


def row(shown: Shown, row_id: int = 1) -> Row:
    return Row(row_id, "ann@contoso.com", "Ann", shown)


@pytest.mark.parametrize(
    "edited",
    [
        structs.replace(WROTE, presence="Available"),
        structs.replace(WROTE, activity=""),
        structs.replace(WROTE, presence_changed_at=None),
        structs.replace(WROTE, presence="", activity="", presence_changed_at=None),
    ],
)
def test_another_presence_beside_the_same_time_of_writing_is_a_person_s(edited: Shown) -> None:
    assert presence_edited({1: row(WROTE)}, {1: row(edited)}) == {1}


@pytest.mark.parametrize(
    "read",
    [
        row(WROTE),
        row(structs.replace(WROTE, presence="Available", sync_changed_at=AT + timedelta(seconds=1))),
        row(structs.replace(WROTE, presence="Available", sync_changed_at=AT - timedelta(seconds=1))),
        row(structs.replace(WROTE, presence="Available", sync_changed_at=None)),
        row(structs.replace(WROTE, status="Error")),  # the journal knows of verdicts
        None,
    ],
    ids=["nothing", "written since", "read before it was written", "cleared", "a verdict", "deleted"],
)
def test_what_a_service_may_have_written_is_nobody_s(read: Row | None) -> None:
    assert presence_edited({1: row(WROTE)}, {1: read}) == frozenset()


def test_of_rows_that_were_not_known_and_that_were_never_written_nothing_is_said() -> None:
    new = row(structs.replace(WROTE, presence="Available"), row_id=2)
    never = structs.replace(WROTE, sync_changed_at=None)
    assert presence_edited({1: row(never)}, {1: row(structs.replace(never, presence="Away")), 2: new}) == frozenset()
