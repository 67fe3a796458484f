"""What a list's change log tells: Graph's delta, and SharePoint REST's GetChanges as the Office365 library asks it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from office365.sharepoint.changes.query import ChangeQuery
from office365.sharepoint.changes.token import ChangeToken

from sync_agent.simulator.change_log import ChangeLog, Done, NoSuchPosition, Position, from_ticks, ticks
from sync_agent.simulator.lists import SERVICE
from sync_agent.simulator.meter import Meter
from tests.simulator.office import CLIENT, Office, error_of, item_path
from tests.simulator.test_sharepoint_rest import INVALID, library, refused

FIELDS = "$expand=fields($select=Title,UPN)"
VERBOSE = {"Accept": "application/json;odata=verbose", "Content-Type": "application/json;odata=verbose"}
TODAY = datetime(2026, 11, 25, tzinfo=UTC)


def delta(office: Office, query: str = "token=latest", **more: Any) -> Any:
    return office.graph("GET", f"{item_path(office)}/delta?{query}", **more)


def by_link(office: Office, link: str) -> Any:
    return office.graph("GET", link.removeprefix(f"{office.world.origin}/v1.0"))


def latest(office: Office, query: str = FIELDS) -> str:
    return str(delta(office, f"{query}&token=latest").json()["@odata.deltaLink"])


def filled(office: Office, count: int) -> None:
    for number in range(1, count + 1):
        office.agents.add({"Title": f"Agent {number}"})


def test_the_latest_token_comes_with_nothing_and_then_tells_what_changed_once(office: Office) -> None:
    filled(office, 4)
    assert delta(office).json()["value"] == []
    link = latest(office)
    office.agents.edit(2, {"Title": "Once"})
    office.agents.edit(2, {"Title": "Twice", "Extension": "1"})
    office.agents.overwrite(3, {"UPN": "jane@contoso.com"}, None, SERVICE)
    office.agents.delete(4)
    new = office.agents.add({"Title": "New"})
    page = by_link(office, link).json()
    assert {item["id"]: item.get("fields", {}).get("Title") for item in page["value"]} == {
        "2": "Twice",
        "3": "Agent 3",
        "4": None,
        str(new): "New",
    }
    assert {item["id"]: item.get("deleted") for item in page["value"]}["4"] == {"state": "deleted"}
    edited = next(item for item in page["value"] if item["id"] == "2")
    assert edited["eTag"] == office.agents.items[2].etag
    assert edited["fields"].keys() == {"@odata.etag", "Title"}
    assert by_link(office, page["@odata.deltaLink"]).json()["value"] == []


def test_without_a_token_everything_comes_by_pages_and_then_what_changed_meanwhile(office: Office) -> None:
    filled(office, 5)
    page = delta(office, f"$top=2&{FIELDS}").json()
    office.agents.edit(1, {"Title": "Edited"})
    seen = [item["id"] for item in page["value"]]
    while link := page.get("@odata.nextLink"):
        assert "@odata.deltaLink" not in page
        page = by_link(office, link).json()
        seen += [item["id"] for item in page["value"]]
    assert seen == ["1", "2", "3", "4", "5"]
    (item,) = by_link(office, page["@odata.deltaLink"]).json()["value"]
    assert item["fields"]["Title"] == "Edited"


def test_changes_come_by_pages_and_one_that_comes_meanwhile_is_told_too(office: Office) -> None:
    filled(office, 5)
    link = latest(office, "$top=2")
    for row_id in (5, 1, 3):
        office.agents.edit(row_id, {"Title": "Edited"})
    page = by_link(office, link).json()
    assert [item["id"] for item in page["value"]] == ["5", "1"]
    office.agents.edit(5, {"Title": "Again"})
    page = by_link(office, page["@odata.nextLink"]).json()
    assert [item["id"] for item in page["value"]] == ["3", "5"]
    assert "@odata.nextLink" not in page


@pytest.mark.parametrize("token", ["nonsense", "bm9uc2Vuc2U=", "W10=", "bnVsbA=="])
def test_a_bad_token_is_gone_and_the_answer_says_where_to_start_again(office: Office, token: str) -> None:
    answer = delta(office, f"$top=7&token={token}")
    assert error_of(answer) == (410, "resyncChangesApplyDifferences")
    assert by_link(office, answer.headers["location"]).status_code == 200
    assert "top=7" in answer.headers["location"] and "token" not in answer.headers["location"]


def test_a_token_lives_60_days(office: Office) -> None:
    office.agents.clock = lambda: TODAY
    link = latest(office)
    office.agents.clock = lambda: TODAY + timedelta(days=60)
    assert by_link(office, link).status_code == 200
    office.agents.clock = lambda: TODAY + timedelta(days=60, seconds=1)
    assert by_link(office, link).status_code == 410


@pytest.mark.parametrize("query", ["$filter=id eq '1'", "$orderby=id", "$skip=3", "$top=0", "$top=many"])
def test_what_delta_does_not_support(office: Office, query: str) -> None:
    assert error_of(delta(office, query)) == (400, "invalidRequest")


def test_a_token_is_cheaper_and_reading_takes_the_right(office: Office) -> None:
    link = latest(office)
    office.world.limited, office.tenant.sharepoint_units = True, 10
    office.world.meter = Meter(office.clock)
    path = f"{item_path(office)}/delta"  # finding the site costs one
    assert [office.graph("GET", path).status_code for _ in range(5)] == [200] * 4 + [429]
    office.clock.now += 61
    assert [by_link(office, link).status_code for _ in range(11)] == [200] * 10 + [429]
    office.world.limited, office.site.grants = False, {CLIENT: "none"}
    assert office.graph("GET", path).status_code == 403


def changes_path(office: Office) -> str:
    return f"/web/lists(guid'{office.agents.id}')/GetChanges"


def current(office: Office) -> str:
    answer = office.rest("GET", f"/web/lists(guid'{office.agents.id}')?$select=CurrentChangeToken").json()
    return str(answer["CurrentChangeToken"]["StringValue"])


def asked(office: Office, **query: Any) -> Any:
    if isinstance(query.get("ChangeTokenStart"), str):
        query["ChangeTokenStart"] = {"StringValue": query["ChangeTokenStart"]}
    return office.rest("POST", changes_path(office), json={"query": query})


EVERY = {"Item": True, "Add": True, "Update": True, "DeleteObject": True}


def test_the_log_names_each_change_in_order(office: Office) -> None:
    filled(office, 2)
    token = current(office)
    office.agents.edit(2, {"Title": "Edited"})
    office.agents.overwrite(2, {"Title": "Overwritten"}, None, SERVICE)
    office.agents.delete(1)
    new = office.agents.add({"Title": "New"})
    changes = asked(office, **EVERY, ChangeTokenStart=token).json()["value"]
    assert [(change["ItemId"], change["ChangeType"]) for change in changes] == [(2, 2), (2, 2), (1, 3), (new, 1)]
    last = changes[1]["ChangeToken"]["StringValue"]
    rest = asked(office, **EVERY, ChangeTokenStart=last).json()["value"]
    assert rest == changes[2:]
    assert asked(office, **EVERY, ChangeTokenStart=current(office)).json()["value"] == []
    until = asked(office, **EVERY, ChangeTokenStart=token, ChangeTokenEnd={"StringValue": last}).json()["value"]
    assert until == changes[:2]


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ({"Item": True, "Add": True}, [1, 1]),
        ({"Item": True, "DeleteObject": True}, [3]),
        ({"Item": True}, []),
        ({"Add": True, "Update": True, "DeleteObject": True, "List": True}, []),
        ({**EVERY, "FetchLimit": "2"}, [1, 1]),
        ({**EVERY, "FetchLimit": 1, "LatestFirst": True}, [3]),
        ({**EVERY, "RecursiveAll": True, "SystemUpdate": None}, [1, 1, 2, 3]),
    ],
)
def test_what_is_asked_for_is_told_and_nothing_else(office: Office, query: dict[str, Any], kinds: list[int]) -> None:
    filled(office, 2)
    office.agents.edit(1, {"Title": "Edited"})
    office.agents.delete(1)
    assert [change["ChangeType"] for change in asked(office, **query).json()["value"]] == kinds


def test_an_answer_holds_a_thousand_changes(office: Office) -> None:
    filled(office, 1_001)
    assert len(asked(office, **EVERY).json()["value"]) == 1_000
    assert len(asked(office, **EVERY, FetchLimit="5000").json()["value"]) == 1_000


@pytest.mark.parametrize(
    "query",
    [
        {"item": True},
        {"Item": "true"},
        {"Item": 1},
        {"Item": True, "FetchLimit": "many"},
        {"Item": True, "FetchLimit": "0"},
        {"Item": True, "ChangeTokenEnd": "1;3;x"},
        {"Item": True, "__metadata": {"type": "SP.ChangeLogItemQuery"}},
    ],
)
def test_a_query_of_another_shape_is_refused(office: Office, query: dict[str, Any]) -> None:
    assert refused(asked(office, **query)) == (400, INVALID)


def test_verbose_wants_the_type(office: Office) -> None:
    answer = office.rest("POST", changes_path(office), headers=VERBOSE, content='{"query": {"Item": true}}')
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, INVALID)
    assert refused(office.rest("POST", changes_path(office), json={}))[0] == 400


@pytest.mark.parametrize(
    "token", ["", "nonsense", "1;2;{id};{ticks};0", "1;3;x;{ticks};0", "1;3;{id};0;999", "1;3;{id}"]
)
def test_a_token_that_is_not_of_this_list(office: Office, token: str) -> None:
    written = token.replace("{id}", office.agents.id).replace("{ticks}", str(ticks(office.agents.clock())))
    answer = asked(office, **EVERY, ChangeTokenStart=written)
    assert answer.status_code == 400
    assert "changeToken" in answer.json()["odata.error"]["message"]["value"]


def test_a_change_token_lives_60_days(office: Office) -> None:
    office.agents.clock = lambda: TODAY
    token = current(office)
    office.agents.clock = lambda: TODAY + timedelta(days=60)
    assert asked(office, **EVERY, ChangeTokenStart=token).status_code == 200
    office.agents.clock = lambda: TODAY + timedelta(days=61)
    status, code = refused(asked(office, **EVERY, ChangeTokenStart=token))
    assert (status, code.endswith("SPInvalidChangeTokenException")) == (400, True)


def test_the_library_follows_changes(office: Office) -> None:
    filled(office, 3)
    office.agents.clock = lambda: TODAY
    agents = library(office).web.lists.get_by_title("Agents")
    token = agents.get().select(["CurrentChangeToken"]).execute_query().current_change_token
    assert token.StringValue == current(office)
    office.agents.edit(2, {"Title": "Edited"})
    query = ChangeQuery(Item=True, ChangeTokenStart=ChangeToken(token.StringValue))
    (change,) = agents.get_changes(query).execute_query()
    assert (change.properties["ItemId"], change.change_type_name) == (2, "Update")


def test_reading_the_log_takes_the_right_to_read(office: Office) -> None:
    office.site.grants = {CLIENT: "none"}
    assert asked(office, **EVERY).status_code == 403


def test_ticks_are_those_of_net() -> None:
    assert ticks(datetime(1970, 1, 1, tzinfo=UTC)) == 621_355_968_000_000_000
    assert from_ticks(ticks(TODAY)) == TODAY


def test_a_log_reaches_neither_before_its_beginning_nor_beyond_its_end() -> None:
    log: ChangeLog[int] = ChangeLog(timedelta(days=60))
    for number in range(3):
        log.note(Done.ADD, number, TODAY)
    assert [change.number for change in log.after(Position(TODAY, 1), TODAY)] == [2, 3]
    assert [change.number for change in log.after(None, TODAY)] == [1, 2, 3]
    for number in (-1, 4):
        with pytest.raises(NoSuchPosition):
            log.after(Position(TODAY, number), TODAY)
