"""Of a user's licences only what may tell of Teams is kept, and once for all users."""

from __future__ import annotations

import msgspec

from sync_agent.microsoft365.user_records import UserRecord

TEAMS = {
    "service": "TeamspaceAPI",
    "capabilityStatus": "Enabled",
    "servicePlanId": "57ff2da0-773e-42df-b2af-ffb7a2317929",
}
LOCKED = {**TEAMS, "capabilityStatus": "LockedOut"}
OTHERS = [
    {"service": f"other{number}", "capabilityStatus": "Enabled", "servicePlanId": f"{number}"} for number in range(99)
]


def record(id_: str, plans: object) -> UserRecord:
    return msgspec.json.decode(msgspec.json.encode({"id": id_, "assignedPlans": plans}), type=UserRecord)


def test_a_hundred_plans_leave_those_for_teams_which_all_users_share() -> None:
    one, other = record("1", [*OTHERS, TEAMS]), record("2", [TEAMS, *OTHERS])
    assert isinstance(one.assigned_plans, list) and isinstance(other.assigned_plans, list)
    assert [plan.plan_id for plan in one.assigned_plans] == [TEAMS["servicePlanId"]]
    assert one.assigned_plans[0] is other.assigned_plans[0]
    assert one.user().teams_licensed


def test_what_is_told_of_a_user_is_as_with_all_plans() -> None:
    assert record("1", OTHERS).user().teams_licensed is False
    assert record("1", None).user().teams_licensed is None
    locked = record("1", [*OTHERS, LOCKED]).user()
    assert (locked.teams_licensed, locked.teams_plan) == (False, "LockedOut")
