"""What `sync-agent check` finds, and the entries of its table of faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """*error*: the service cannot do its work, or a part of it; *warning*: it can, but somebody should look."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Area(StrEnum):
    """What is looked at, in the order in which one thing rests on another."""

    SETTINGS = "Settings"
    NETWORK = "Network and clock"
    SIGN_IN = "Sign-in"
    PERMISSIONS = "Permissions"
    LIST = "Agent list"
    DOMAINS = "Domains"
    LIMITS = "Limits"
    MACHINE = "This machine"


@dataclass(frozen=True, slots=True)
class Finding:
    """``subject``: the setting, host or file that it is about. ``about``: accounts and hosts that it concerns, none
    for all of them: what follows from it is looked for among those.
    """

    id: str
    level: Level
    area: Area
    subject: str
    message: str
    remedy: str | None = None
    about: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of finding. ``message`` and ``remedy`` are templates; ``follows``: ids of the faults that it is a mere
    consequence of. ``numbers``: Entra's error numbers that it stands for, whose words fill its templates.
    """

    id: str
    level: Level
    area: Area
    message: str
    remedy: str = ""
    follows: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()

    def found(self, subject: str, *about: str, **values: object) -> Finding:
        """Raises KeyError where a template needs another value."""
        remedy = _filled(self.remedy, values) if self.remedy else None
        message = _filled(self.message, values)
        return Finding(self.id, self.level, self.area, subject, message, remedy, frozenset(about))


def _filled(template: str, values: Mapping[str, object]) -> str:
    """What is filled in may be a question, which ends a sentence by itself."""
    return template.format_map(values).replace("?.", "?")
