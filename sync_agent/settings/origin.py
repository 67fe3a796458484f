"""What the values of a settings file are read with: the validation's context."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationInfo

DEFAULT_KEY_VARIABLE = "SYNC_AGENT_KEY"
DEFAULT_KEY = f"${{env:{DEFAULT_KEY_VARIABLE}}}"


@dataclass(frozen=True, slots=True)
class Origin:
    """``folder``: where relative paths start; ``key``: what is written at secrets.key, which opens encrypted values."""

    folder: Path = Path()
    key: str = DEFAULT_KEY


def origin_of(info: ValidationInfo) -> Origin:
    return info.context or Origin()
