"""The life of one item: made, brought up to date, ticked, resolved, and put right when something went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync_agent.anomaly_item import ACKNOWLEDGED, AnomalyItem, ItemColumn
from sync_agent.anomaly_mirror import Standing, compare
from sync_agent.list_item import ItemChange, ItemValue

NOW = datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC)
OPENED = NOW - timedelta(days=2)
DISABLED = Standing(
    4, "user_disabled", "error", "jane@contoso.com", "Jane Doe", "This user may not sign in.", OPENED, team="Sales"
)
CELLS: dict[str, ItemValue] = {
    ItemColumn.TITLE: "Jane Doe",
    ItemColumn.ROW: 4,
    ItemColumn.UPN: "jane@contoso.com",
    ItemColumn.CODE: "user_disabled",
    ItemColumn.SEVERITY: "error",
    ItemColumn.MESSAGE: "This user may not sign in.",
    ItemColumn.TEAM: "Sales",
    ItemColumn.OPENED: OPENED,
    ItemColumn.TIMES: 1,
}


def item(id_: int = 1, *, ticked: bool = False, **cells: ItemValue) -> AnomalyItem:
    named = {ItemColumn[name].value: value for name, value in cells.items()}
    return AnomalyItem(id_, {**CELLS, ACKNOWLEDGED: ticked, **named})


def changes(standing: Standing | None, *items: AnomalyItem) -> tuple[ItemChange[AnomalyItem], ...]:
    return compare([standing] if standing else [], items, NOW).changes


def test_an_item_is_made_when_an_anomaly_opens() -> None:
    assert changes(DISABLED) == (ItemChange(None, CELLS),)


def test_empty_cells_are_not_sent_for_a_new_item() -> None:
    (made,) = changes(replace(DISABLED, upn=None, team="", suggestion=None))
    assert made.values.keys() == CELLS.keys() - {ItemColumn.UPN, ItemColumn.TEAM}


@pytest.mark.parametrize(
    ("name", "upn", "title"),
    [(" Jane ", "x", "Jane"), ("", "x@y.z", "x@y.z"), (" ", None, "Row 4"), ("a\u200bb", None, "a‹U+200B›b")],
)
def test_the_title_is_the_rows_name_where_it_has_one(name: str, upn: str | None, title: str) -> None:
    (made,) = changes(replace(DISABLED, name=name, upn=upn))
    assert made.values[ItemColumn.TITLE] == title


def test_nothing_is_written_where_the_item_says_it_already() -> None:
    assert changes(DISABLED, item()) == ()


@pytest.mark.parametrize(
    ("standing", "values"),
    [
        (replace(DISABLED, message="Gone.\nAsk IT."), {ItemColumn.MESSAGE: "Gone. Ask IT."}),
        (replace(DISABLED, upn="joan@contoso.com"), {ItemColumn.UPN: "joan@contoso.com"}),
        (replace(DISABLED, suggestion="j@contoso.com"), {ItemColumn.SUGGESTION: "j@contoso.com"}),
        (replace(DISABLED, team=""), {ItemColumn.TEAM: ""}),
        (replace(DISABLED, times=7, opened=NOW), {}),
    ],
)
def test_an_item_is_brought_up_to_date(standing: Standing, values: Mapping[str, ItemValue]) -> None:
    found = item()
    assert changes(standing, found) == ((ItemChange(found, values),) if values else ())


def test_an_item_is_resolved_when_its_anomaly_is_gone_and_never_again() -> None:
    found = item()
    assert changes(None, found, item(2, RESOLVED=OPENED)) == (ItemChange(found, {ItemColumn.RESOLVED: NOW}),)


def test_an_anomaly_that_opens_again_gets_an_item_of_its_own() -> None:
    (made,) = changes(replace(DISABLED, times=2), item(RESOLVED=OPENED))
    assert (made.item, made.values[ItemColumn.TIMES]) == (None, 2)


def test_an_item_that_somebody_deleted_is_made_again() -> None:
    assert changes(DISABLED, item(2, ROW=5, RESOLVED=NOW)) == (ItemChange(None, CELLS),)


@pytest.mark.parametrize("theirs", [item(ROW=None), item(CODE="")])
def test_items_of_people_are_left_alone(theirs: AnomalyItem) -> None:
    assert changes(None, theirs) == ()


def test_of_two_items_of_one_anomaly_the_later_is_resolved() -> None:
    later = item(9)
    assert changes(DISABLED, later, item(3)) == (ItemChange(later, {ItemColumn.RESOLVED: NOW}),)


def test_a_tick_that_holds_goes_before_age() -> None:
    earlier = item(3)
    made = compare([DISABLED], [earlier, item(9, ticked=True)], NOW)
    assert made.changes == (ItemChange(earlier, {ItemColumn.RESOLVED: NOW}),)
    assert made.acknowledged == {DISABLED.key}


def test_ticked_is_acknowledged_and_unticked_is_not() -> None:
    assert compare([DISABLED], [item(ticked=True)], NOW).acknowledged == {DISABLED.key}
    assert compare([DISABLED], [item()], NOW).acknowledged == frozenset()


@pytest.mark.parametrize("changed", [replace(DISABLED, message="Another."), replace(DISABLED, upn="joan@contoso.com")])
def test_a_tick_is_for_what_was_seen(changed: Standing) -> None:
    """A new item, not ticked, takes the place of one that was ticked for another message or UPN."""
    ticked = item(ticked=True)
    made = compare([changed], [ticked], NOW)
    resolved, new = made.changes
    assert resolved == ItemChange(ticked, {ItemColumn.RESOLVED: NOW})
    assert new.item is None
    assert made.acknowledged == frozenset()


def test_another_team_does_not_undo_a_tick() -> None:
    ticked = item(ticked=True)
    made = compare([replace(DISABLED, team="Billing")], [ticked], NOW)
    assert made.changes == (ItemChange(ticked, {ItemColumn.TEAM: "Billing"}),)
    assert made.acknowledged == {DISABLED.key}


def test_what_could_not_be_asked_changes_no_message() -> None:
    unsure = replace(DISABLED, message="Less is known today.", suggestion=None, unsure=True)
    found = item(ticked=True, SUGGESTION="j@contoso.com")
    made = compare([unsure], [found], NOW)
    assert made.changes == ()
    assert made.acknowledged == {DISABLED.key}
    renamed = compare([replace(unsure, upn="joan@contoso.com")], [found], NOW)
    assert len(renamed.changes) == 2
