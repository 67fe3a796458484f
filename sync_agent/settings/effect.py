"""What an operator wrote that changes nothing, so that it can be said instead of being ignored in silence."""

from __future__ import annotations

from collections.abc import Iterator

from sync_agent.settings.model import CREDENTIALS, AccountSettings, Group, PresenceSettings, Settings
from sync_agent.settings.values import Auto

_NOT_YET: tuple[str, ...] = ()
"""Part of the contract of settings.yaml, but no part of this version looks at them."""


def without_effect(settings: Settings) -> list[str]:
    """The names of settings that were written, are right, and have no effect in this version."""
    not_yet = (name for name in _NOT_YET if _is_written(settings, name))
    unused = (name for account in settings.accounts for name in _unused_credentials(account))
    to_nobody = () if settings.notify.urls else sorted(settings.notify.model_fields_set - {"urls"})
    in_vain = _in_turn_but_with_a_worst_age(settings)
    return [*not_yet, *in_vain, *(f"notify.{name}" for name in to_nobody), *unused]


def _in_turn_but_with_a_worst_age(settings: Settings) -> list[str]:
    """Its default may stand there: nothing was asked for."""
    other = settings.presence.worst_age != PresenceSettings().worst_age
    return ["presence.worst_age"] if other and not isinstance(settings.schedule.presence, Auto) else []


def _is_written(settings: Settings, name: str) -> bool:
    """Left empty is as good as left out: nothing was asked for."""
    value: object = settings
    for part in name.split("."):
        if not isinstance(value, Group) or part not in value.model_fields_set:
            return False
        value = getattr(value, part)
    return value not in (None, {})


def _unused_credentials(account: AccountSettings) -> Iterator[str]:
    for name, auth in CREDENTIALS.items():
        if auth != account.auth and getattr(account, name) is not None:
            yield f"accounts.{account.id}.{name}"
