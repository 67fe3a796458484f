"""A UPN cell as people can tell it from others."""

from __future__ import annotations

from sync_agent.characters import printable


def as_seen(cell: str | None, most: int) -> str:
    """Nothing invisible, blanks at the ends between quotes, shortened to ``most`` characters."""
    if not cell:
        return "(empty)"
    seen = printable(cell, most)
    return f"“{seen}”" if cell != cell.strip(" ") else seen
