"""The history as naive as can be: every pass is kept whole, and each question is answered from all of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sync_agent.model import Anomaly, Severity, Status
from sync_agent.outcome import Outcome
from sync_agent.state.records import AnomalyRecord, VerdictRecord

Key = tuple[int, str]

_NOT_YET = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class NaiveHistory:
    """Of one list; ``now`` is when a pass ended."""

    passes: list[tuple[datetime, Outcome]] = field(default_factory=list)
    lives: list[AnomalyRecord] = field(default_factory=list)
    """In the order in which they were opened."""

    def passed(self, now: datetime, made: Outcome) -> None:
        if made.held is not None:
            return
        self.passes.append((now, made))
        found = {(row.id, str(anomaly.code)): anomaly for row, anomaly in made.anomalies()}
        for number, life in enumerate(self.lives):
            key = (life.row_id, life.code)
            verdict = made.verdicts.get(life.row_id)
            if life.resolved is not None:
                continue
            if key in found:
                self.lives[number] = self._seen(life, made, found.pop(key), now)
            elif verdict is None or verdict.status is not Status.UNKNOWN:
                self.lives[number] = replace(life, resolved=now)
        for (row_id, code), anomaly in found.items():
            times = 1 + sum((life.row_id, life.code) == (row_id, code) for life in self.lives)
            new = AnomalyRecord(row_id, code, "", None, "", "", "", None, now, now, None, times=times)
            self.lives.append(self._seen(new, made, anomaly, now))

    def _seen(self, life: AnomalyRecord, made: Outcome, anomaly: Anomaly, now: datetime) -> AnomalyRecord:
        row = made.rows[life.row_id]
        upn, message = mended(row.upn), str(mended(anomaly.message))
        return replace(
            life,
            severity=str(anomaly.severity),
            upn=upn,
            name=row.name,
            team=row.team,
            account=made.verdicts[row.id].account,
            message=message,
            suggestion=anomaly.suggestion,
            seen=now,
            acknowledged=life.acknowledged and (life.upn, life.message) == (upn, message),
        )

    def acknowledge(self, keys: Collection[Key]) -> None:
        for number, life in enumerate(self.lives):
            if life.resolved is None:
                self.lives[number] = replace(life, acknowledged=(life.row_id, life.code) in keys)

    def standing(self) -> list[AnomalyRecord]:
        return sorted((life for life in self.lives if life.resolved is None), key=lambda life: (life.row_id, life.code))

    def to_be_known(self) -> set[Key]:
        """What somebody who reads every digest must know of."""
        told = {life for life in self.standing() if life.severity != Severity.INFO and not life.acknowledged}
        return {(life.row_id, life.code) for life in told}

    def verdict_at(self, row_id: int, at: datetime) -> VerdictRecord | None:
        """As the last pass until then found it, since when passes found just that, until one found something else."""
        all_ = [(when, _verdict(made, row_id)) for when, made in self.passes]
        until_then = [(when, told) for when, told in all_ if when <= at]
        if not until_then or until_then[-1][1] is None:
            return None
        told = until_then[-1][1]
        since = until_then[-1][0]
        for when, earlier in reversed(until_then):
            if earlier != told:
                break
            since = when
        until = next((when for when, later in all_ if when > at and later != told), None)
        return replace(told, since=since, until=until)

    def last_matched(self) -> dict[int, tuple[str, str]]:
        found = {}
        for _, made in self.passes:
            for row_id, verdict in made.verdicts.items():
                if verdict.user is not None:
                    found[row_id] = ((mended(made.rows[row_id].upn) or "").lower(), verdict.user.id)
        return found


def mended(cell: str | None) -> str | None:
    """As a database takes it."""
    return None if cell is None else cell.replace("\ud800", "\ufffd").replace("\0", "\ufffd")


def _verdict(made: Outcome, row_id: int) -> VerdictRecord | None:
    row, verdict = made.rows.get(row_id), made.verdicts.get(row_id)
    if row is None or verdict is None:
        return None
    user = verdict.user
    return VerdictRecord(
        row_id=row_id,
        upn=mended(row.upn),
        name=row.name,
        team=row.team,
        status=verdict.status,
        account=verdict.account,
        user_id="" if user is None else user.id,
        user_upn="" if user is None else user.upn,
        anomalies=tuple(
            Anomaly(one.code, str(mended(one.wrong)), one.remedy, one.suggestion) for one in verdict.anomalies
        ),
        since=_NOT_YET,
        until=None,
    )
