"""What is made of a user as the directory gives one."""

from __future__ import annotations

import msgspec
import pytest

from sync_agent.microsoft365.user_records import UserRecord

TEAMS = {"service": "TeamspaceAPI", "servicePlanId": "57ff2da0-773e-42df-b2af-ffb7a2317929"}
EXCHANGE = {"service": "exchange", "capabilityStatus": "Enabled"}


@pytest.mark.parametrize(
    ("plans", "licensed", "plan"),
    [
        ([{**TEAMS, "capabilityStatus": "Enabled"}], True, ""),
        ([{**TEAMS, "capabilityStatus": "Warning"}], True, ""),
        ([EXCHANGE, {**TEAMS, "capabilityStatus": "Suspended"}], False, "Suspended"),
        ([{**TEAMS, "capabilityStatus": "Deleted"}, {**TEAMS, "capabilityStatus": "Enabled"}], True, ""),
        ([EXCHANGE], False, ""),
        ([], False, ""),
    ],
)
def test_a_teams_licence_counts_while_its_plan_is_in_force(plans: list[object], licensed: bool, plan: str) -> None:
    user = msgspec.convert({"id": "1", "assignedPlans": plans}, UserRecord).user()
    assert (user.teams_licensed, user.teams_plan) == (licensed, plan)
