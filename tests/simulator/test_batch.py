"""Graph's $batch (json-batching)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.office import Office, item_path


def get(id_: str, url: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "method": "GET", "url": url, **more}


def test_twenty_parts_are_answered_in_another_order(office: Office) -> None:
    office.user("jane@contoso.com")
    parts = [get(str(n), f"/users/{'jane' if n % 2 else 'nobody'}@contoso.com") for n in range(20)]
    answer = office.graph("POST", "/$batch", json={"requests": parts}).json()["responses"]
    ids = [part["id"] for part in answer]
    assert sorted(ids, key=int) == [str(n) for n in range(20)] != ids
    assert {part["id"]: part["status"] for part in answer} == {str(n): 200 if n % 2 else 404 for n in range(20)}


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [get(str(n), "/users") for n in range(21)],
        [get("a", "/users"), get("A", "/users")],
        [get("", "/users")],
        [{"method": "GET", "url": "/users"}],
        [{"id": "1", "url": "/users"}],
        [{"id": "1", "method": "GET"}],
        [get("1", "/users", dependsOn=["2"]), get("2", "/users")],
        ["GET /users"],
        None,
    ],
)
def test_a_malformed_batch_is_refused_whole(office: Office, parts: Any) -> None:
    assert office.graph("POST", "/$batch", json={"requests": parts}).status_code == 400
    assert office.world.requests["directory"] == 0


@pytest.mark.parametrize(
    ("part", "status"),
    [
        (get("1", "/users"), 200),
        (get("1", "users"), 200),
        (get("1", "/v1.0/users"), 404),
        (get("1", "https://graph.microsoft.com/v1.0/users"), 400),
        (get("1", "/$batch"), 400),
        ({"id": "1", "method": "POST", "url": "/$batch", "body": {}, "headers": {"Content-Type": "a"}}, 400),
        ({"id": "1", "method": "POST", "url": "/directoryObjects/getByIds", "body": {"ids": ["x"]}}, 400),
        (get("1", "/users/$count"), 400),
        (get("1", "/users/$count", headers={"ConsistencyLevel": "eventual"}), 200),
    ],
)
def test_a_part_is_a_relative_request_with_headers_of_its_own(
    office: Office, part: dict[str, Any], status: int
) -> None:
    assert office.batch([part])["1"]["status"] == status


def test_a_raw_hash_ends_the_address(office: Office) -> None:
    guest = office.user("jane_x.com#EXT#@contoso.onmicrosoft.com")
    told = office.batch([get("raw", f"/users/{guest.upn}"), get("coded", f"/users/{guest.upn.replace('#', '%23')}")])
    assert (told["raw"]["status"], told["coded"]["status"]) == (404, 200)


def test_what_depends_on_a_failure_fails(office: Office) -> None:
    told = office.batch(
        [
            get("1", "/users"),
            get("2", "/users/nobody@contoso.com", dependsOn=["1"]),
            get("3", "/users", dependsOn=["2"]),
            get("4", "/users", dependsOn=["3"]),
        ]
    )
    assert {id_: part["status"] for id_, part in told.items()} == {"1": 200, "2": 404, "3": 424, "4": 424}


def test_each_part_is_charged_and_throttled_by_itself(office: Office) -> None:
    office.world.limited = True
    office.tenant.sharepoint_units = 10
    row_id = office.agents.add({"Title": "Jane"})
    path = item_path(office, row_id)  # costs one unit
    told = office.batch([get(str(n), path) for n in range(12)])
    statuses = [told[str(n)]["status"] for n in range(12)]
    assert statuses == [200] * 9 + [429] * 3
    assert int(told["11"]["headers"]["retry-after"]) > 0


def test_a_batch_needs_a_token_and_its_parts_use_it(office: Office) -> None:
    assert office.http.post(f"{office.world.origin}/v1.0/$batch", json={"requests": []}).status_code == 401
    (part,) = office.batch([get("1", "/users")], token=office.token("Presence.Read.All")).values()
    assert part["status"] == 403


def test_writes_go_through(office: Office) -> None:
    row_id = office.agents.add({"Title": "Jane"})
    etag = office.agents.items[row_id].etag
    body, json = {"Title": "Joan"}, {"Content-Type": "application/json"}
    url = item_path(office, row_id) + "/fields"
    parts = [
        {"id": id_, "method": "PATCH", "url": url, "body": body, "headers": json | {"If-Match": etag}} for id_ in "12"
    ]
    told = office.batch(parts)
    assert (told["1"]["status"], told["2"]["status"]) == (200, 412)
    assert told["1"]["body"]["Title"] == office.agents.items[row_id].fields["Title"] == "Joan"
