"""Rows in which a person approved a suggestion x their verdicts -> the fixes to be made, and why the others are not.

A fix writes into a person's column, so every doubt speaks against it. Approved is a suggestion only by its very text:
nothing but blanks around it is passed over. It counts only for the UPN cell beside which it was first seen: whoever
edits the cell after that has the last word, until somebody approves anew.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from sync_agent.characters import joined, printable, without_outer_blanks
from sync_agent.fuses import Held, Safety, percent
from sync_agent.model import Anomaly, CouldNotAsk, Fix, Found, Match, Row, Status, Verdict
from sync_agent.upn import examine, key

_VOID = (
    "the UPN was edited after that. To approve it for what the cell holds now, empty the approval, and give it again "
    "after the next pass"
)
_UNSURE = "not all that could speak against it could be asked; it is looked at again"


@dataclass(frozen=True, slots=True)
class Sighting:
    """The checksums of an approval and of the UPN cell beside which it was first seen. ``void``: that cell was seen to
    hold something else since; it stays so for as long as the approval does.
    """

    approved: str
    upn: str
    void: bool = False


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """An approval that is not followed in this turn, and why, for the person who gave it."""

    row_id: int
    approved: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fixes:
    """All fixes of one turn, before any is made, by row id."""

    fixes: tuple[Fix, ...] = ()
    unfollowed: tuple[Unfollowed, ...] = ()

    @property
    def checksum(self) -> str:
        """Bound to the rows, what they hold and what they are to hold: the same a minute later."""
        decided = [[fix.row.id, fix.row.upn, fix.upn] for fix in self.fixes]
        return sha256(json.dumps(decided).encode()).hexdigest()[:16]


def first_seen(known: Mapping[int, Sighting], rows: Iterable[Row]) -> dict[int, Sighting]:
    """Of each row that holds an approval, by row id; ``known``: of earlier times. An approval that is another one, or
    was seen to be gone, is seen for the first time now.
    """
    seen = {}
    for row in rows:
        if approved := approved_in(row):
            now = Sighting(_checksum(approved), _checksum(row.upn))
            first = known.get(row.id, now)
            if first.approved != now.approved:
                first = now
            seen[row.id] = replace(first, void=first.void or first.upn != now.upn)
    return seen


def plan_fixes(
    rows: Sequence[Row],
    verdicts: Mapping[int, Verdict],
    sure: Collection[int],
    seen: Mapping[int, Sighting],
) -> Fixes:
    """``rows``: the whole list; ``verdicts`` by row id; ``sure``: rows of which all was asked, and answered, that their
    verdict rests on; ``seen``: as `first_seen` tells of these rows.

    No two fixes, and no fix and a row, end with one UPN.
    """
    wanted: list[Fix] = []
    unfollowed: list[Unfollowed] = []
    for row in rows:
        if approved := approved_in(row):
            judged = _judged(row, approved, verdicts[row.id], seen[row.id], row.id in sure)
            if isinstance(judged, Fix):
                wanted.append(judged)
            elif judged is not None:
                unfollowed.append(Unfollowed(row.id, approved, judged))
    taken = _names_of(rows) if wanted else {}
    rivals = Counter(key(fix.upn) for fix in wanted)
    fixes = []
    for fix in wanted:
        others = sorted(taken.get(key(fix.upn), set()) - {fix.row.id})
        if others:
            unfollowed.append(Unfollowed(fix.row.id, fix.upn, f"{_rows(others)} it already"))
        elif rivals[key(fix.upn)] > 1:
            rival = [other.row.id for other in wanted if key(other.upn) == key(fix.upn) and other is not fix]
            unfollowed.append(Unfollowed(fix.row.id, fix.upn, f"it is approved for row {joined(_texts(rival))} too"))
        else:
            fixes.append(fix)
    return _in_order(fixes, unfollowed)


def approved_in(row: Row) -> str:
    """What a person approved: the cell without the blanks around it."""
    return without_outer_blanks(row.approved)[0] if row.approved else ""


def confirmed(planned: Fixes, matches: Mapping[str, Match]) -> Fixes:
    """Only those whose UPN is somebody's by the ``matches``: what the tenants answered just now."""
    fixes, unfollowed = [], list(planned.unfollowed)
    for fix in planned.fixes:
        match = matches.get(key(fix.upn))
        if isinstance(match, Found):
            fixes.append(fix)
        else:
            silent = match is None or isinstance(match, CouldNotAsk)
            reason = _UNSURE if silent else "no tenant has a user of this UPN any more"
            unfollowed.append(Unfollowed(fix.row.id, fix.upn, reason))
    return _in_order(fixes, unfollowed)


def judge_fixes(planned: Fixes, rows: int, safety: Safety) -> Held | None:
    """The fuse: as many approvals at once as this are hardly read one by one. A few are never too many."""
    count = len(planned.fixes)
    if count < safety.max_worsened_floor or count <= rows * safety.max_fixes:
        return None
    code, most = min(Counter(fix.code for fix in planned.fixes).items(), key=lambda item: (-item[1], item[0]))
    limit, cause = percent(safety.max_fixes), f"{most:,} of {count:,}: {code}"
    return Held("max_fixes", planned.checksum, count, rows, limit, cause)


def _judged(row: Row, approved: str, verdict: Verdict, seen: Sighting, sure: bool) -> Fix | str | None:
    """The fix, or why there is none; None where there is nothing to say: the row is right, or right already."""
    if approved == row.upn or verdict.status is Status.OK:
        return None
    if seen.void:
        return _VOID
    if verdict.status is Status.UNKNOWN or verdict.unsure or not sure:
        return _UNSURE
    suggesting = [anomaly for anomaly in verdict.anomalies if anomaly.suggestion]
    for anomaly in suggesting:
        if anomaly.suggestion == approved:
            return Fix(row, approved, anomaly.code)
    return _suggested(suggesting)


def _checksum(cell: str | None) -> str:
    """Cells of any length and of any characters, half ones included, as what every database takes."""
    return sha256(json.dumps(cell).encode()).hexdigest()


def _suggested(suggesting: Sequence[Anomaly]) -> str:
    if not suggesting:
        return "nothing is suggested for this row now"
    return f"the suggestion is {joined([printable(anomaly.suggestion or '') for anomaly in suggesting])} now"


def _names_of(rows: Sequence[Row]) -> Mapping[str, set[int]]:
    """Rows by the UPN that they hold, or that they mean but for its spelling."""
    names: defaultdict[str, set[int]] = defaultdict(set)
    for row in rows:
        findings = examine(row.upn)
        for name in (findings.name, findings.candidate):
            if name is not None:
                names[name].add(row.id)
    return names


def _rows(ids: Sequence[int]) -> str:
    return f"row {ids[0]} has" if len(ids) == 1 else f"rows {joined(_texts(ids))} have"


def _texts(ids: Sequence[int]) -> list[str]:
    return [str(id_) for id_ in ids]


def _in_order(fixes: Sequence[Fix], unfollowed: Sequence[Unfollowed]) -> Fixes:
    return Fixes(
        tuple(sorted(fixes, key=lambda fix: fix.row.id)), tuple(sorted(unfollowed, key=lambda each: each.row_id))
    )
