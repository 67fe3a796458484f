"""Cells from and to the wire."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import msgspec
import pytest

from sync_agent.microsoft365.cells import (
    Cells,
    cell_fields,
    display_text,
    expanded_names,
    iso,
    json_value,
    moment,
    row_of,
    same_cells,
    struct,
    wire_names,
)
from sync_agent.microsoft365.column_kinds import Kind, ListColumn
from sync_agent.microsoft365.columns import Columns
from sync_agent.model import OurColumn, Row, Shown

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def text(internal: str, wire: str = "") -> ListColumn:
    return ListColumn(internal, internal, Kind.TEXT, wire or internal)


COLUMNS = Columns(text("_x0031_UPN", "OData__x0031_UPN"), text("Title"), {our: text(our.value) for our in OurColumn})


def decode(item: dict[str, Any], columns: Columns = COLUMNS) -> Row:
    cells = msgspec.json.decode(msgspec.json.encode(item), type=struct("Cells", cell_fields(columns)))
    return row_of(1, '"e,1"', cast(Cells, cells))


def test_a_row_as_it_comes() -> None:
    row = decode(
        {
            "OData__x0031_UPN": " o'brien@contoso.com",
            "Title": "<script>O'Brien</script>",
            "SyncStatus": "Error",
            "SyncAnomalies": "a\r\nb",
            "PresenceChangedAt": "2026-11-24T12:00:00Z",
            "Somebody's": {"own": ["column"]},
        }
    )
    shown = Shown(status="Error", anomalies="a\r\nb", presence_changed_at=NOON)
    assert row == Row(1, " o'brien@contoso.com", "<script>O'Brien</script>", shown, '"e,1"')


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (None, ""),
        ("  Sales ", "Sales"),
        (7, "7"),
        (["Sales", "", "Service"], "Sales, Service"),
        ({"results": ["Sales", "Service"]}, "Sales, Service"),
        ({"Label": "Sales", "TermGuid": "f0", "WssId": 3}, "Sales"),
        ([{"LookupId": 3, "LookupValue": "Sales"}, {"LookupId": 4, "LookupValue": "Service"}], "Sales, Service"),
        ({"Title": "Sales"}, "Sales"),
        ({"odata.type": "SP.Data.TeamsListItem", "__metadata": {"id": "x"}, "Squad": "Sales"}, "Sales"),
        ({"Description": "Sales", "Url": "https://contoso.com"}, "Sales"),
        ({"Title": None}, ""),
        ({}, ""),
        ([], ""),
    ],
)
def test_what_people_see_in_a_cell_of_any_type(value: object, seen: str) -> None:
    assert display_text(value) == seen


def test_the_team_and_the_approval_are_read_where_their_columns_are() -> None:
    team = replace(text("Team"), kind=Kind.LOOKUP, part="Squad")
    columns = replace(COLUMNS, team=team, approval=text("Approved"))
    row = decode({"Team": {"Squad": "Sales"}, "Approved": " jane@contoso.com"}, columns)
    assert (row.team, row.approved) == ("Sales", " jane@contoso.com")
    assert {"Team/Squad", "Approved"} < set(wire_names(columns))
    assert (expanded_names(columns), expanded_names(COLUMNS)) == (["Team"], [])
    assert decode({"Team": "Sales", "Approved": "x"}) == decode({})


def test_cells_without_value_are_empty_whether_absent_or_null() -> None:
    empty = Row(1, None, "", Shown(), '"e,1"')
    assert decode({}) == empty
    assert decode({"OData__x0031_UPN": None, "Title": None, "SyncStatus": None, "SyncChangedAt": None}) == empty


def test_an_empty_upn_is_told_from_none() -> None:
    assert decode({"OData__x0031_UPN": ""}).upn == ""


def test_the_name_may_be_a_number_or_the_upn_itself() -> None:
    assert decode({"Title": 4711}).name == "4711"
    upn = text("UPN")
    same = Columns(upn, upn, COLUMNS.ours)
    assert decode({"UPN": "jane@contoso.com"}, same).name == "jane@contoso.com"
    assert wire_names(same).count("UPN") == 1


def test_a_upn_of_another_shape_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode({"OData__x0031_UPN": {"Description": "a link"}})


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2026-11-24T12:00:00Z", NOON),
        ("2026-11-24T13:00:00+01:00", NOON),
        ("2026-11-24T12:00:00", NOON),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_utc_or_nothing(cell: str | None, expected: datetime | None) -> None:
    assert moment(cell) == expected


def test_values_for_graph() -> None:
    vienna = timezone(timedelta(hours=1))
    assert json_value(NOON.astimezone(vienna)) == "2026-11-24T12:00:00Z"
    assert json_value("") is None
    assert json_value(None) is None
    assert json_value("Away") == "Away"


def test_fractions_of_seconds_are_not_sent() -> None:
    assert iso(NOON.replace(microsecond=999_999)) == "2026-11-24T12:00:00Z"


def test_same_cells_looks_past_versions() -> None:
    row = decode({"Title": "Jane"})
    assert same_cells(row, Row(1, None, "Jane", Shown(), '"e,9"'))
    assert not same_cells(row, Row(1, None, "Jane", Shown(status="OK"), '"e,1"'))
