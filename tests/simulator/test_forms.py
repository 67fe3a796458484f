"""ValidateUpdateListItem: texts in, an answer for each field, no new version when asked so."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sync_agent.simulator.lists import SERVICE, TEAM_LEADER, ListColumn
from tests.simulator.office import Office

CREATED = datetime(2026, 1, 1, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def row(office: Office) -> None:
    office.agents.clock = lambda: CREATED
    office.agents.add({"Title": "Jane"})
    office.agents.clock = lambda: datetime(2026, 6, 1, 8, tzinfo=UTC)
    office.agents.add_column(ListColumn("Seen", "Seen", "DateTime"))
    office.agents.add_column(ListColumn("Status", "Status", "Choice", ("OK", "Error")))


def send(office: Office, fields: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    form = {"formValues": [{"FieldName": name, "FieldValue": text} for name, text in fields.items()]}
    url = f"/web/lists(guid'{office.agents.id}')/items(1)/ValidateUpdateListItem"
    answer = office.rest("POST", url, json=form | {"bNewDocumentUpdate": True, "datesInUTC": True} | more)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["value"]
    return results


@pytest.mark.parametrize(("new_document", "versions"), [(True, 1), (False, 2)])
def test_only_a_new_document_update_adds_no_version(office: Office, new_document: bool, versions: int) -> None:
    send(office, {"Title": "Joan"}, bNewDocumentUpdate=new_document)
    item = office.agents.items[1]
    assert (item.fields["Title"], len(item.versions), item.revision) == ("Joan", versions, 2)
    assert (item.modified.month, item.editor) == (6, SERVICE)


def test_modified_and_modified_by_stay_when_their_old_values_are_sent(office: Office) -> None:
    editor = json.dumps([{"Key": TEAM_LEADER.login}])
    send(office, {"Title": "Joan", "Modified": "2026-01-01T08:00:00Z", "Editor": editor})
    item = office.agents.items[1]
    assert (item.modified, item.editor) == (CREATED, TEAM_LEADER)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("Status", "Purple"),
        ("Seen", "yesterday"),
        ("Title", "x" * 256),
        ("Nickname", "x"),
        ("Created", "2026-01-01T08:00:00Z"),
        ("Editor", json.dumps([{"Key": "nobody"}])),
        ("Editor", "nobody"),
        ("Title", 7),
    ],
)
def test_one_refused_field_is_told_of_and_nothing_is_saved(office: Office, field: str, text: Any) -> None:
    told = send(office, {"UPN": "jane@contoso.com", field: text})
    assert [(each["FieldName"], each["HasException"]) for each in told] == [("UPN", False), (field, True)]
    assert told[1]["ErrorMessage"]
    assert told[1]["ErrorCode"]
    assert {each["ItemId"] for each in told} == {1}
    assert office.agents.items[1].fields == {"Title": "Jane"}
    assert office.agents.items[1].revision == 1


@pytest.mark.parametrize(
    ("locale", "iso", "in_utc", "text", "stored"),
    [
        (1033, True, True, "2026-03-02T21:05:06Z", "2026-03-02T21:05:06Z"),
        (1033, True, False, "2026-03-02T21:05:06Z", None),
        (1033, False, True, "2026-03-02T21:05:06Z", None),
        (1033, True, True, "3/2/2026 9:05:06 PM", "2026-03-02T21:05:06Z"),
        (1033, True, True, "3/2/2026 9:05 PM", "2026-03-02T21:05:00Z"),
        (1033, True, True, "02.03.2026 21:05:06", None),
        (1031, True, True, "02.03.2026 21:05:06", "2026-03-02T21:05:06Z"),
        (1031, True, True, "3/2/2026 9:05 PM", None),
        (1033, True, False, "3/2/2026 9:05:06 PM", "2026-03-03T05:05:06Z"),
    ],
)
def test_dates_are_in_the_sites_format_and_time(
    office: Office, locale: int, iso: bool, in_utc: bool, text: str, stored: str | None
) -> None:
    office.site.locale_id, office.site.takes_iso_dates = locale, iso
    (told,) = send(office, {"Seen": text}, datesInUTC=in_utc)
    assert (told["HasException"], office.agents.items[1].fields.get("Seen")) == (stored is None, stored)


def test_an_empty_text_empties_the_field(office: Office) -> None:
    send(office, {"Title": ""})
    assert office.agents.items[1].fields == {}


def test_a_form_without_fields_writes_nothing(office: Office) -> None:
    assert send(office, {}) == []
    assert office.agents.items[1].revision == 1


@pytest.mark.parametrize("values", [None, "x", [{"FieldValue": "x"}], ["x"]])
def test_what_is_no_form_is_refused(office: Office, values: Any) -> None:
    url = f"/web/lists(guid'{office.agents.id}')/items(1)/ValidateUpdateListItem"
    assert office.rest("POST", url, json={"formValues": values}).status_code == 400


def test_it_takes_no_etag(office: Office) -> None:
    url = f"/web/lists(guid'{office.agents.id}')/items(1)/ValidateUpdateListItem"
    form = {"formValues": [{"FieldName": "Title", "FieldValue": "Joan"}], "bNewDocumentUpdate": True}
    assert office.rest("POST", url, headers={"IF-MATCH": '"99"'}, json=form).status_code == 200
    assert office.agents.items[1].fields["Title"] == "Joan"
