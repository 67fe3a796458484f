"""What is wrong with a settings file, as its operator is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """``where`` is the setting's path, as in "accounts.contoso.client_id"; ``line`` counts from 1, 0 for the whole file."""

    file: Path
    line: int
    where: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}: {self.where}: {self.message}" if self.where else f"{place}: {self.message}"


class SettingsError(Exception):
    """All that is wrong, at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
