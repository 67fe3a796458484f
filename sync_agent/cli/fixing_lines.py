"""What became of approved fixes, a line each, as `sync` shows it."""

from __future__ import annotations

from collections.abc import Iterator

from sync_agent.characters import printable
from sync_agent.fuses import Held
from sync_agent.model import Fix
from sync_agent.outcome import Fixing
from sync_agent.report.cell import as_seen

_MOST = 20
"""Fixes, and approvals that were not followed, that are named."""

Line = tuple[str, str]
"""Text and style."""


def fixing_lines(fixing: Fixing, *, dry_run: bool) -> Iterator[Line]:
    """Nothing where nobody approved anything."""
    fixes, unfollowed = fixing.planned.fixes, fixing.planned.unfollowed
    if fixing.held is not None:
        yield _held(fixing.held), "bold red"
    elif fixes:
        yield _counts(fixing, dry_run=dry_run), "yellow" if fixing.failed or fixing.error else ""
    shown = fixes if dry_run or fixing.held is not None else [fix for fix in fixes if fix.row.id in fixing.done]
    for fix in shown[:_MOST]:
        yield f"  {_fix(fix)}", ""
    for each in unfollowed[:_MOST]:
        yield f"Row {each.row_id}: {printable(each.approved)} is approved, but {each.reason}", "yellow"
    hidden = max(0, len(shown) - _MOST) + max(0, len(unfollowed) - _MOST)
    if hidden:
        yield f"… and {hidden:,} more; --json has them all.", ""
    if fixing.error is not None:
        yield fixing.error, "yellow"


def _counts(fixing: Fixing, *, dry_run: bool) -> str:
    planned = len(fixing.planned.fixes)
    if dry_run:
        return f"Approved fixes that would be written: {planned:,}"
    said = f"Approved fixes: {len(fixing.done):,} of {planned:,} written"
    if fixing.conflicts:
        said += f", {fixing.conflicts:,} changed by others meanwhile"
    return said + (f", {fixing.failed:,} could not be written" if fixing.failed else "")


def _held(held: Held) -> str:
    return (
        f"Held by the fuse {held.fuse}: {held.rows:,} of {held.of:,} rows are approved for fixes at once, and at most "
        f"{held.limit} may be. No UPN is written. If people really approved each of them, run this again with "
        f"--approve {held.checksum}"
    )


def _fix(fix: Fix) -> str:
    return f"Row {fix.row.id}: {as_seen(fix.row.upn, 64)} → {printable(fix.upn)} ({fix.code})"
