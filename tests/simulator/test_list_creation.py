"""Making lists and items, by both APIs: who may, and what is made."""

from __future__ import annotations

from typing import Any

import pytest
from office365.sharepoint.lists.creation_information import ListCreationInformation
from office365.sharepoint.lists.templates.type import ListTemplateType

from sync_agent.simulator.lists import SharePointList
from tests.simulator.office import CLIENT, Office, error_of
from tests.simulator.test_sharepoint_rest import library, refused

COLUMNS = [
    {"name": "Row", "number": {}},
    {"name": "Done", "boolean": {}, "defaultValue": {"value": "0"}},
    {"name": "What", "text": {"allowMultipleLines": True}},
]


def lists_path(office: Office) -> str:
    site = office.graph("GET", "/sites/127.0.0.1:/sites/ucc", office.token("Sites.Read.All")).json()
    return f"/sites/{site['id']}/lists"


def by_graph(office: Office, title: str = "Made", token: str | None = None, **more: Any) -> Any:
    body = {"displayName": title, "list": {"template": "genericList"}, "columns": COLUMNS, **more}
    return office.graph("POST", lists_path(office), token, json=body)


def by_rest(office: Office, title: str = "Made", token: str | None = None, **more: Any) -> Any:
    return office.rest("POST", "/web/lists", token, json={"Title": title, "BaseTemplate": 100, **more})


def made(office: Office) -> SharePointList:
    return next(found for found in office.site.lists.values() if found.title == "Made")


@pytest.mark.parametrize(
    ("permission", "grant", "status"),
    [
        ("Sites.Selected", None, 403),
        ("Sites.Selected", "read", 403),
        ("Sites.Selected", "write", 403),
        ("Sites.Selected", "manage", 201),
        ("Sites.Selected", "fullcontrol", 201),
        ("Lists.SelectedOperations.Selected", "fullcontrol", 403),
        ("Sites.ReadWrite.All", None, 403),
        ("Sites.Manage.All", None, 201),
    ],
)
@pytest.mark.parametrize("make", [by_graph, by_rest])
def test_who_may_make_a_list(office: Office, make: Any, permission: str, grant: str | None, status: int) -> None:
    office.site.grants = {CLIENT: grant} if grant else {}
    assert make(office, token=office.token(permission)).status_code == status
    assert len(office.site.lists) == (2 if status == 201 else 1)


def test_graph_makes_a_list_with_its_columns(office: Office) -> None:
    answer = by_graph(office)
    assert answer.json()["id"] == made(office).id
    columns = {
        column["name"]: column for column in office.graph("GET", f"{lists_path(office)}/Made/columns").json()["value"]
    }
    assert [facet for facet in ("number", "boolean") if facet in columns["Row"] or facet in columns["Done"]] == [
        "number",
        "boolean",
    ]
    assert columns["Title"]["displayName"] == "Title"


def test_a_title_is_taken_once(office: Office) -> None:
    assert error_of(by_graph(office, "agents")) == (409, "nameAlreadyExists")
    assert refused(by_rest(office, "AGENTS")) == (500, "-2130575342, Microsoft.SharePoint.SPException")


@pytest.mark.parametrize(
    "answer_of",
    [
        lambda office: by_graph(office, ""),
        lambda office: by_graph(office, list={"template": "documentLibrary"}),
        lambda office: by_graph(office, columns=[{"name": "Row"}]),
        lambda office: by_rest(office, ""),
        lambda office: by_rest(office, BaseTemplate=101),
    ],
)
def test_what_is_no_generic_list_is_not_made(office: Office, answer_of: Any) -> None:
    assert answer_of(office).status_code in {400, 501}
    assert len(office.site.lists) == 1


def test_the_library_makes_a_list_and_switches_its_versions_off(office: Office) -> None:
    creation = ListCreationInformation(Title="Made", BaseTemplate=ListTemplateType.GenericList)
    context = library(office)
    found = context.web.lists.add(creation).execute_query()
    assert made(office).versioning
    found.set_property("EnableVersioning", False).update().execute_query()
    assert not made(office).versioning


def test_of_a_list_only_its_versions_are_changed(office: Office) -> None:
    path, merge = f"/web/lists(guid'{office.agents.id}')", {"X-HTTP-Method": "MERGE", "IF-MATCH": "*"}
    assert office.rest("POST", path, json={"EnableVersioning": False}).status_code == 400
    assert office.rest("POST", path, headers=merge, json={"Title": "Other"}).status_code == 400
    office.site.grants = {CLIENT: "write"}
    assert office.rest("POST", path, headers=merge, json={"EnableVersioning": False}).status_code == 403
    assert (office.agents.title, office.agents.versioning) == ("Agents", True)


def test_both_apis_make_items_with_numbers_and_defaults(office: Office) -> None:
    by_graph(office)
    fields = {"Title": "Jane", "Row": 7, "What": "a\nb"}
    graph = office.graph("POST", f"{lists_path(office)}/Made/items", json={"fields": fields})
    rest = office.rest("POST", "/web/lists/getbytitle('Made')/items", json=fields)
    assert (graph.status_code, graph.json()["id"], graph.json()["fields"]["Done"]) == (201, "1", False)
    assert (rest.status_code, rest.json()["Id"], rest.json()["Done"]) == (201, 2, False)
    assert [dict(item.fields) for item in made(office).items.values()] == [{**fields, "Done": False}] * 2


@pytest.mark.parametrize("fields", [{"Row": "seven"}, {"Row": True}, {"Done": "yes"}, {"Nothing": 1}, {"What": 5}])
def test_an_unfit_value_makes_no_item(office: Office, fields: dict[str, Any]) -> None:
    by_graph(office)
    path = "/web/lists/getbytitle('Made')/items"
    assert office.graph("POST", f"{lists_path(office)}/Made/items", json={"fields": fields}).status_code == 400
    assert office.rest("POST", path, json=fields).status_code == 400
    assert made(office).items == {}


def test_making_an_item_takes_the_role_write(office: Office) -> None:
    by_graph(office)
    office.site.grants = {CLIENT: "read"}
    assert office.graph("POST", f"{lists_path(office)}/Made/items", json={"fields": {}}).status_code == 403
    assert office.rest("POST", "/web/lists/getbytitle('Made')/items", json={}).status_code == 403


def test_a_schema_makes_numbers_and_yes_or_no(office: Office) -> None:
    by_rest(office)
    for schema in (
        '<Field Type="Number" DisplayName="Row"/>',
        '<Field Type="Boolean" DisplayName="Done"><Default>1</Default></Field>',
    ):
        body = {"parameters": {"SchemaXml": schema}}
        assert (
            office.rest("POST", "/web/lists/getbytitle('Made')/fields/createfieldasxml", json=body).status_code == 200
        )
    fields = office.rest("GET", "/web/lists/getbytitle('Made')/fields").json()["value"]
    kinds = {field["InternalName"]: (field["TypeAsString"], field["FieldTypeKind"]) for field in fields}
    assert (kinds["Row"], kinds["Done"]) == (("Number", 9), ("Boolean", 8))
    assert office.rest("POST", "/web/lists/getbytitle('Made')/items", json={}).json()["Done"] is True
