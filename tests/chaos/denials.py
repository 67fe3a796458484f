"""What an answer that names nobody denies, by the question that it answers."""

from __future__ import annotations

import re

import orjson

from sync_agent.simulator.wire import Call

_BY_NAME = "userPrincipalName in"
_QUOTED = re.compile(r"'((?:[^']|'')*)'")


def denied_names(call: Call) -> set[str] | None:
    """UPNs of which it says that nobody has them; None: everybody's."""
    if not call.path.endswith("/users"):
        return set()
    asked = call.query.get("$filter", "")
    if _BY_NAME in asked:
        return {name.replace("''", "'").lower() for name in _QUOTED.findall(asked)}
    return set() if asked or "$search" in call.query else None


def denied_presences(call: Call) -> set[str]:
    """Ids of users of whom it says that they have none."""
    if not call.path.endswith("getPresencesByUserId"):
        return set()
    return set(orjson.loads(call.body)["ids"])
