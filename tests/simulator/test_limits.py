"""Microsoft's limits: units in a sliding window by app and tenant, and what answers tell of them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sync_agent.simulator.meter import Meter
from sync_agent.simulator.world import AppRegistration
from tests.simulator.office import OTHER_TENANT, Office, item_path
from tests.virtual_time import Seconds

JANE = "00000000-0000-4000-8000-000000000001"


@pytest.fixture(autouse=True)
def limited(office: Office) -> None:
    office.world.limited = True


def presence(office: Office, **more: Any) -> httpx.Response:
    return office.graph("POST", "/communications/getPresencesByUserId", json={"ids": [JANE]}, **more)


def spend(office: Office, kind: str, limit: float, seconds: float, units: float, token_tenant: str = "") -> None:
    """As if so much had been spent just now."""
    tenant = token_tenant or office.tenant.id
    office.world.meter.charge(f"{kind}/{tenant}/{office.app.client_id}", (limit, seconds), units)


def test_presence_takes_1500_requests_in_30_seconds(office: Office) -> None:
    spend(office, "presence", 1_500, 30, 1_499)
    assert presence(office).status_code == 200
    refused = presence(office)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
    assert refused.json()["error"]["code"] == "TooManyRequests"
    office.clock.now += 30
    assert presence(office).status_code == 200


def test_a_budget_belongs_to_an_app_in_a_tenant(office: Office) -> None:
    spend(office, "presence", 1_500, 30, 1_500)
    assert presence(office).status_code == 429
    assert presence(office, token=office.token(tenant=office.world.tenants[OTHER_TENANT])).status_code == 200
    other = AppRegistration("77777777-0000-4000-8000-000000000007")
    token, _ = office.world.mint.access_token(office.world, office.tenant, other, office.world.origin)
    assert presence(office, token=token).status_code == 200
    assert office.graph("GET", "/users").status_code == 200


def test_a_throttled_request_counts_too(office: Office) -> None:
    """Whoever hammers on is kept out longer."""
    office.tenant.sharepoint_units = 4
    path = item_path(office)  # one unit
    assert office.graph("GET", path).status_code == 200  # three
    office.clock.now += 30
    assert office.graph("GET", path).headers["retry-after"] == "30"
    for _ in range(3):
        assert office.graph("GET", path).status_code == 429
    office.clock.now += 31
    assert office.graph("GET", path).status_code == 429
    office.clock.now += 60
    assert office.graph("GET", path).status_code == 200


@pytest.mark.parametrize(
    ("path", "units"),
    [
        ("/users", 2),
        ("/users?$select=id", 1),
        ("/users?$top=10", 1),
        ("/users?$select=id&$top=10", 1),
        ("/users?$select=id&$top=20", 1),
        ("/users?$top=20", 2),
        ("/users/nobody@contoso.com", 1),
        ("/organization", 1),
    ],
)
def test_what_directory_requests_cost(office: Office, path: str, units: int) -> None:
    """throttling-limits: $select and a $top below 20 take off one each, never below one."""
    assert office.graph("GET", path).headers["x-ms-resource-unit"] == str(units)


@pytest.mark.parametrize(("users", "limit"), [(49, 3_500), (50, 5_000), (500, 5_000), (501, 8_000)])
def test_the_directorys_limit_goes_by_the_tenants_size(office: Office, users: int, limit: int) -> None:
    for number in range(users):
        office.user(f"u{number}@contoso.com")
    spend(office, "directory", limit, 10, limit - 1)
    assert office.graph("GET", "/users?$select=id").headers["x-ms-throttle-limit-percentage"] == "1.0"
    refused = office.graph("GET", "/users?$select=id")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    assert refused.headers["x-ms-throttle-scope"].startswith("Tenant_Application/ReadWrite/")
    assert refused.headers["x-ms-throttle-information"] == "ResourceUnitLimitExceeded"


@pytest.mark.parametrize("api", ["graph", "rest"])
def test_sharepoint_tells_of_its_limit_from_eighty_percent(office: Office, api: str) -> None:
    office.tenant.sharepoint_units = 100
    path = item_path(office, office.agents.add({"Title": "Jane"}))
    rest = f"/web/lists(guid'{office.agents.id}')/items(1)"

    def ask() -> httpx.Response:
        return office.graph("GET", path) if api == "graph" else office.rest("GET", rest)

    spend(office, "sharepoint", 100, 60, 70)
    assert "ratelimit-limit" not in ask().headers
    office.clock.now += 20
    spend(office, "sharepoint", 100, 60, 10)
    near = ask().headers
    assert (near["ratelimit-limit"], near["ratelimit-remaining"], near["ratelimit-reset"]) == ("100", "17", "40")
    spend(office, "sharepoint", 100, 60, 17)
    refused = ask()
    assert (refused.status_code, refused.headers["ratelimit-remaining"]) == (429, "0")
    assert refused.headers["retry-after"] == "40"


def test_sharepoint_has_a_limit_of_24_hours_too(office: Office) -> None:
    """A thousand times that of a minute; the headers tell of the minute alone."""
    office.tenant.sharepoint_units = 100
    path = item_path(office)
    spend(office, "sharepoint day", 100_000, 86_400, 99_995)
    office.clock.now += 3_600
    assert office.graph("GET", path).status_code == 200
    office.clock.now += 120
    refused = [office.graph("GET", path) for _ in range(5)][-1]
    assert (refused.status_code, "ratelimit-limit" in refused.headers) == (429, False)
    assert refused.headers["retry-after"] == str(86_400 - 3_720)
    office.clock.now += 86_400
    assert office.graph("GET", path).status_code == 200


def test_both_apis_spend_one_budget(office: Office) -> None:
    office.tenant.sharepoint_units = 10
    path = item_path(office)
    for _ in range(4):
        office.graph("GET", path)
    assert office.rest("GET", "/web").status_code == 200
    assert office.rest("GET", "/web").status_code == 429


def test_who_is_refused_has_paid_too(office: Office) -> None:
    office.tenant.sharepoint_units = 1
    nothing = office.token("User.Read.All")
    assert office.rest("GET", "/web", nothing).status_code == 403
    assert office.rest("GET", "/web", nothing).status_code == 429


def test_the_window_slides() -> None:
    clock = Seconds()
    meter = Meter(clock)
    shares, waits = [], []
    for clock.now in (0.0, 4.0, 8.0, 12.0):
        charged = meter.charge("x", (3, 10.0), 1)
        shares.append(round(charged.share * 3))
        waits.append(charged.wait)
    assert (shares, waits) == ([1, 2, 3, 3], [0, 0, 0, 0])
    assert meter.charge("x", (3, 10.0), 2).wait == 6.0  # once those of 4 and 8 have gone


def test_without_limits_nobody_is_held_up(office: Office) -> None:
    office.world.limited = False
    office.tenant.sharepoint_units = 1
    path = item_path(office)
    assert {office.graph("GET", path).status_code for _ in range(5)} == {200}
