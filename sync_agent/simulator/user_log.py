"""What was done to a tenant's users, as far as Graph's delta tells it.

Users are changed by plain assignment, so nothing is noted at that moment: whoever asks makes the log look, which
compares every user with what was seen the last time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sync_agent.simulator.change_log import ChangeLog, Done

if TYPE_CHECKING:
    from sync_agent.simulator.world import SimUser

_TOKENS_LIVE = timedelta(days=7)
"""delta-query-overview, token duration: directory objects."""
_SHOWN_AS: Mapping[str, tuple[str, ...]] = {
    "upn": ("userPrincipalName",),
    "display_name": ("displayName", "givenName", "surname"),
    "enabled": ("accountEnabled",),
    "guest": ("userType", "assignedPlans"),
    "licensed": ("assignedPlans",),
    "mail": ("mail",),
    "proxy_addresses": ("proxyAddresses",),
    "other_mails": ("otherMails",),
}
"""Which properties change with which of a user's attributes. Presence is none of the directory's."""
_state = attrgetter(*_SHOWN_AS)


@dataclass(frozen=True, slots=True)
class ChangedUser:
    """``properties``: those that changed; None for all, of a user who is new."""

    id: str
    properties: frozenset[str] | None = frozenset()


@dataclass(slots=True)
class UserLog:
    changes: ChangeLog[ChangedUser] = field(default_factory=lambda: ChangeLog(_TOKENS_LIVE))
    _seen: dict[str, tuple[Any, ...]] | None = None

    def look(self, users: Mapping[str, SimUser], now: datetime) -> None:
        """Note what was done since the last look; the first only remembers."""
        before, self._seen = self._seen, {user.id: _state(user) for user in list(users.values())}
        if before is None:
            return
        for id_ in before.keys() - self._seen.keys():
            self.changes.note(Done.DELETE, ChangedUser(id_), now)
        for id_, state in self._seen.items():
            if id_ not in before:
                self.changes.note(Done.ADD, ChangedUser(id_, None), now)
            elif before[id_] != state:
                self.changes.note(Done.UPDATE, ChangedUser(id_, _changed(before[id_], state)), now)


def _changed(before: tuple[Any, ...], now: tuple[Any, ...]) -> frozenset[str]:
    pairs = zip(_SHOWN_AS.values(), before, now, strict=True)
    return frozenset(name for shown_as, old, new in pairs if old != new for name in shown_as)
