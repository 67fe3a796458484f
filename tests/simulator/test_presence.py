"""getPresencesByUserId, and presence that moves."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from sync_agent.simulator.graph_presence import presence_of
from sync_agent.simulator.world import World
from tests.simulator.office import Office, error_of

PATH = "/communications/getPresencesByUserId"


def asked(office: Office, ids: list[str], token: str | None = None) -> dict[str, Any]:
    answer = office.graph("POST", PATH, token, json={"ids": ids})
    assert answer.status_code == 200, answer.text
    return {presence["id"]: presence for presence in answer.json()["value"]}


@pytest.mark.parametrize(
    ("ids", "status"),
    [
        ([f"00000000-0000-4000-8000-{n:012}" for n in range(650)], 200),
        ([f"00000000-0000-4000-8000-{n:012}" for n in range(651)], 400),
        ([], 400),
        (["jane@contoso.com"], 400),
        ([7], 400),
        (None, 400),
    ],
)
def test_at_most_650_ids_each_a_guid(office: Office, ids: Any, status: int) -> None:
    assert office.graph("POST", PATH, json={"ids": ids}).status_code == status


@pytest.mark.parametrize("body", ["[]", "{", ""])
def test_a_body_is_a_json_object(office: Office, body: str) -> None:
    json = {"Content-Type": "application/json"}
    assert office.graph("POST", PATH, content=body, headers=json).status_code == 400
    assert office.graph("POST", PATH, content='{"ids": []}').status_code == 400


@pytest.mark.parametrize(
    ("permission", "of_app", "of_person"),
    [("Presence.Read.All", 200, 200), ("Presence.ReadWrite.All", 200, 403), ("User.Read.All", 403, 403)],
)
def test_permissions(office: Office, permission: str, of_app: int, of_person: int) -> None:
    """cloudCommunications: getPresencesByUserId."""
    jane = office.user("jane@contoso.com")
    for token, status in (
        (office.token(permission), of_app),
        (office.token(permission, person=jane), of_person),
    ):
        assert office.graph("POST", PATH, token, json={"ids": [jane.id]}).status_code == status


def test_a_presence_is_as_it_was_set(office: Office) -> None:
    jane = office.user("jane@contoso.com", availability="Busy", activity="InACall")
    told = asked(office, [jane.id.upper(), jane.id.upper()])[jane.id.upper()]
    assert (told["availability"], told["activity"]) == ("Busy", "InACall")


def test_who_has_none_is_unknown_or_missing_the_same_each_time(office: Office) -> None:
    """The guests, the unlicensed, and ids of other tenants."""
    nobodies = [office.user(f"u{n}@contoso.com", licensed=n % 2 == 0, guest=n % 2 == 0).id for n in range(20)]
    nobodies += [f"99999999-0000-4000-8000-{n:012}" for n in range(20)]
    told = asked(office, nobodies)
    assert {presence["availability"] for presence in told.values()} == {"PresenceUnknown"}
    assert 0 < len(told) < len(nobodies)
    assert asked(office, nobodies).keys() == told.keys()


def test_answers_come_in_no_order(office: Office) -> None:
    ids = [office.user(f"u{n}@contoso.com").id for n in range(50)]
    told = asked(office, ids)
    assert set(told) == set(ids)
    assert list(told) != ids


def test_presence_moves_by_itself_and_the_same_way_for_the_same_seed(office: Office) -> None:
    users = [office.user(f"u{n}@contoso.com") for n in range(40)]
    office.world.moving = True

    def seen() -> dict[str, str]:
        return {id_: told["availability"] for id_, told in asked(office, [user.id for user in users]).items()}

    before = seen()
    assert len(set(before.values())) > 3
    assert seen() == before
    office.clock.now += 600
    moved = seen()
    assert sum(moved[id_] != before[id_] for id_ in before) > 10
    twin = World(moving=True, clock=office.clock)
    assert {user.id: presence_of(twin, user)[0] for user in users} == moved


def test_a_state_lasts_at_least_a_minute(office: Office) -> None:
    jane, world = office.user("jane@contoso.com"), office.world
    world.moving = True
    began, states = office.clock.now, []
    for second in range(0, 7_200):
        office.clock.now = began + second
        states.append(presence_of(world, jane))
    changes = [at for at in range(1, len(states)) if states[at] != states[at - 1]]
    assert changes
    assert all(later - earlier >= 60 for earlier, later in pairwise(changes))


def test_no_content_type_is_refused_as_graph_refuses_it(office: Office) -> None:
    assert error_of(office.graph("POST", PATH, content=b"{}")) == (400, "BadRequest")
