"""Which row is meant by what was typed: an id, or what stands in a UPN cell, near enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sync_agent.model import Row
from sync_agent.upn import examine, key

ASSUMED_ID = 0
"""Of a row that is explained as if it were in the list. SharePoint counts from 1."""
_LONGEST_ID = 10
"""Digits; SharePoint's ids have 32 bits."""


class NoSuchRow(Exception):
    """The text names the ids that there are."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """``assumed``: no row has it, and ``row`` is made up. ``also``: ids of further rows that may be meant."""

    row: Row
    assumed: bool = False
    also: tuple[int, ...] = ()


def choose(wanted: str, rows: Mapping[int, Row]) -> Chosen:
    """Raises NoSuchRow where an id is wanted that the list does not have."""
    if is_row_id(wanted):
        row = rows.get(int(wanted)) if len(wanted) <= _LONGEST_ID else None
        if row is None:
            raise NoSuchRow(_no_row(wanted, rows))
        return Chosen(row)
    for alike in _ways(wanted):
        ids = sorted(row.id for row in rows.values() if alike(row))
        if ids:
            return Chosen(rows[ids[0]], also=tuple(ids[1:]))
    return Chosen(Row(ASSUMED_ID, wanted), assumed=True)


def is_row_id(wanted: str) -> bool:
    return wanted.isascii() and wanted.isdigit()


def _ways(wanted: str) -> tuple[Callable[[Row], bool], ...]:
    """The closest first: the very cell, the same UPN, a cell that means it."""
    meant = key(wanted.strip())
    return (
        lambda row: row.upn == wanted,
        lambda row: row.upn is not None and key(row.upn) == key(wanted),
        lambda row: bool(meant) and examine(row.upn).candidate == meant,
    )


def _no_row(wanted: str, rows: Mapping[int, Row]) -> str:
    if not rows:
        return f"There is no row {wanted[:_LONGEST_ID]}: the list is empty."
    ids = sorted(rows)
    near = 10**_LONGEST_ID if len(wanted) > _LONGEST_ID else int(wanted)
    nearest = min(ids, key=lambda id_: (abs(id_ - near), id_))
    between = f"ids from {ids[0]} to {ids[-1]}" if len(ids) > 1 else f"the id {ids[0]}"
    return (
        f"There is no row {wanted[:_LONGEST_ID]}{'…' if len(wanted) > _LONGEST_ID else ''}: the list has {len(ids):,} "
        f"{'row' if len(ids) == 1 else 'rows'}, {between}; the nearest is {nearest}."
    )
