"""SharePoint REST: what Office365-REST-Python-Client really sends works, and what SharePoint refuses is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from office365.runtime.client_request_exception import ClientRequestException
from office365.sharepoint.client_context import ClientContext
from office365.sharepoint.views.create_information import ViewCreationInformation

from sync_agent.simulator.lists import VIEW_THRESHOLD, ListColumn
from tests.simulator.office import CLIENT, SITE, Office, trusting_session

VERBOSE, MINIMAL, NONE = (f"application/json;odata={kind}" for kind in ("verbose", "minimalmetadata", "nometadata"))
INVALID = "-1, Microsoft.SharePoint.Client.InvalidClientQueryException"


def library(office: Office) -> Any:
    """A context of the library with its own requests, contextinfo and headers."""
    token = {"access_token": office.token(), "token_type": "Bearer", "expires_in": 3_600}
    context = ClientContext(office.world.origin + SITE).with_access_token(lambda: token)
    context.pending_request().with_transport(session=trusting_session(), verify=trusting_session().verify)
    return context


def items(office: Office) -> str:
    return f"/web/lists(guid'{office.agents.id}')/items"


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["odata.error"]["code"]


def fill(office: Office, count: int) -> None:
    for number in range(count):
        office.agents.add({"Title": f"Agent {count - number}", "UPN": f"u{number}@contoso.com"})


def test_the_library_reads_site_lists_fields_and_items(office: Office) -> None:
    fill(office, 3)
    context = library(office)
    assert context.web.get().execute_query().properties["Title"] == "Contact centre"
    (found,) = context.web.lists.get().execute_query()
    assert (found.properties["Id"], found.properties["ItemCount"]) == (office.agents.id, 3)
    by_title = context.web.lists.get_by_title("Agents")
    fields = {field.properties["InternalName"] for field in by_title.fields.get().execute_query()}
    assert fields == office.agents.columns.keys()
    rows = by_title.items.get().select(["Id", "Title", "UPN"]).execute_query()
    assert [row.properties["UPN"] for row in rows] == [f"u{number}@contoso.com" for number in range(3)]


def test_the_library_pages(office: Office) -> None:
    fill(office, 25)
    rows = library(office).web.lists.get_by_title("Agents").items.get_all(page_size=10).execute_query()
    assert [row.properties["Id"] for row in rows] == list(range(1, 26))


def test_the_library_updates_and_makes_a_version(office: Office) -> None:
    fill(office, 1)
    item = library(office).web.lists.get_by_title("Agents").items.get_by_id(1)
    item.set_property("Title", "Joan").update().execute_query()
    kept = office.agents.items[1]
    assert (kept.fields["Title"], kept.revision, len(kept.versions)) == ("Joan", 2, 2)


def test_the_library_validates_and_updates(office: Office) -> None:
    fill(office, 1)
    item = library(office).web.lists.get_by_title("Agents").items.get_by_id(1)
    told = item.validate_update_list_item({"Title": "Joan"}, new_document_update=True).execute_query()
    assert [(each.FieldName, each.HasException) for each in told.value] == [("Title", False)]
    assert (office.agents.items[1].fields["Title"], len(office.agents.items[1].versions)) == ("Joan", 1)


def test_the_library_batches(office: Office) -> None:
    """Writes in one change set, and what it asks for besides outside of it."""
    fill(office, 5)
    context = library(office)
    for row in context.web.lists.get_by_title("Agents").items.get().execute_query():
        row.set_property("Title", f"Batched {row.properties['Id']}").update()
    context.execute_batch()
    assert {item.fields["Title"] for item in office.agents.items.values()} == {f"Batched {n}" for n in range(1, 6)}
    assert office.world.requests["batch"] >= 1


def test_the_library_adds_columns_and_views(office: Office) -> None:
    found = library(office).web.lists.get_by_title("Agents")
    schema = (
        '<Field Type="Choice" DisplayName="Sync status" FillInChoice="FALSE"><CHOICES><CHOICE>OK</CHOICE>'
        "<CHOICE>A &lt; B</CHOICE></CHOICES></Field>"
    )
    found.fields.create_field_as_xml(schema).execute_query()
    column = office.agents.columns["Sync_x0020_status"]
    assert (column.display, column.choices, column.fill_in) == ("Sync status", ("OK", "A < B"), False)
    with pytest.raises(ClientRequestException, match="duplicate field name"):
        found.fields.create_field_as_xml(schema).execute_query()
    library(office).web.lists.get_by_title("Agents").views.add(ViewCreationInformation(Title="Mine")).execute_query()
    titles = [
        view.properties["Title"]
        for view in library(office).web.lists.get_by_title("Agents").views.get().execute_query()
    ]
    assert titles == ["All Items", "Mine"]


@pytest.mark.parametrize(("options", "name"), [(0, "Sync_x0020_account"), (8, "SyncAccount")])
def test_an_internal_name_can_be_hinted_at(office: Office, options: int, name: str) -> None:
    """AddFieldInternalNameHint; without it the name comes of the display name."""
    schema = '<Field Type="Text" Name="SyncAccount" DisplayName="Sync account"/>'
    url = f"/web/lists(guid'{office.agents.id}')/fields/createfieldasxml"
    assert office.rest("POST", url, json={"parameters": {"SchemaXml": schema, "Options": options}}).status_code == 200
    assert office.agents.columns[name].display == "Sync account"


@pytest.mark.parametrize("schema", ["", "<Field", None])
def test_a_field_schema_has_to_be_xml(office: Office, schema: str | None) -> None:
    url = f"/web/lists(guid'{office.agents.id}')/fields/createfieldasxml"
    assert office.rest("POST", url, json={"parameters": {"SchemaXml": schema}}).status_code == 400


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("/web/lists/getbytitle('None')", (404, "-1, System.ArgumentException")),
        ("{items}(99)", (404, "-2130575338, Microsoft.SharePoint.SPException")),
        ("{items}?$select=Id,Nickname", (400, "-1, Microsoft.SharePoint.SPException")),
        ("{items}?$select=Editor/Name", (400, INVALID)),
        ("{items}?$top=5001", (400, INVALID)),
        ("{items}?$top=x", (400, INVALID)),
        ("{items}?$filter=Nickname eq 'x'", (400, INVALID)),
        ("{items}?$filter=" + " or ".join(["Id eq 1"] * 150), (404, INVALID)),
        ("{items}?$orderby=Nickname", (400, "-1, Microsoft.SharePoint.SPException")),
    ],
)
def test_what_is_not_there(office: Office, path: str, refusal: tuple[int, str]) -> None:
    fill(office, 1)
    assert refused(office.rest("GET", path.replace("{items}", items(office)))) == refusal


def test_titles_with_apostrophes_are_doubled(office: Office) -> None:
    office.agents.title = "Jo's agents"
    assert office.rest("GET", "/web/lists/getbytitle('Jo''s%20agents')").json()["Id"] == office.agents.id
    assert office.rest("GET", "/web/lists/getbytitle('Jo's%20agents')").status_code == 404


def test_three_shapes_of_json(office: Office) -> None:
    """The ETag comes with minimal or full metadata, not with none."""
    fill(office, 1)
    url = f"{items(office)}?$select=Id,Team"
    none, minimal, verbose = (
        office.rest("GET", url, headers={"Accept": kind}).json() for kind in (NONE, MINIMAL, VERBOSE)
    )
    assert none == {"value": [{"Id": 1, "Team": None}]}
    assert minimal["value"] == [{"odata.type": "SP.Data.AgentsListItem", "odata.etag": '"1"', "Id": 1, "Team": None}]
    (row,) = verbose["d"]["results"]
    assert (row["__metadata"]["etag"], row["__metadata"]["type"], row["Id"]) == ('"1"', "SP.Data.AgentsListItem", 1)
    error = office.rest("GET", f"{items(office)}(9)", headers={"Accept": VERBOSE}).json()["error"]
    assert (error["code"], error["message"]["lang"]) == ("-2130575338, Microsoft.SharePoint.SPException", "en-US")


def test_who_changed_a_row_is_told_when_expanded(office: Office) -> None:
    fill(office, 1)
    told = office.rest("GET", f"{items(office)}(1)?$select=Modified,Editor/Name,Editor/Title&$expand=Editor").json()
    item = office.agents.items[1]
    assert told["Editor"] == {"Name": item.editor.login, "Title": item.editor.name}
    assert told["Modified"] == item.modified.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_pages_follow_ids_and_skip_is_ignored(office: Office) -> None:
    """working-with-lists: $skiptoken=Paged=TRUE&p_ID=n; $skip does nothing for list items."""
    fill(office, 250)
    page = office.rest("GET", f"{items(office)}?$select=Id&$skip=50").json()
    assert [row["Id"] for row in page["value"]] == list(range(1, 101))
    seen = page["value"]
    while link := page.get("odata.nextLink"):
        page = office.rest("GET", link.partition("/_api")[2]).json()
        seen += page["value"]
    assert [row["Id"] for row in seen] == list(range(1, 251))


def test_order_and_pages(office: Office) -> None:
    fill(office, 9)
    first = office.rest("GET", f"{items(office)}?$select=Id,Title&$orderby=Title&$top=4").json()
    more = office.rest("GET", first["odata.nextLink"].partition("/_api")[2]).json()
    assert [row["Title"] for row in first["value"] + more["value"]] == [f"Agent {n}" for n in range(1, 9)]


@pytest.mark.parametrize(
    ("query", "of_large", "indexed"),
    [
        ("$filter=UPN eq 'U7@contoso.com'", None, [8]),
        ("$filter=Id eq 3 or Id eq 5 or Id eq 999999", [3, 5], [3, 5]),
        ("$orderby=UPN desc&$top=1", None, [10]),
        ("$orderby=Id desc&$top=1", [5_001], [5_001]),
        ("$top=1", [1], [1]),
    ],
)
def test_the_list_view_threshold(office: Office, query: str, of_large: list[int] | None, indexed: list[int]) -> None:
    """Beyond 5,000 rows what is not indexed can neither be filtered nor sorted by; paging by id always goes."""

    def found() -> list[int] | None:
        answer = office.rest("GET", f"{items(office)}?$select=Id&{quote(query, safe='$&=')}")
        if answer.status_code == 500:
            assert "SPQueryThrottledException" in answer.json()["odata.error"]["code"]
            return None
        return [row["Id"] for row in answer.json()["value"]]

    fill(office, VIEW_THRESHOLD)
    assert found() is not None
    fill(office, 1)
    assert found() == of_large
    office.agents.columns["UPN"].indexed = True
    assert found() == indexed


MERGE = {"X-HTTP-Method": "MERGE"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (MERGE | {"IF-MATCH": '"1"'}, 204),
        (MERGE | {"IF-MATCH": "*"}, 204),
        (MERGE | {"IF-MATCH": '"2"'}, 412),
        (MERGE, 412),
        ({"IF-MATCH": "*"}, 400),
        (MERGE | {"IF-MATCH": "*", "Content-Type": VERBOSE}, 400),
    ],
)
def test_a_merge_needs_the_etag_or_a_star(office: Office, headers: dict[str, str], status: int) -> None:
    fill(office, 1)
    told = office.rest("POST", f"{items(office)}(1)", headers=headers, json={"Title": "Joan"})
    assert told.status_code == status
    assert (office.agents.items[1].fields["Title"] == "Joan") == (status == 204)
    if status == 204:
        assert told.headers["etag"] == '"2"'


@pytest.mark.parametrize(
    "body",
    [{"Nickname": "x"}, {"Created": ""}, {"Title": "x" * 256}, {"__metadata": {"type": "SP.Data.OtherListItem"}}],
)
def test_a_merge_of_what_does_not_fit_changes_nothing(office: Office, body: dict[str, Any]) -> None:
    fill(office, 1)
    headers = MERGE | {"IF-MATCH": "*"}
    assert office.rest("POST", f"{items(office)}(1)", headers=headers, json=body).status_code == 400
    assert office.agents.items[1].revision == 1


@pytest.mark.parametrize(
    ("grant", "reads", "writes", "adds"),
    [("read", 200, 403, 403), ("write", 200, 204, 403), ("none", 403, 403, 403), ("manage", 200, 204, 200)],
)
def test_grants(office: Office, grant: str, reads: int, writes: int, adds: int) -> None:
    fill(office, 1)
    office.site.grants = {CLIENT: grant}
    view = {"parameters": {"Title": "Mine"}}
    headers = MERGE | {"IF-MATCH": "*"}
    assert office.rest("GET", items(office)).status_code == reads
    assert office.rest("POST", f"{items(office)}(1)", headers=headers, json={"Title": "x"}).status_code == writes
    added = office.rest("POST", f"/web/lists(guid'{office.agents.id}')/views/add", json=view)
    assert added.status_code == adds
    if adds == 403:
        assert added.json()["odata.error"]["code"].startswith("-2147024891")


def test_the_regional_settings_say_how_dates_are_written(office: Office) -> None:
    american = office.rest("GET", "/web/regionalsettings").json()
    office.site.locale_id = 1031
    german = office.rest("GET", "/web/regionalsettings").json()
    assert (american["DateFormat"], american["DateSeparator"], american["Time24"]) == (0, "/", False)
    assert (german["DateFormat"], german["DateSeparator"], german["Time24"]) == (1, ".", True)


def test_what_lies_behind_a_lookup_or_a_person_is_told_only_when_it_is_expanded(office: Office) -> None:
    """As SharePoint does: the id by itself, one property of the item that it leads to on request."""
    office.agents.columns["Squad"] = ListColumn("Squad", "Squad", "Lookup", lookup_field="Squad")
    office.agents.columns["Leaders"] = ListColumn("Leaders", "Leaders", "UserMulti")
    office.agents.add({"Title": "Jane", "Squad": "Sales", "Leaders": ["Terry", "Toni"]})
    path = items(office)
    plain = office.rest("GET", path).json()["value"][0]
    assert "Squad" not in plain and isinstance(plain["SquadId"], int) and len(plain["LeadersId"]) == 2
    query = "?$select=Squad/Squad,Leaders/Title&$expand=Squad,Leaders"
    told = office.rest("GET", path + query).json()["value"][0]
    assert told == {"Squad": {"Squad": "Sales"}, "Leaders": [{"Title": "Terry"}, {"Title": "Toni"}]}
    for without in ("?$select=Squad", "?$select=Squad/Squad", "?$select=Squad&$expand=Squad"):
        assert office.rest("GET", path + without).status_code == 400


def test_a_single_term_of_managed_metadata_is_told_by_its_number(office: Office) -> None:
    office.agents.columns["Team"] = ListColumn("Team", "Team", "TaxonomyFieldType")
    office.agents.add({"Title": "Jane", "Team": "Sales"})
    term = office.rest("GET", f"{items(office)}?$select=Team").json()["value"][0]["Team"]
    assert term["Label"] == str(term["WssId"])


def test_a_field_is_described_indexed_and_formatted_and_nothing_else_of_it_changed(office: Office) -> None:
    column = office.agents.columns["UPN"]
    url = f"/web/lists(guid'{office.agents.id}')/fields(guid'{column.id}')"
    values = {"Description": "Who", "Indexed": True, "CustomFormatter": '{"elmType": "div"}'}
    assert office.rest("POST", url, headers=MERGE, json=values).status_code == 204
    assert (column.description, column.indexed, column.formatter) == ("Who", True, '{"elmType": "div"}')
    assert office.rest("POST", url, headers=MERGE, json={"Title": "Agent"}).status_code == 400
    assert office.rest("POST", url, json=values).status_code == 400
    unknown = f"/web/lists(guid'{office.agents.id}')/fields(guid'{office.agents.id}')"
    assert office.rest("POST", unknown, headers=MERGE, json=values).status_code == 400
    office.site.grants = {CLIENT: "write"}
    assert office.rest("POST", url, headers=MERGE, json=values).status_code == 403


@pytest.mark.parametrize("query", ["<Where>", '<Where><IsNull><FieldRef Name="Squad"/></IsNull></Where>'])
def test_a_view_needs_a_query_of_columns_that_are_there(office: Office, query: str) -> None:
    view = {"parameters": {"Title": "Mine", "Query": query, "ViewFields": ["UPN"]}}
    added = office.rest("POST", f"/web/lists(guid'{office.agents.id}')/views/add", json=view)
    assert (added.status_code, "Mine" in office.agents.views) == (400, False)


def test_the_columns_of_a_view_are_told_when_expanded(office: Office) -> None:
    url = f"/web/lists(guid'{office.agents.id}')/views"
    assert "ViewFields" not in office.rest("GET", url).json()["value"][0]
    [told] = office.rest("GET", f"{url}?$expand=ViewFields").json()["value"]
    assert told["ViewFields"]["Items"] == office.agents.views["All Items"]["ViewFields"]
