"""Which column looks like the one with the UPNs, by what stands in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync_agent.microsoft365.checking.rows import domain_of
from sync_agent.microsoft365.column_kinds import ListColumn

_NAMES = ("upn", "userprincipalname", "principal", "sign-in", "signin", "login")


@dataclass(frozen=True, slots=True)
class Likeness:
    """``filled``: rows in which the column holds anything; ``read``: those in which it reads as a UPN."""

    column: ListColumn
    filled: int
    read: int

    @property
    def share(self) -> float:
        return self.read / self.filled if self.filled else 0.0

    @property
    def words(self) -> str:
        if not self.filled:
            return "empty in all rows that were looked at"
        return f"{self.read:,} of {self.filled:,} filled cells read as a UPN"


def likenesses(columns: Sequence[ListColumn], rows: Sequence[Mapping[str, Any]]) -> list[Likeness]:
    """The likeliest first. Of columns in which as many cells read as UPNs (one with mail addresses, say), the one that
    is called so goes first.
    """
    return sorted((_likeness(column, rows) for column in columns), key=_rank, reverse=True)


def _likeness(column: ListColumn, rows: Sequence[Mapping[str, Any]]) -> Likeness:
    cells = [row.get(column.wire) for row in rows]
    filled = [cell for cell in cells if str(cell or "").strip()]
    return Likeness(column, len(filled), sum(1 for cell in filled if domain_of(cell)))


def _rank(likeness: Likeness) -> tuple[bool, bool, float, int]:
    mostly = likeness.share >= 0.5
    names = f"{likeness.column.internal} {likeness.column.display}".casefold().replace(" ", "")
    return mostly, any(name in names for name in _NAMES), likeness.share, likeness.filled
