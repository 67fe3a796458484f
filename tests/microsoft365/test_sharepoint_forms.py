"""ValidateUpdateListItem's forms: what is sent, how answers are judged, and what is learnt from a refusal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sync_agent.microsoft365.column_kinds import Kind, ListColumn
from sync_agent.microsoft365.columns import SPECIFICATIONS, Columns
from sync_agent.microsoft365.list_answers import Failed, Written
from sync_agent.microsoft365.sharepoint_batch import BatchAnswer
from sync_agent.microsoft365.sharepoint_forms import Again, Forms, Regional, Standing, Ways
from sync_agent.model import Change, OurColumn, Row

AFTERNOON = datetime(2026, 11, 4, 14, 43, 5, tzinfo=UTC)
ROW = Row(7, "jane@contoso.com")
CHANGE = Change(ROW, {OurColumn.STATUS: "OK", OurColumn.ANOMALIES: "", OurColumn.SYNC_CHANGED_AT: AFTERNOON})
STANDING = Standing(ROW, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "i:0#.f|membership|lead@contoso.com")
GERMAN = Regional("dmy", ".", ":", hours_24=True)


def text(name: str) -> ListColumn:
    return ListColumn(name, name, Kind.TEXT, name)


def forms(ways: Ways | None = None) -> Forms:
    async def ask_regional() -> Regional:
        return GERMAN

    columns = Columns(text("UPN"), text("Title"), {our: text(f"{our}0") for our in SPECIFICATIONS})
    return Forms(columns, ways or Ways(), ask_regional)


def values(form: bytes) -> dict[str, str]:
    return {one["FieldName"]: one["FieldValue"] for one in json.loads(form)["formValues"]}


def answer(*refused: str, item: int = 7, without: str = "") -> BatchAnswer:
    names = ["SyncStatus0", "SyncAnomalies0", "SyncChangedAt0", "Modified", "Editor"]
    results: list[dict[str, Any]] = [
        {"FieldName": name, "HasException": name in refused, "ErrorMessage": f"bad {name}", "ItemId": item}
        for name in names
        if name != without
    ]
    return BatchAnswer(200, json.dumps({"value": results}).encode())


def test_a_form_names_our_columns_and_the_old_stamp() -> None:
    form = forms().form(CHANGE, STANDING)
    assert json.loads(form)["bNewDocumentUpdate"] is True
    assert json.loads(form)["datesInUTC"] is True
    assert values(form) == {
        "SyncStatus0": "OK",
        "SyncAnomalies0": "",
        "SyncChangedAt0": "2026-11-04T14:43:05Z",
        "Modified": "2026-01-02T03:04:05Z",
        "Editor": '[{"Key":"i:0#.f|membership|lead@contoso.com"}]',
    }


def test_without_a_known_stamp_none_is_sent() -> None:
    assert "Modified" not in values(forms().form(CHANGE, Standing(ROW)))


def test_a_field_by_field_yes_is_written() -> None:
    assert forms().judge(CHANGE, STANDING, answer(), 0, in_order=True) == Written(7)


@pytest.mark.parametrize(
    ("given", "in_order"),
    [
        (answer(item=8), True),
        (answer(item=0), False),
        (answer(without="SyncStatus0"), True),
        (BatchAnswer(200, b"<html>"), True),
        (BatchAnswer(200, b'{"value":[]}'), True),
        (BatchAnswer(200, b""), True),
    ],
    ids=["another row", "parts missing and no id", "a field missing", "html", "no fields", "empty"],
)
def test_anything_less_is_not_written(given: BatchAnswer, in_order: bool) -> None:
    assert isinstance(forms().judge(CHANGE, STANDING, given, 0, in_order=in_order), Failed)


def test_an_id_outweighs_a_missing_part_elsewhere() -> None:
    assert forms().judge(CHANGE, STANDING, answer(item=7), 0, in_order=False) == Written(7)


def test_a_refused_value_of_ours_is_told() -> None:
    outcome = forms().judge(CHANGE, STANDING, answer("SyncStatus0"), 0, in_order=True)
    assert outcome == Failed(7, "SyncStatus0: bad SyncStatus0")


@pytest.mark.anyio
async def test_dates_are_sent_as_the_site_takes_them() -> None:
    ways = Ways()
    asked = forms(ways)
    written = []
    for sent_as in range(3):
        written.append(values(asked.form(CHANGE, STANDING))["SyncChangedAt0"])
        judged = asked.judge(CHANGE, STANDING, answer("SyncChangedAt0"), sent_as, in_order=True)
        if isinstance(judged, Again):
            await asked.learn(judged)
    assert written == ["2026-11-04T14:43:05Z", "04.11.2026 14:43:05", "04.11.2026 14:43"]
    assert judged == Failed(7, "SyncChangedAt0: bad SyncChangedAt0")


@pytest.mark.anyio
async def test_a_batch_full_of_refused_dates_teaches_one_step() -> None:
    ways = Ways()
    for _ in range(3):
        await forms(ways).learn(Again(0, date_refused="not a date"))
    assert ways.date_format == 1


@pytest.mark.anyio
async def test_a_lost_editor_concerns_only_the_rows_of_that_editor() -> None:
    asked = forms()
    judged = asked.judge(CHANGE, STANDING, answer("Editor"), 0, in_order=True)
    assert isinstance(judged, Again)
    await asked.learn(judged)
    other = Standing(ROW, STANDING.modified, "i:0#.f|membership|other@contoso.com")
    assert "Editor" not in values(asked.form(CHANGE, STANDING))
    assert "Editor" in values(asked.form(CHANGE, other))


@pytest.mark.anyio
async def test_a_site_that_lets_nobody_set_modified_is_not_asked_again() -> None:
    asked = forms(Ways(date_format=2))
    judged = asked.judge(CHANGE, STANDING, answer("Modified", "Editor"), 2, in_order=True)
    assert isinstance(judged, Again)
    await asked.learn(judged)
    assert values(asked.form(CHANGE, STANDING)).keys() == {"SyncStatus0", "SyncAnomalies0", "SyncChangedAt0"}


@pytest.mark.parametrize(
    ("regional", "written"),
    [
        (Regional(), "11/04/2026 2:43:05 PM"),
        (GERMAN, "04.11.2026 14:43:05"),
        (Regional("ymd", "-", ":", hours_24=True), "2026-11-04 14:43:05"),
        (Regional("dmy", "/", ".", hours_24=False, am_pm=("a.m.", "p.m.")), "04/11/2026 2.43.05 p.m."),
    ],
)
def test_regional_dates(regional: Regional, written: str) -> None:
    assert regional.write(AFTERNOON, seconds=True) == written


@pytest.mark.parametrize(("hour", "written"), [(0, "12:00 AM"), (11, "11:00 AM"), (12, "12:00 PM"), (23, "11:00 PM")])
def test_twelve_hour_clocks(hour: int, written: str) -> None:
    assert Regional().write(AFTERNOON.replace(hour=hour, minute=0), seconds=False).endswith(written)
