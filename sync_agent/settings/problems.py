"""What is wrong with a settings file, as its operator is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_ELSEWHERE = (
    "name the settings by --settings FILE or the environment variable SYNC_AGENT_SETTINGS, or make them: "
    "`sync-agent init`"
)
At = tuple[str | int, ...]
"""The way to a setting: names, and places in lists counted from 0."""


@dataclass(frozen=True, slots=True)
class Problem:
    """``where`` is the setting's path, as in "accounts.contoso.client_id". ``line`` and ``column`` count from 1.

    ``line`` is 0 where the whole file is meant, ``file`` None where a value was only found wrong after reading.
    """

    file: Path | None
    line: int
    found: str
    expected: str = ""
    hint: str = ""
    where: str = ""
    column: int = 0

    @property
    def sentence(self) -> str:
        parts = [f"found {self.found}" if self.found else "", f"expected {self.expected}" if self.expected else ""]
        return "; ".join(part for part in (", ".join(filter(None, parts)), self.hint) if part)

    def __str__(self) -> str:
        return ": ".join(part for part in (self._place, self.where, self.sentence) if part)

    @property
    def _place(self) -> str:
        if self.file is None:
            return ""
        return f"{self.file}:{self.line}:{self.column}" if self.line else str(self.file)


class SettingsError(Exception):
    """All that is wrong, at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class SettingsUnreadable(SettingsError):
    """There is no settings file at ``path``, or none that can be read. ``why`` is a clause."""

    def __init__(self, path: Path, why: str) -> None:
        self.path = path.absolute()
        self.why = why
        super().__init__([Problem(self.path, 0, "", hint=f"{why}; {_ELSEWHERE}")])


class SecretUnavailable(SettingsError):
    """A reference to a secret leads nowhere. The sentence says which, never a value."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__([Problem(None, 0, "", hint=why, where=where)])


class Unfit(ValueError):
    """A value is not what its setting takes. Neither text repeats the value."""

    def __init__(self, expected: str, hint: str = "") -> None:
        self.expected = expected
        self.hint = hint
        super().__init__(f"expected {expected}; {hint}" if hint else f"expected {expected}")
