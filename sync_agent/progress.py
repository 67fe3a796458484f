"""What a job tells whoever watches it: a stage, how far it is, how it ended. The terminal decides how that looks."""

from __future__ import annotations

from typing import Protocol


class Stage(Protocol):
    """One stage under way."""

    def advance(self, count: int = 1) -> None: ...

    def done(self, note: str = "") -> None: ...


class Progress(Protocol):
    """``total`` is None where it is not known beforehand."""

    def stage(self, name: str, total: int | None = None) -> Stage: ...


class _SilentStage:
    def advance(self, count: int = 1) -> None:
        pass

    def done(self, note: str = "") -> None:
        pass


class Silent:
    """Nobody watches: the service, and tests of other things."""

    def stage(self, name: str, total: int | None = None) -> Stage:
        return _SilentStage()
