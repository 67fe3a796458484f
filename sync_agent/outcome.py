"""What one pass came to: the values behind `sync --json`, the summary on the terminal, the report and the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from sync_agent.characters import shortened
from sync_agent.expiry import CredentialEnd, Warned, warned
from sync_agent.fixes import Fixes
from sync_agent.freshness import Freshness
from sync_agent.fuses import Held
from sync_agent.model import Anomaly, Change, Row, Status, Verdict
from sync_agent.plan import Plan

LONGEST_IN_JSON = 10_000
"""Characters of a foreign text in a document: a cell can hold a million."""


class Exit(IntEnum):
    """The exit codes of all commands: a contract."""

    DONE = 0
    INCOMPLETE = 1
    """Something was unreachable or refused."""
    USAGE = 2
    """Wrong usage or settings."""
    HELD = 3
    """A fuse holds the plan."""
    ANOMALIES = 4
    """Only with --exit-code: done, and anomalies exist."""


@dataclass(slots=True)
class Writes:
    """Rows, not requests. ``planned``: rows whose shown values differ; ``conflicts``: a person was faster;
    ``put_right``: of those done, rows in which somebody had changed what we last wrote; ``unwritten``: why rows, by
    their ids, could not be written.
    """

    planned: int = 0
    done: int = 0
    conflicts: int = 0
    failed: int = 0
    put_right: int = 0
    unwritten: dict[int, str] = field(default_factory=dict)

    def add(self, turn: Writes) -> None:
        """A further turn of the same pass, over rows that were planned before."""
        self.done += turn.done
        self.conflicts += turn.conflicts
        self.failed += turn.failed
        self.put_right += turn.put_right
        self.unwritten |= turn.unwritten


@dataclass(slots=True)
class Mirrored:
    """Items of the list of anomalies; ``to_write`` of them differed. ``error``: why not all could be written."""

    to_write: int = 0
    made: int = 0
    changed: int = 0
    resolved: int = 0
    failed: int = 0
    error: str | None = None
    acknowledged: frozenset[tuple[int, str]] = frozenset()
    """Rows and codes that people have ticked as they stand."""

    @property
    def document(self) -> dict[str, Any]:
        return {**asdict(self), "acknowledged": len(self.acknowledged)}


@dataclass(slots=True)
class Fixing:
    """What became of what people approved. ``done``: rows whose UPN was written; ``conflicts``: a person was faster.

    ``error``: why nothing could be fixed at all.
    """

    planned: Fixes = field(default_factory=Fixes)
    done: set[int] = field(default_factory=set)
    conflicts: int = 0
    failed: int = 0
    held: Held | None = None
    error: str | None = None

    @property
    def document(self) -> dict[str, Any]:
        return {
            "planned": len(self.planned.fixes),
            "done": len(self.done),
            "conflicts": self.conflicts,
            "failed": self.failed,
            "held": None if self.held is None else _held(self.held),
            "error": self.error,
            "changes": [
                {
                    "row": fix.row.id,
                    "before": in_json(fix.row.upn),
                    "after": fix.upn,
                    "code": str(fix.code),
                    "done": fix.row.id in self.done,
                }
                for fix in self.planned.fixes
            ],
            "unfollowed": [
                {"row": each.row_id, "approved": in_json(each.approved), "reason": each.reason}
                for each in self.planned.unfollowed
            ],
        }


@dataclass(frozen=True, slots=True)
class AccountState:
    """``users``: matched users this account answers for; ``state``: "ok", or why it could not be asked.

    ``credentials``: when what it signs in with ends, where that is known; ``notice``: what is to be said of a sign-in
    that works.
    """

    users: int
    state: str = "ok"
    credentials: tuple[CredentialEnd, ...] = ()
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One pass over one list. ``error`` says why there was no pass at all."""

    started: datetime
    seconds: float
    list_title: str
    rows: Mapping[int, Row]
    verdicts: Mapping[int, Verdict]
    writes: Writes
    accounts: Mapping[str, AccountState]
    held: Held | None = None
    plan: Plan = field(default_factory=Plan)
    """What differed when the writing began."""
    refusals: Mapping[int, str] = field(default_factory=dict)
    """By row id, why rows could not be written when they last were tried, by this pass or an earlier turn."""
    requests: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None
    mirrored: Mirrored | None = None
    """What became of the list of anomalies, where the settings name one and it was its turn."""
    fixing: Fixing | None = None
    """What became of approved fixes, where the settings allow them and it was their turn."""
    freshness: Freshness | None = None
    """Of what the list shows after a whole pass."""

    @property
    def held_rows(self) -> frozenset[int]:
        """What is said of these is not believed until a person approves it."""
        held = self.held
        return frozenset() if held is None else frozenset(filter(held.holds, self.verdicts))

    @property
    def credentials_near_their_end(self) -> list[Warned]:
        return warned((end for account in self.accounts.values() for end in account.credentials), self.started)

    @property
    def is_held_whole(self) -> bool:
        """Then nothing of the pass is believed, the absence of rows included."""
        return self.held is not None and self.held.row_ids is None

    @property
    def status(self) -> dict[Status, int]:
        counts = Counter(verdict.status for verdict in self.verdicts.values())
        return {status: counts[status] for status in Status}

    def anomalies(self) -> Iterator[tuple[Row, Anomaly]]:
        for row_id, verdict in sorted(self.verdicts.items()):
            for anomaly in verdict.anomalies:
                yield self.rows[row_id], anomaly

    def exit_code(self, *, tell_anomalies: bool = False) -> Exit:
        if self.held is not None or (self.fixing is not None and self.fixing.held is not None):
            return Exit.HELD
        troubled = any(account.state != "ok" for account in self.accounts.values())
        unmirrored = self.mirrored is not None and self.mirrored.error
        unfixed = self.fixing is not None and (self.fixing.error or self.fixing.failed)
        if self.error or self.writes.failed or troubled or unmirrored or unfixed or self.status[Status.UNKNOWN]:
            return Exit.INCOMPLETE
        acknowledged = self.mirrored.acknowledged if self.mirrored is not None else frozenset()
        if tell_anomalies and any((row.id, str(found.code)) not in acknowledged for row, found in self.anomalies()):
            return Exit.ANOMALIES
        return Exit.DONE

    def document(self, *, changes: bool = False) -> dict[str, Any]:
        """The document of `sync --json`, as docs/sync.schema.json has it; with the planned ``changes`` on request."""
        document: dict[str, Any] = {
            "rows": len(self.verdicts),
            "status": {str(status): count for status, count in self.status.items()},
            "anomalies": [
                {
                    "row": row.id,
                    "upn": in_json(row.upn),
                    "code": str(anomaly.code),
                    "severity": str(anomaly.severity),
                    "message": in_json(anomaly.message),
                    "suggestion": in_json(anomaly.suggestion),
                }
                for row, anomaly in self.anomalies()
            ],
            "writes": {
                "planned": self.writes.planned,
                "done": self.writes.done,
                "conflicts": self.writes.conflicts,
                "failed": self.writes.failed,
            },
            "put_right": self.writes.put_right,
            "unwritten": [
                {"row": row_id, "reason": in_json(reason)} for row_id, reason in sorted(self.writes.unwritten.items())
            ],
            "accounts": {id_: self._account(account) for id_, account in self.accounts.items()},
            "held": None if self.held is None else _held(self.held),
            "seconds": round(self.seconds, 3),
        }
        if changes:
            document["checksum"] = self.plan.checksum
            document["changes"] = [_change(change) for change in self.plan.changes]
        if self.freshness is not None:
            document["freshness"] = freshness_document(self.freshness)
        if self.fixing is not None:
            document["fixes"] = self.fixing.document
        if self.mirrored is not None:
            document["anomaly_list"] = self.mirrored.document
        if self.error:
            document["error"] = in_json(self.error)
        return document

    def _account(self, account: AccountState) -> dict[str, Any]:
        near = {each.end: each.sentence for each in warned(account.credentials, self.started)}
        return {
            "users": account.users,
            "state": in_json(account.state),
            "notice": in_json(account.notice) or None,
            "credentials": [
                {"setting": end.setting, "ends": end.ends.isoformat(), "warning": near.get(end)}
                for end in account.credentials
            ],
        }


def _change(change: Change) -> dict[str, Any]:
    values = {str(column): in_json(v) if isinstance(v, str) else v for column, v in change.values.items()}
    return {"row": change.row.id, "values": values}


def freshness_document(found: Freshness) -> dict[str, Any]:
    """Ages in seconds; ``right`` and ``never_read`` are rows."""
    ages = {"p50": found.p50, "p95": found.p95, "longest": found.longest}
    counts = {"rows": found.rows, "right": found.right, "never_read": found.never_read}
    return {**counts, **{name: None if age is None else round(age, 1) for name, age in ages.items()}}


def _held(held: Held) -> dict[str, Any]:
    return {
        "fuse": held.fuse,
        "checksum": held.checksum,
        "rows": held.rows,
        "of": held.of,
        "cause": in_json(held.cause),
    }


def in_json(text: str | None) -> str | None:
    """Foreign text as our documents have it: encodable, and of a length that every reader takes."""
    return encodable(text if text is None else shortened(text, LONGEST_IN_JSON))


def encodable(cell: str | None) -> str | None:
    """The cell as read; only lone surrogates, which no encoding can carry, become U+FFFD."""
    if cell is None or cell.isascii():
        return cell
    return cell.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
