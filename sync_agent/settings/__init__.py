"""settings.yaml → Settings; every error says file, line, what was found and what was expected.

settings_file and yaml_source read (yaml_mistakes puts YAML's own errors into words) → model checks each value (values,
addresses, site_address, secret; sealing opens encrypted ones), contradictions what they say together → explain makes
problems of what was refused (showing keeps secrets out of them). effect finds what was written for nothing.
"""

from sync_agent.settings.effect import without_effect
from sync_agent.settings.load import load, written_key
from sync_agent.settings.model import (
    CLOUDS,
    AccountSettings,
    CloudSettings,
    Endpoints,
    PushSettings,
    Settings,
    SharePointSettings,
)
from sync_agent.settings.problems import Problem, SecretUnavailable, SettingsError, SettingsUnreadable
from sync_agent.settings.secret import Secret
from sync_agent.settings.values import Auto

__all__ = [
    "CLOUDS",
    "AccountSettings",
    "Auto",
    "CloudSettings",
    "Endpoints",
    "Problem",
    "PushSettings",
    "Secret",
    "SecretUnavailable",
    "Settings",
    "SettingsError",
    "SettingsUnreadable",
    "SharePointSettings",
    "load",
    "without_effect",
    "written_key",
]
