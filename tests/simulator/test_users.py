"""Graph's users, organization, domains and recycle bin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.simulator.office import Office, error_of

ADVANCED = {"ConsistencyLevel": "eventual"}
DENIED = (403, "Authorization_RequestDenied")


def upns(office: Office, filter_: str, **more: Any) -> set[str]:
    answer = office.graph("GET", f"/users?$filter={quote(filter_)}", **more)
    assert answer.status_code == 200, answer.text
    return {user["userPrincipalName"] for user in answer.json()["value"]}


@pytest.mark.parametrize(
    ("path", "permission", "opens"),
    [
        ("/users", "User.Read.All", True),
        ("/users", "Directory.Read.All", True),
        ("/users", "Presence.Read.All", False),
        ("/organization", "Organization.Read.All", True),
        ("/organization", "Directory.Read.All", True),
        ("/organization", "User.Read.All", False),
        ("/organization", "User.Read", False),
        ("/domains", "Domain.Read.All", True),
        ("/domains", "Directory.Read.All", True),
        ("/domains", "Organization.Read.All", False),
        ("/directory/deletedItems/microsoft.graph.user", "User.Read.All", True),
        ("/directory/deletedItems/microsoft.graph.user", "Domain.Read.All", False),
    ],
)
def test_an_app_alone_needs_the_documented_permission(office: Office, path: str, permission: str, opens: bool) -> None:
    """user: list, organization: list, domain: list, directory: list deletedItems."""
    answer = office.graph("GET", path, office.token(permission))
    assert answer.status_code == 200 if opens else error_of(answer) == DENIED


def test_a_person_reads_the_organization_by_user_read_and_sees_its_domains_only(office: Office) -> None:
    jane = office.user("jane@contoso.com")
    (told,) = office.graph("GET", "/organization", office.token("User.Read", person=jane)).json()["value"]
    assert [domain["name"] for domain in told["verifiedDomains"]] == ["contoso.com", "contoso.onmicrosoft.com"]
    assert told["tenantType"] is None


def test_a_guest_cannot_list_users(office: Office) -> None:
    guest = office.user("jane_fabrikam.com#EXT#@contoso.onmicrosoft.com", guest=True)
    assert error_of(office.graph("GET", "/users", office.token(person=guest))) == DENIED


def test_without_select_only_the_defaults_are_given(office: Office) -> None:
    office.user("jane@contoso.com")
    (jane,) = office.graph("GET", "/users").json()["value"]
    assert {"id", "userPrincipalName", "displayName", "mail"} < jane.keys()
    assert jane.keys().isdisjoint({"accountEnabled", "userType", "proxyAddresses", "assignedPlans"})


def test_select_gives_what_it_names_and_refuses_what_does_not_exist(office: Office) -> None:
    office.user("jane@contoso.com")
    (jane,) = office.graph("GET", "/users?$select=id,accountEnabled").json()["value"]
    assert jane.keys() == {"id", "accountEnabled"}
    assert error_of(office.graph("GET", "/users?$select=id,nickname"))[0] == 400


def test_basic_permission_opens_names_only(office: Office) -> None:
    office.user("jane@contoso.com")
    token = office.token("User.ReadBasic.All")
    (jane,) = office.graph("GET", "/users?$select=id,mail,accountEnabled", token).json()["value"]
    assert jane.keys() == {"id", "mail"}


@pytest.mark.parametrize(
    "upn", ["o'brien@contoso.com", "jane_fabrikam.com#EXT#@contoso.onmicrosoft.com", "jane+x@contoso.com", "JANE@x.com"]
)
def test_names_with_marks_are_found_when_they_are_encoded(office: Office, upn: str) -> None:
    office.user(upn)
    office.user("else@contoso.com")
    doubled = upn.replace("'", "''").lower()
    assert upns(office, f"userPrincipalName in ('{doubled}','nobody@contoso.com')") == {upn}
    assert office.graph("GET", f"/users('{quote(doubled)}')").json()["userPrincipalName"] == upn
    assert office.graph("GET", f"/users/{quote(upn)}").json()["userPrincipalName"] == upn


def test_a_raw_plus_is_a_blank_and_finds_nobody(office: Office) -> None:
    office.user("jane+x@contoso.com")
    assert office.graph("GET", "/users?$filter=userPrincipalName eq 'jane+x@contoso.com'").json()["value"] == []


def test_a_name_that_begins_with_a_dollar_stands_in_parentheses(office: Office) -> None:
    office.user("$jane@contoso.com")
    assert office.graph("GET", "/users/$jane@contoso.com").status_code == 400
    assert office.graph("GET", "/users('$jane@contoso.com')").status_code == 200


def test_nobody_is_404(office: Office) -> None:
    assert error_of(office.graph("GET", "/users/nobody@contoso.com")) == (404, "Request_ResourceNotFound")


@pytest.mark.parametrize(
    ("filter_", "taken"),
    [
        ("userPrincipalName in ({15})", True),
        ("userPrincipalName in ({16})", False),
        ("{15 or}", True),
        ("{16 or}", False),
        ("mail eq 'a' or userPrincipalName in ({15})", False),
        ("(mail eq 'a' or mail eq 'b') or userPrincipalName in ({13})", True),
        ("nickname eq 'a'", False),
        ("mail eq 'a' garbage", False),
        ("mail eq", False),
        ("mail gt 'a'", False),
    ],
)
def test_filters_have_at_most_fifteen_operands_and_known_properties(office: Office, filter_: str, taken: bool) -> None:
    """Filter query parameter: 15 expressions by default."""
    for count in (13, 15, 16):
        filter_ = filter_.replace(f"{{{count}}}", ",".join(f"'u{n}@contoso.com'" for n in range(count)))
        filter_ = filter_.replace(f"{{{count} or}}", " or ".join(f"mail eq 'u{n}'" for n in range(count)))
    assert office.graph("GET", f"/users?$filter={filter_}").status_code == (200 if taken else 400)


@pytest.mark.parametrize(
    ("filter_", "advanced"),
    [
        ("mail eq 'jane@contoso.com'", False),
        ("proxyAddresses/any(p:p eq 'smtp:j@contoso.com')", False),
        ("mail eq 'jane@contoso.com' or proxyAddresses/any(p:p eq 'smtp:j@contoso.com')", False),
        ("startsWith(userPrincipalName,'ja')", False),
        ("endsWith(mail,'@contoso.com')", True),
        ("userPrincipalName ne 'bob@contoso.com'", True),
        ("displayName eq null or mail eq 'jane@contoso.com'", True),
    ],
)
def test_what_needs_the_advanced_query_parameters(office: Office, filter_: str, advanced: bool) -> None:
    """aad-advanced-queries, and its table of filters by property: both the header and $count=true, or an error."""
    office.user("jane@contoso.com", mail="jane@contoso.com", proxy_addresses=("smtp:j@contoso.com",))
    office.user("bob@contoso.com")
    path = f"/users?$filter={quote(filter_)}"
    plain, header, both = (
        office.graph("GET", path),
        office.graph("GET", path, headers=ADVANCED),
        office.graph("GET", f"{path}&$count=true", headers=ADVANCED),
    )
    assert [user["userPrincipalName"] for user in both.json()["value"]] == ["jane@contoso.com"]
    assert both.json()["@odata.count"] == 1
    assert plain.status_code == header.status_code == (400 if advanced else 200)


def test_the_scheme_of_a_proxy_address_has_a_case(office: Office) -> None:
    """SMTP: is the primary address, smtp: any other; so a search for an address names both."""
    office.user("jane@contoso.com", proxy_addresses=("SMTP:Jane@contoso.com",))
    assert upns(office, "proxyAddresses/any(p:p eq 'smtp:jane@contoso.com')") == set()
    assert upns(office, "proxyAddresses/any(p:p eq 'SMTP:jane@contoso.com')") == {"jane@contoso.com"}


def test_sip_addresses_and_other_mails_are_found_too(office: Office) -> None:
    office.user("jane@contoso.com", proxy_addresses=("SIP:jd@contoso.com",), other_mails=("Jane@home.example",))
    office.user("bob@contoso.com")
    assert upns(office, "proxyAddresses/any(p:p eq 'SIP:jd@contoso.com')") == {"jane@contoso.com"}
    assert upns(office, "proxyAddresses/any(p:p eq 'sip:jd@contoso.com')") == set()
    assert upns(office, "otherMails/any(o:o eq 'jane@home.example')") == {"jane@contoso.com"}
    shown = office.graph("GET", "/users/jane@contoso.com?$select=otherMails").json()
    assert shown["otherMails"] == ["Jane@home.example"]


def test_counting_takes_the_consistency_level(office: Office) -> None:
    """aad-advanced-queries: $count as a segment is an error without it, as an option it is passed over in silence."""
    office.user("jane@contoso.com")
    assert error_of(office.graph("GET", "/users/$count")) == (400, "Request_BadRequest")
    assert office.graph("GET", "/users/$count", headers=ADVANCED).text == "1"
    assert "@odata.count" not in office.graph("GET", "/users?$count=true").json()


@pytest.mark.parametrize(
    ("query", "status"),
    [("$top=999", 200), ("$top=1000", 400), ("$top=0", 400), ("$top=x", 400), ("$skip=1", 400), ("$search=x", 400)],
)
def test_page_sizes(office: Office, query: str, status: int) -> None:
    assert office.graph("GET", f"/users?{query}").status_code == status


def test_next_links_lead_through_all_users_once(office: Office) -> None:
    for number in range(250):
        office.user(f"u{number}@contoso.com")
    users = office.followed("/users?$select=id,userPrincipalName&$top=100")
    assert len(users) == len({user["id"] for user in users}) == 250
    assert all(user.keys() == {"id", "userPrincipalName"} for user in users)


def test_a_next_link_is_followed_as_it_is(office: Office) -> None:
    for number in range(3):
        office.user(f"u{number}@contoso.com")
    link = office.graph("GET", "/users?$select=id&$top=2").json()["@odata.nextLink"]
    _, _, token = link.rpartition("$skiptoken=")
    for path in (f"/users?$skiptoken={token}", "/users?$select=id&$top=2&$skiptoken=abc"):
        assert error_of(office.graph("GET", path)) == (400, "Directory_ExpiredPageToken")


@pytest.mark.parametrize(("count", "status"), [(1_000, 200), (1_001, 400), (0, 400)])
def test_many_by_id(office: Office, count: int, status: int) -> None:
    jane = office.user("jane@contoso.com")
    ids = ([jane.id] + [f"0-{n}" for n in range(count - 1)])[:count]
    answer = office.graph("POST", "/directoryObjects/getByIds", json={"ids": ids, "types": ["user"]})
    assert answer.status_code == status
    if status == 200:
        assert [user["userPrincipalName"] for user in answer.json()["value"]] == ["jane@contoso.com"]


def test_the_recycle_bin_prefixes_names_and_forgets_after_thirty_days(office: Office) -> None:
    now = datetime.fromtimestamp(office.clock(), UTC)
    jane, bob = office.user("jane@contoso.com"), office.user("bob@contoso.com")
    office.tenant.remove(jane, (now - timedelta(days=29)).isoformat())
    office.tenant.remove(bob, (now - timedelta(days=31)).isoformat())
    (found,) = office.graph("GET", "/directory/deletedItems/microsoft.graph.user").json()["value"]
    assert found["userPrincipalName"] == jane.id.replace("-", "") + "jane@contoso.com"
    assert found["deletedDateTime"] == jane.deleted_at
    assert office.graph("GET", f"/users/{jane.id}").status_code == 404


def test_a_tenant_sees_its_own_users_only(office: Office) -> None:
    office.user("jane@contoso.com")
    other = office.world.tenants["22222222-0000-4000-8000-000000000002"]
    assert office.graph("GET", "/users", office.token(tenant=other)).json()["value"] == []
