"""Sites and lists by Graph."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from sync_agent.simulator.lists import ListColumn
from tests.simulator.office import CLIENT, Office, error_of, item_path


def list_path(office: Office) -> str:
    return item_path(office).removesuffix("/items")


@pytest.mark.parametrize(
    ("permission", "grant", "reads", "writes", "adds"),
    [
        ("Sites.Selected", None, 403, 403, 403),
        ("Sites.Selected", "read", 200, 403, 403),
        ("Sites.Selected", "write", 200, 200, 403),
        ("Sites.Selected", "manage", 200, 200, 201),
        ("Sites.Selected", "fullcontrol", 200, 200, 201),
        ("Sites.Read.All", None, 200, 403, 403),
        ("Sites.ReadWrite.All", None, 200, 200, 403),
        ("Sites.Manage.All", None, 200, 200, 201),
        ("User.Read.All", "fullcontrol", 403, 403, 403),
    ],
)
def test_who_may_do_what(
    office: Office, permission: str, grant: str | None, reads: int, writes: int, adds: int
) -> None:
    """permissions-selected-overview: Sites.Selected opens nothing without a grant on the site."""
    row_id, path = office.agents.add({"Title": "Jane"}), list_path(office)
    office.site.grants = {CLIENT: grant} if grant else {}
    token = office.token(permission)
    assert office.graph("GET", f"{path}/items", token).status_code == reads
    edit = office.graph("PATCH", f"{path}/items/{row_id}/fields", token, json={"Title": "Joan"})
    assert edit.status_code == writes
    assert office.graph("POST", f"{path}/columns", token, json={"name": "New", "text": {}}).status_code == adds


def test_a_site_is_found_by_path_and_a_list_by_title_or_id(office: Office) -> None:
    site = office.graph("GET", "/sites/127.0.0.1:/sites/ucc").json()
    for wanted in ("agents", office.agents.id):
        found = office.graph("GET", f"/sites/{site['id']}/lists/{wanted}?$select=id,displayName").json()
        assert found == {"id": office.agents.id, "displayName": "Agents"}
    assert [found["id"] for found in office.graph("GET", f"/sites/{site['id']}/lists").json()["value"]] == [
        office.agents.id
    ]


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("/sites/127.0.0.1:/sites/none", (404, "itemNotFound")),
        ("/sites/elsewhere.example:/sites/ucc", (400, "invalidRequest")),
        ("/sites/a,b,c/lists", (404, "itemNotFound")),
        ("{site}/lists/None", (404, "itemNotFound")),
        ("{list}/items/999", (404, "itemNotFound")),
        ("{list}/items?$top=0", (400, "invalidRequest")),
        ("{list}/items?$filter=fields/UPN eq 'x'", (400, "invalidRequest")),
        ("{list}/items?$skiptoken=xyz", (400, "invalidRequest")),
    ],
)
def test_what_is_not_there(office: Office, path: str, refusal: tuple[int, str]) -> None:
    found = list_path(office)
    told = office.graph("GET", path.replace("{list}", found).replace("{site}", found.partition("/lists")[0]))
    assert error_of(told) == refusal


def test_a_field_without_value_is_absent_by_graph_and_null_by_rest(office: Office) -> None:
    row_id = office.agents.add({"Title": "Jane"})
    fields = "$expand=fields($select=Title,UPN,NoSuchField)"
    told = office.graph("GET", f"{item_path(office, row_id)}?{fields}").json()
    assert told["fields"].keys() == {"@odata.etag", "Title"}
    rest = office.rest("GET", f"/web/lists(guid'{office.agents.id}')/items({row_id})?$select=Title,UPN").json()
    assert rest == {"Title": "Jane", "UPN": None}


def test_both_apis_tell_of_the_same_item_and_the_same_revision(office: Office) -> None:
    """Ids, guid, Modified and the number in the ETag; a write by either moves both ETags."""
    row_id = office.agents.add({"Title": "Jane"})
    minimal = {"Accept": "application/json;odata=minimalmetadata"}

    def by_graph() -> tuple[str, str, str, str]:
        told = office.graph("GET", item_path(office, row_id)).json()
        guid, _, revision = told["eTag"].strip('"').partition(",")
        return told["id"], guid, revision, told["lastModifiedDateTime"]

    def by_rest() -> tuple[str, str, str, str]:
        url = f"/web/lists(guid'{office.agents.id}')/items({row_id})"
        told = office.rest("GET", url, headers=minimal).json()
        return str(told["Id"]), told["GUID"], told["odata.etag"].strip('"'), told["Modified"]

    assert by_graph() == by_rest()
    office.graph("PATCH", f"{item_path(office, row_id)}/fields", json={"Title": "Joan"})
    assert by_graph() == by_rest()
    office.agents.edit(row_id, {"Title": "Jo"})
    assert by_graph() == by_rest()
    assert by_rest()[2] == "3"


def test_pages_hold_two_hundred_unless_more_are_asked_for(office: Office) -> None:
    for number in range(450):
        office.agents.add({"Title": f"Agent {number}"})
    path = item_path(office)
    assert len(office.graph("GET", path).json()["value"]) == 200
    items = office.followed(f"{path}?$expand=fields($select=Title)&$select=id,eTag&$top=150")
    assert [int(item["id"]) for item in items] == sorted(office.agents.items)
    assert {item["fields"]["Title"] for item in items} == {f"Agent {number}" for number in range(450)}
    assert len(office.graph("GET", f"{path}?$top=9999").json()["value"]) == 450


def test_a_row_that_is_deleted_between_pages_shifts_nothing(office: Office) -> None:
    ids = [office.agents.add({"Title": str(number)}) for number in range(5)]
    page = office.graph("GET", f"{item_path(office)}?$top=2").json()
    office.agents.delete(ids[0])
    link = page["@odata.nextLink"].partition("/v1.0")[2]
    assert [int(item["id"]) for item in office.graph("GET", link).json()["value"]] == ids[2:4]


@pytest.mark.parametrize(
    ("if_match", "status"), [("{etag}", 200), ("*", 200), (None, 200), ('"{guid},7"', 412), ('"1"', 412)]
)
def test_if_match_is_honoured(office: Office, if_match: str | None, status: int) -> None:
    row_id = office.agents.add({"Title": "Jane"})
    item = office.agents.items[row_id]
    wanted = (if_match or "").replace("{etag}", item.etag).replace("{guid}", item.unique_id)
    headers = {"If-Match": wanted} if if_match else {}
    told = office.graph("PATCH", f"{item_path(office, row_id)}/fields", headers=headers, json={"Title": "Joan"})
    assert told.status_code == status
    assert item.fields["Title"] == ("Joan" if status == 200 else "Jane")
    if status == 200:
        assert told.json()["@odata.etag"] == told.headers["etag"] == item.etag


def test_a_write_makes_a_version_and_moves_modified(office: Office) -> None:
    """Graph has no write that avoids either."""
    office.agents.clock = lambda: datetime(2026, 1, 1, tzinfo=UTC)
    row_id = office.agents.add({"Title": "Jane"})
    office.agents.clock = lambda: datetime(2026, 1, 2, tzinfo=UTC)
    office.graph("PATCH", f"{item_path(office, row_id)}/fields", json={"Title": None})
    item = office.agents.items[row_id]
    assert ("Title" in item.fields, len(item.versions), item.modified.day) == (False, 2, 2)


@pytest.mark.parametrize(
    "fields",
    [
        {"NoSuchField": "x"},
        {"Created": "2026-01-01T00:00:00Z"},
        {"Created": ""},
        {"Title": "x" * 256},
        {"Title": 7},
        {"Start_x0020_date": "yesterday"},
        {"Status": "Purple"},
        {"Title": "fine", "UPN": "x" * 256},
    ],
)
def test_values_that_do_not_fit_change_nothing(office: Office, fields: dict[str, Any]) -> None:
    list_ = list_path(office)
    office.graph("POST", f"{list_}/columns", json={"name": "Status", "choice": {"choices": ["OK", "Error"]}})
    row_id = office.agents.add({"Title": "Jane"})
    assert office.graph("PATCH", f"{list_}/items/{row_id}/fields", json=fields).status_code == 400
    assert office.agents.items[row_id].fields == {"Title": "Jane"}


@pytest.mark.parametrize(
    ("body", "facet"),
    [
        ({"name": "A", "text": {}}, {"text": {"allowMultipleLines": False, "maxLength": 255}}),
        (
            {"name": "B", "text": {"allowMultipleLines": True, "textType": "plain"}},
            {"text": {"allowMultipleLines": True, "linesForEditing": 6, "textType": "plain"}},
        ),
        (
            {"name": "C", "choice": {"choices": ["x"], "allowTextEntry": False}},
            {"choice": {"allowTextEntry": False, "choices": ["x"], "displayAs": "dropDownMenu"}},
        ),
        (
            {"name": "D", "dateTime": {"format": "dateOnly"}},
            {"dateTime": {"displayAs": "default", "format": "dateOnly"}},
        ),
    ],
)
def test_columns_are_created_and_told_of(office: Office, body: dict[str, Any], facet: dict[str, Any]) -> None:
    list_ = list_path(office)
    made = office.graph("POST", f"{list_}/columns", json=body | {"displayName": f"My {body['name']}"})
    assert made.status_code == 201
    told = {column["name"]: column for column in office.graph("GET", f"{list_}/columns").json()["value"]}[body["name"]]
    assert told == made.json()
    assert told["displayName"] == f"My {body['name']}"
    assert {name: told[name] for name in facet} == facet
    assert office.graph("POST", f"{list_}/columns", json=body).status_code == 409


@pytest.mark.parametrize("body", [{"name": "", "text": {}}, {"name": "A"}, {"name": "A", "secret": {}}])
def test_a_column_needs_a_name_and_a_type(office: Office, body: dict[str, Any]) -> None:
    assert office.graph("POST", f"{list_path(office)}/columns", json=body).status_code == 400


def test_internal_names_are_encoded_and_fixed(office: Office) -> None:
    column = office.agents.columns["Start_x0020_date"]
    column.display = "First day"
    found = {
        each["name"]: each["displayName"]
        for each in office.graph("GET", f"{list_path(office)}/columns").json()["value"]
    }
    assert found["Start_x0020_date"] == "First day"


def test_titles_with_marks_are_found(office: Office) -> None:
    office.agents.title = "Agents & Cø's list"
    site = item_path(office).partition("/lists")[0]
    assert office.graph("GET", f"{site}/lists/{quote(office.agents.title)}").json()["id"] == office.agents.id


def test_folders_are_items_too(office: Office) -> None:
    office.agents.items[office.agents.add({"Title": "Old"})].is_folder = True
    (item,) = office.graph("GET", item_path(office)).json()["value"]
    assert item["contentType"] == {"id": "0x0120", "name": "Folder"}


def test_a_lookups_value_is_told_only_when_its_field_is_selected(office: Office) -> None:
    """fieldValueSet; of managed metadata the label comes with the term's id."""
    office.agents.columns["Squad"] = ListColumn("Squad", "Squad", "Lookup")
    office.agents.columns["Leaders"] = ListColumn("Leaders", "Leaders", "UserMulti")
    office.agents.columns["Team"] = ListColumn("Team", "Team", "TaxonomyFieldType")
    office.agents.add({"Squad": "Sales", "Leaders": ["Terry"], "Team": "Sales"})

    def fields(expand: str) -> Any:
        return office.graph("GET", f"{item_path(office)}?$expand={expand}").json()["value"][0]["fields"]

    plain = fields("fields")
    assert "Squad" not in plain and plain["SquadLookupId"].isdigit() and plain["Team"]["Label"] == "Sales"
    told = fields("fields($select=Squad,Leaders)")
    assert (told["Squad"], told["Leaders"][0]["LookupValue"]) == ("Sales", "Terry")


def test_a_column_is_described_and_indexed_and_nothing_else_of_it_changed(office: Office) -> None:
    column = office.agents.columns["UPN"]
    url = f"{list_path(office)}/columns/{column.id}"
    told = office.graph("PATCH", url, json={"description": "Who", "indexed": True})
    assert (told.status_code, told.json()["description"], told.json()["indexed"]) == (200, "Who", True)
    assert (column.description, column.indexed) == ("Who", True)
    assert office.graph("PATCH", url, json={"customFormatter": "{}"}).status_code == 400
    assert office.graph("PATCH", url, json={"indexed": False}).json()["indexed"] is False
    assert office.graph("PATCH", f"{list_path(office)}/columns/UPNs", json={}).status_code == 404
    note = f"{list_path(office)}/columns/{office.agents.columns['Skill'].id}"
    assert office.graph("PATCH", note, json={"indexed": True}).status_code == 400


def test_a_list_takes_20_indexes(office: Office) -> None:
    for number in range(20):
        office.agents.columns[f"C{number}"] = ListColumn(f"C{number}", f"C {number}", indexed=True)
    url = f"{list_path(office)}/columns/{office.agents.columns['UPN'].id}"
    assert office.graph("PATCH", url, json={"indexed": True}).status_code == 400
    office.agents.columns["C0"].indexed = False
    assert office.graph("PATCH", url, json={"indexed": True}).status_code == 200
