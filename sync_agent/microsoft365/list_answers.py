"""What the Agent list answers: the outcome of each write, and the problems that only an operator can solve."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches

from sync_agent.microsoft365.errors import Garbled, Refused, ServiceError
from sync_agent.model import Fix, OurColumn, Row


class ListProblem(Exception):
    """A setting or the list itself is wrong. The text is one sentence or two with what to do; no retry helps."""


class ColumnsMissing(ListProblem):
    """The list has no columns for what the service writes."""

    def __init__(self, title: str, missing: Collection[OurColumn]) -> None:
        self.missing = tuple(missing)
        names = ", ".join(self.missing)
        super().__init__(f'The list "{title}" lacks columns of the service: {names}. Run `sync-agent provision`.')


@dataclass(frozen=True, slots=True)
class Written:
    """``etag`` is the row's new one where the API tells it."""

    row_id: int
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Overtaken:
    """A person was faster and nothing was written. ``row`` is as it is now, None when it was deleted."""

    row_id: int
    row: Row | None


@dataclass(frozen=True, slots=True)
class Failed:
    """Not known to be written; the reason is for the operator. ``refused``: it is locked, say, or we may not write it;
    repeating it at once is of no use.
    """

    row_id: int
    reason: str
    refused: bool = field(default=False, compare=False)


_LOCKED = ". Whoever has it open or checked out must close it or check it in; it is tried again by itself"
_TO_DO: Mapping[int, str] = {
    403: ". Give the app the role write on the list, or on the row where that has permissions of its own",
    409: _LOCKED,
    423: _LOCKED,
}
"""By status: what a person does about a single row."""


def failed(row_id: int, error: ServiceError) -> Failed:
    """The reason does not name the row, in its address say: rows that fail alike are told of together."""
    if not isinstance(error, Refused):
        return Failed(row_id, re.sub(rf"(/items[/(]){row_id}\b", r"\1…", error.reason))
    said = ": ".join(filter(None, (error.code, error.message.rstrip(".")))) or "no explanation given"
    todo = _TO_DO.get(error.status, "")
    return Failed(row_id, f"SharePoint refused the write: {error.status}, {said}{todo}", refused=True)


Outcome = Written | Overtaken | Failed


@dataclass(frozen=True, slots=True)
class LastEdit:
    """A row as it is, and who left it so, as far as the API tells: a sign-in name, a display name or an app's."""

    row: Row
    by: str = ""
    at: datetime | None = None


def without_version(fix: Fix) -> ServiceError:
    """Why a person's cell is not written: nothing would tell that a person was faster."""
    return Garbled(f"The version of row {fix.row.id} was not told, without which its UPN is not written")


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of the list: ``rows`` as they are now, and ids that belong to no row any more."""

    rows: Mapping[int, Row]
    deleted: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class WholeListNeeded:
    """What changed cannot be told, or reading the whole list costs less. The reason is for the log."""

    reason: str


def listed(names: Sequence[str]) -> str:
    """One or more, as a sentence has them."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def near(wanted: str, existing: Collection[str], show: int = 8) -> str:
    """Names to offer for one that is not there: the nearest, else the first few that exist."""
    by_folded = {name.casefold(): name for name in existing}
    close = get_close_matches(wanted.casefold(), by_folded, n=3, cutoff=0.6)
    if close:
        return "Did you mean " + " or ".join(f'"{by_folded[name]}"' for name in close) + "?"
    some = ", ".join(f'"{name}"' for name in sorted(existing)[:show])
    more = ", …" if len(existing) > show else ""
    return f"There are: {some}{more}." if some else "There are none that the account may see."
