"""What Graph's delta tells of users: new, changed, deleted, restored, by pages, for seven days."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sync_agent.simulator.graph_user_delta import PAGE
from sync_agent.simulator.world import DAY, SimUser
from tests.simulator.office import OTHER_TENANT, Office, error_of

SELECT = "$select=userPrincipalName,accountEnabled,proxyAddresses"
MINIMAL = {"Prefer": "return=minimal"}


def delta(office: Office, query: str = "", token: str | None = None, **more: Any) -> httpx.Response:
    return office.graph("GET", f"/users/delta?{query}", token, **more)


def latest(office: Office, query: str = SELECT) -> str:
    page = delta(office, f"{query}&$deltatoken=latest").json()
    assert page["value"] == []
    return str(page["@odata.deltaLink"])


def by_link(office: Office, link: str, **more: Any) -> httpx.Response:
    return office.graph("GET", link.removeprefix(f"{office.world.origin}/v1.0"), **more)


def told(office: Office, link: str, **more: Any) -> dict[str, dict[str, Any]]:
    """By id, of a round of one page."""
    page = by_link(office, link, **more).json()
    assert "@odata.nextLink" not in page
    return {user.pop("id"): user for user in page["value"]}


def test_the_latest_token_comes_with_nobody_and_then_tells_what_changed_once(office: Office) -> None:
    jane, joe, ann = (office.user(f"{name}@contoso.com") for name in ("jane", "joe", "ann"))
    gone, purged = office.user("gone@contoso.com"), office.user("purged@contoso.com")
    link = latest(office)
    office.tenant.rename(jane, "jane.miller@contoso.com")
    joe.enabled = False
    joe.availability = "Busy"
    ann.availability = "Busy"
    office.tenant.remove(gone, "2026-11-24T10:00:00Z")
    office.tenant.remove(purged)
    new = office.tenant.add(SimUser("99999999-0000-4000-8000-000000000001", "new@contoso.com", "New"))
    page = by_link(office, link).json()
    assert {user.pop("id"): user for user in page["value"]} == {
        jane.id: {"userPrincipalName": "jane.miller@contoso.com", "accountEnabled": True, "proxyAddresses": []},
        joe.id: {"userPrincipalName": "joe@contoso.com", "accountEnabled": False, "proxyAddresses": []},
        gone.id: {"@removed": {"reason": "changed"}},
        purged.id: {"@removed": {"reason": "deleted"}},
        new.id: {"userPrincipalName": "new@contoso.com", "accountEnabled": True, "proxyAddresses": []},
    }
    assert told(office, page["@odata.deltaLink"]) == {}


def test_a_restored_user_comes_back_whole(office: Office) -> None:
    jane = office.user("jane@contoso.com")
    link = latest(office)
    office.tenant.remove(jane, "2026-11-24T10:00:00Z")
    page = by_link(office, link).json()
    office.tenant.restore(jane)
    again = told(office, page["@odata.deltaLink"], headers=MINIMAL)
    assert again[jane.id]["userPrincipalName"] == "jane@contoso.com"
    assert told(office, link)[jane.id]["accountEnabled"] is True, "the older token tells how it ended"


def test_minimal_tells_what_changed_alone_and_nulls_are_told_of_what_was_emptied(office: Office) -> None:
    jane = office.user("jane@contoso.com", mail="jane@contoso.com")
    link = latest(office, "$select=userPrincipalName,mail,displayName")
    jane.mail = None
    assert told(office, link, headers=MINIMAL) == {jane.id: {"mail": None}}
    assert told(office, link)[jane.id].keys() == {"userPrincipalName", "mail", "displayName"}


def test_a_change_of_what_was_not_selected_is_not_told_but_a_deletion_is(office: Office) -> None:
    jane, joe = office.user("jane@contoso.com"), office.user("joe@contoso.com")
    link = latest(office, "$select=accountEnabled")
    office.tenant.rename(jane, "jane.miller@contoso.com")
    office.tenant.rename(joe, "joe.miller@contoso.com")
    by_link(office, latest(office))
    office.tenant.remove(joe)
    assert told(office, link) == {joe.id: {"@removed": {"reason": "deleted"}}}


def test_a_licence_is_a_change_of_plans(office: Office) -> None:
    jane = office.user("jane@contoso.com")
    link = latest(office, "$select=assignedPlans")
    jane.licensed = False
    assert told(office, link) == {jane.id: {"assignedPlans": []}}


def test_without_a_token_everybody_comes_by_pages_and_then_what_changed_meanwhile(office: Office) -> None:
    users = [office.user(f"agent{number}@contoso.com") for number in range(PAGE + 1)]
    page = delta(office, SELECT).json()
    assert "@odata.deltaLink" not in page
    users[0].enabled = False
    seen = [user["id"] for user in page["value"]]
    page = by_link(office, page["@odata.nextLink"]).json()
    seen += [user["id"] for user in page["value"]]
    assert sorted(seen) == sorted(user.id for user in users)
    assert told(office, page["@odata.deltaLink"]).keys() == {users[0].id}


def test_changes_come_by_pages_and_one_that_comes_meanwhile_is_told_too(office: Office) -> None:
    users = [office.user(f"agent{number}@contoso.com") for number in range(PAGE + 20)]
    link = latest(office)
    for user in users:
        user.enabled = False
    first = by_link(office, link, headers=MINIMAL).json()
    assert "@odata.deltaLink" not in first
    office.tenant.rename(users[0], "renamed@contoso.com")
    last = by_link(office, first["@odata.nextLink"], headers=MINIMAL).json()
    values = [*first["value"], *last["value"]]
    assert {user["id"] for user in values} == {user.id for user in users}
    assert [user for user in values if "userPrincipalName" in user] == [
        {"id": users[0].id, "accountEnabled": False, "userPrincipalName": "renamed@contoso.com"}
    ]
    assert told(office, last["@odata.deltaLink"]) == {}


def test_a_token_is_good_for_seven_days_and_then_says_where_to_start_again(office: Office) -> None:
    jane = office.user("jane@contoso.com")
    link = latest(office, "$select=accountEnabled")
    office.clock.now += 7 * DAY
    assert told(office, link) == {}
    office.clock.now += 1
    answer = by_link(office, link)
    assert error_of(answer) == (410, "syncStateNotFound")
    assert told(office, answer.headers["location"]) == {jane.id: {"accountEnabled": True}}


@pytest.mark.parametrize(
    "query",
    [
        "$top=5",
        "$filter=accountEnabled eq true",
        "$orderby=displayName",
        "$select=nickname",
        "$deltatoken=nonsense",
        "$skiptoken=WzFd&$select=id",
    ],
)
def test_what_delta_does_not_take(office: Office, query: str) -> None:
    assert delta(office, query).status_code == 400


def test_another_tenants_token_is_none(office: Office) -> None:
    link = latest(office)
    other = office.world.tenants[OTHER_TENANT]
    assert by_link(office, link, token=office.token("User.Read.All", tenant=other)).status_code == 400


def test_who_may_not_read_users_may_not_read_their_changes(office: Office) -> None:
    answer = delta(office, "$deltatoken=latest", office.token("User.ReadBasic.All"))
    assert error_of(answer) == (403, "Authorization_RequestDenied")
