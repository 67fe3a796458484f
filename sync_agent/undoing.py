"""What a run did to rows x what they show now -> what an undo restores, and what it leaves alone and why.

Pure, and careful in one direction: a row is restored only where it holds, in every cell concerned, what the run wrote.
Presence is never restored: a presence of the past is no longer true, and the next sweep knows the one of now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sync_agent.model import CellValue, Change, OurColumn, Row, Shown

DELETED = "the row is not in the list any more"
CHANGED = "it shows something else since: a person or a later run wrote it"
UPN_CHANGED = "its UPN is another since"
NOT_WRITTEN = "it shows what it did before: the write was not made, or has been undone"


@dataclass(frozen=True, slots=True)
class VerdictCells:
    """The cells of ours that say what was found of a row: all but presence and the times. "" is an empty cell."""

    status: str = ""
    anomalies: str = ""
    account: str = ""
    object_id: str = ""

    @classmethod
    def of(cls, shown: Shown) -> VerdictCells:
        return cls(shown.status, shown.anomalies, shown.account, shown.object_id)

    def same(self, other: VerdictCells) -> bool:
        """SharePoint keeps a note's line ends and outer blanks as it likes: they are no difference."""
        return self._compared() == other._compared()

    def _compared(self) -> tuple[str, str, str, list[str]]:
        lines = [line.strip() for line in self.anomalies.splitlines() if line.strip()]
        return self.status, self.account, self.object_id, lines


@dataclass(frozen=True, slots=True)
class VerdictWrite:
    """One write of a run to a row's verdict. ``upn``: the cell that it was decided on; ``sure``: known to be made."""

    row_id: int
    upn: str | None
    before: VerdictCells
    after: VerdictCells
    sure: bool = True


@dataclass(frozen=True, slots=True)
class UpnWrite:
    """What came of a run's fixes of one row's UPN cell."""

    row_id: int
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Restoring:
    """``change``: new values for our columns; ``upn``: the UPN cell of before, where it is to be written too."""

    row: Row
    change: Change | None = None
    upn: UpnWrite | None = None


@dataclass(frozen=True, slots=True)
class Undo:
    """``kept``: by row id, why nothing is written to it."""

    restoring: tuple[Restoring, ...] = ()
    kept: Mapping[int, str] = field(default_factory=dict)


def plan_undo(
    verdicts: Sequence[VerdictWrite], upns: Sequence[UpnWrite], rows: Mapping[int, Row], now: datetime
) -> Undo:
    """All of one run, in the order in which it wrote; ``rows``: those concerned as they are now, a deleted one absent.

    A row that the run left as it found it is not concerned.
    """
    by_row: dict[int, list[VerdictWrite]] = {}
    for each in verdicts:
        by_row.setdefault(each.row_id, []).append(each)
    upn_of = {each.row_id: each for each in upns}
    restoring, kept = [], {}
    for row_id in sorted(by_row.keys() | upn_of.keys()):
        planned = _of_row(by_row.get(row_id, []), upn_of.get(row_id), rows.get(row_id), now)
        if isinstance(planned, Restoring):
            restoring.append(planned)
        elif planned is not None:
            kept[row_id] = planned
    return Undo(tuple(restoring), kept)


def _of_row(
    written: Sequence[VerdictWrite], upn: UpnWrite | None, row: Row | None, now: datetime
) -> Restoring | str | None:
    """What is to be restored, or why nothing is; None where there is nothing to speak of."""
    fixed = upn if upn is not None and upn.before != upn.after else None
    concerned = bool(written) and not written[0].before.same(written[-1].after)
    if not concerned and fixed is None:
        return None
    if row is None:
        return DELETED
    if fixed is not None and not _holds(row, fixed.after):
        if not _holds(row, fixed.before):
            return UPN_CHANGED
        fixed = None
    if not concerned:
        return NOT_WRITTEN if fixed is None else Restoring(row, upn=fixed)
    if not any(_holds(row, left) for left in (written[-1].upn, *([] if upn is None else [upn.after]))):
        return UPN_CHANGED
    shows, before = VerdictCells.of(row.shown), written[0].before
    if shows.same(before):
        return NOT_WRITTEN if fixed is None else Restoring(row, upn=fixed)
    if not any(shows.same(after) for after in _afters(written)):
        return CHANGED
    return Restoring(row, Change(row, _values(shows, before, now)), fixed)


def _afters(written: Sequence[VerdictWrite]) -> list[VerdictCells]:
    """What the row may hold by this run: the last write known to be made, and those after it that may have been."""
    afters: list[VerdictCells] = []
    for each in written:
        afters = [each.after] if each.sure else [*afters, each.after]
    return afters


def _holds(row: Row, upn: str | None) -> bool:
    """An empty cell comes back as none, whichever it was."""
    return (row.upn or "") == (upn or "")


def _values(shows: VerdictCells, before: VerdictCells, now: datetime) -> dict[OurColumn, CellValue]:
    cells = {
        OurColumn.STATUS: (shows.status, before.status),
        OurColumn.ANOMALIES: (shows.anomalies, before.anomalies),
        OurColumn.ACCOUNT: (shows.account, before.account),
        OurColumn.OBJECT_ID: (shows.object_id, before.object_id),
    }
    values: dict[OurColumn, CellValue] = {column: to for column, (is_, to) in cells.items() if is_ != to}
    return {**values, OurColumn.SYNC_CHANGED_AT: now.astimezone(UTC).replace(microsecond=0)}
