"""A user as Graph shows one."""

from __future__ import annotations

from typing import Any

from sync_agent.simulator.world import SimUser

DEFAULTS = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)
"""What Graph gives without $select (user: list)."""
READERS = ("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
"""user: list; User.ReadBasic.All opens less."""
_TEAMS_PLAN = "57ff2da0-773e-42df-b2af-ffb7a2317929"


def as_json(user: SimUser) -> dict[str, Any]:
    """All properties that can be selected."""
    first, _, last = user.display_name.partition(" ")
    return {
        "id": user.id,
        "userPrincipalName": user.upn,
        "displayName": user.display_name,
        "givenName": first,
        "surname": last,
        "jobTitle": None,
        "businessPhones": [],
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "accountEnabled": user.enabled,
        "userType": "Guest" if user.guest else "Member",
        "mail": user.mail,
        "proxyAddresses": list(user.proxy_addresses),
        "otherMails": list(user.other_mails),
        "onPremisesUserPrincipalName": None,
        "deletedDateTime": user.deleted_at,
        "assignedPlans": _plans(user),
    }


def _plans(user: SimUser) -> list[dict[str, Any]]:
    assigned = "2024-05-02T08:00:00Z"
    exchange = {"service": "exchange", "servicePlanId": "efb87545-963c-4e0d-99df-69c6916d9eb0"}
    teams = {"service": "TeamspaceAPI", "servicePlanId": _TEAMS_PLAN}
    plans = [exchange, teams] if user.licensed and not user.guest else []
    return [{"assignedDateTime": assigned, "capabilityStatus": "Enabled", **plan} for plan in plans]


PROPERTIES = frozenset(as_json(SimUser("", "", "")))
