"""What the history gives back: passes, lives of anomalies, verdicts as they were, digests, entries of the journal, runs
and what they wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sync_agent.model import Anomaly, Status
from sync_agent.outcome import encodable
from sync_agent.undoing import VerdictCells


@dataclass(frozen=True, slots=True)
class PassRecord:
    """One pass as it was; the counts are rows by status."""

    list_title: str
    started: datetime
    seconds: float
    rows: int
    status: Mapping[Status, int]
    written: int


@dataclass(frozen=True, slots=True)
class AnomalyRecord:
    """One life of an anomaly, with the row as it was when last seen. ``resolved`` is None while it stands."""

    row_id: int
    code: str
    severity: str
    upn: str | None
    name: str
    account: str
    message: str
    suggestion: str | None
    opened: datetime
    seen: datetime
    resolved: datetime | None
    acknowledged: bool = False
    """By people in the list of anomalies, as it stands."""
    times: int = 1
    """How often it has been opened, this time included, as far back as history is kept."""
    team: str = ""
    id: int = 0
    """Of this life, in the database."""


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """What was said of a row from ``since`` until ``until`` (None: until now), and what it rested on.

    ``account``, ``user_id`` and ``user_upn`` are "" where no user was matched; ``upn`` is the cell as it was read.
    """

    row_id: int
    upn: str | None
    name: str
    team: str
    status: Status
    account: str
    user_id: str
    user_upn: str
    anomalies: tuple[Anomaly, ...]
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Digest:
    """What was opened and resolved since the last digest that was sent, up to ``until``: the end of the last pass."""

    new: tuple[AnomalyRecord, ...]
    resolved: tuple[AnomalyRecord, ...]
    until: datetime


WRITTEN = "written"
"""Why, in an entry of the journal, where the write before it in the journal is known to be made."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One cell of a person's column that the service wrote, with what it held before and why."""

    row_id: int
    at: datetime
    column: str
    before: str | None
    after: str | None
    why: str
    run: int | None = None
    """None in entries of before runs were counted."""


class RunKind(StrEnum):
    """Who wrote: one pass of `sync`, one process of `run`, one `undo`."""

    SYNC = "sync"
    RUN = "run"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """``undoes``: the run whose writes an undo took back; ``undoes_since``: it took back what was written since."""

    id: int
    list_title: str
    kind: RunKind
    began: datetime
    undoes: int | None = None
    undoes_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """``rows`` got ``writes``; of ``unknown`` of these it is not known whether they were made. ``upns``: rows whose UPN
    was fixed; ``undone_by``: runs that took back what nobody had changed since.
    """

    run: RunRecord
    last_write: datetime
    rows: int
    writes: int
    unknown: int
    upns: int
    undone_by: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Intention:
    """A write to a row's verdict that is about to be made. ``upn``: the cell that it was decided on."""

    row_id: int
    upn: str | None
    before: VerdictCells
    after: VerdictCells
    why: str


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """One write to a row's verdict. ``at``: when it was to be made; ``made``: when it was known to be, None while that
    is not known.
    """

    id: int
    run: int
    row_id: int
    at: datetime
    upn: str | None
    before: VerdictCells
    after: VerdictCells
    why: str
    made: datetime | None


def storable(text: str | None) -> str | None:
    """The text as every database takes it: of what no encoding can carry, and of NUL, U+FFFD is left."""
    encoded = encodable(text)
    return encoded if encoded is None or "\0" not in encoded else encoded.replace("\0", "\ufffd")
