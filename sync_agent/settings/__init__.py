"""settings.yaml → Settings; every error says file, line, what was found and what was expected."""

from sync_agent.settings.load import load
from sync_agent.settings.model import (
    CLOUDS,
    AccountSettings,
    CloudSettings,
    Endpoints,
    Settings,
    SharePointSettings,
)
from sync_agent.settings.problems import Problem, SettingsError
from sync_agent.settings.values import Secret, SecretUnavailable

__all__ = [
    "CLOUDS",
    "AccountSettings",
    "CloudSettings",
    "Endpoints",
    "Problem",
    "Secret",
    "SecretUnavailable",
    "Settings",
    "SettingsError",
    "SharePointSettings",
    "load",
]
