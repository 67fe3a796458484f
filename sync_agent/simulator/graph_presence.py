"""getPresencesByUserId, and presence that moves as people do."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from sync_agent.simulator import limits
from sync_agent.simulator.tokens import graph_principal
from sync_agent.simulator.wire import Call, Failure, Reply, Route, json_reply, route
from sync_agent.simulator.world import SimUser, World

MOST_IDS = 650
_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_STEP = 60.0
"""Seconds for which a moving presence stays what it is, at least."""
_STATES = (
    ("Available", "Available"),
    ("Available", "Available"),
    ("Busy", "InACall"),
    ("Busy", "InAMeeting"),
    ("DoNotDisturb", "Presenting"),
    ("Away", "Away"),
    ("BeRightBack", "BeRightBack"),
    ("Offline", "Offline"),
)


def routes() -> list[Route]:
    return [route("POST", r"/v1\.0/communications/getPresencesByUserId", _presences)]


def _presences(call: Call) -> Reply:
    principal = graph_principal(call)
    limits.charge_presence(call, principal)
    principal.require("Presence.Read.All", *([] if principal.by_person else ["Presence.ReadWrite.All"]))
    world = call.world
    ids = call.json().get("ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= MOST_IDS:
        raise Failure(400, "BadRequest", f"The number of ids must be between 1 and {MOST_IDS}.")
    if any(not isinstance(id_, str) or _GUID.fullmatch(id_) is None for id_ in ids):
        raise Failure(400, "BadRequest", "Invalid id: each id must be a GUID.")
    values = [
        value for id_ in dict.fromkeys(ids) if (value := _value(world, principal.tenant.users.get(id_.lower()), id_))
    ]
    world.random.shuffle(values)
    return json_reply({"@odata.context": "#communications/presences", "value": values})


def _value(world: World, user: SimUser | None, id_: str) -> dict[str, Any] | None:
    """Ids that have no presence come as PresenceUnknown or not at all: by the id, so that it is the same each time."""
    if user is None or not user.has_presence:
        if _number(id_) % 2:
            return None
        availability = activity = "PresenceUnknown"
    else:
        availability, activity = presence_of(world, user)
    return item(id_, availability, activity)


def item(id_: str, availability: str, activity: str) -> dict[str, Any]:
    """A presence as it stands in an answer."""
    return {
        "id": id_,
        "availability": availability,
        "activity": activity,
        "statusMessage": None,
        "sequenceNumber": "A0636853",
        "outOfOfficeSettings": {"message": None, "isOutOfOffice": False},
        "workLocation": None,
    }


def presence_of(world: World, user: SimUser) -> tuple[str, str]:
    """As set; or, where the world moves, one of the usual states, held for a minute or more by each user's own beat."""
    if not world.moving:
        return user.availability, user.activity
    number = _number(user.id)
    beat = int((world.clock() + number % 600) / (_STEP * (1 + number % 10)))
    return _STATES[_number(f"{world.seed}/{user.id}/{beat}") % len(_STATES)]


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")
