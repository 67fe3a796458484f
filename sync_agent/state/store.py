"""Reading and writing the history. Blocking: call it from a thread where the event loop runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, create_engine, func, insert, make_url, select, update
from sqlalchemy.exc import SQLAlchemyError

from sync_agent.model import Anomaly, Row, Status
from sync_agent.outcome import Outcome, encodable
from sync_agent.state.acknowledgements import acknowledge, is_acknowledged
from sync_agent.state.tables import anomalies, metadata, passes


class StateUnavailable(Exception):
    """The database cannot be used: where it is and what to do about it."""


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
    """One anomaly with its life. ``resolved`` is None while it stands."""

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
    """How often it has been opened, this time included."""


class Store:
    """The history of one or several lists in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> Store:
        """Open the database at an SQLAlchemy URL, creating it (and the folder of an SQLite file) where missing.

        Raises StateUnavailable.
        """
        parsed = make_url(url)
        try:
            if parsed.get_backend_name() == "sqlite" and parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            store = cls(create_engine(parsed))
            with store._failing_as_unavailable():
                metadata.create_all(store._engine)
            if parsed.get_backend_name() == "sqlite" and parsed.database and Path(parsed.database).is_file():
                Path(parsed.database).chmod(0o600)  # names and UPNs of people
        except OSError as error:
            raise StateUnavailable(f"state.database: cannot write to {parsed.database}: {error.strerror}.") from error
        return store

    def close(self) -> None:
        self._engine.dispose()

    def save(self, outcome: Outcome) -> None:
        """Add a finished pass and bring the anomalies' lives up to date. Raises StateUnavailable."""
        with self._failing_as_unavailable(), self._engine.begin() as connection:
            connection.execute(insert(passes).values(_pass_values(outcome)))
            if outcome.held is None:  # what is not believed opens and resolves nothing
                _bring_up_to_date(connection, outcome)

    def known_rows(self, list_title: str) -> int | None:
        """How many rows the list had in the last pass that no fuse held; None before the first.

        A held pass must not count, or the next one would take for granted what this one would not believe.
        """
        query = select(passes.c.rows).where(passes.c.list == list_title, passes.c.held.is_(None))
        with self._failing_as_unavailable(), self._engine.connect() as connection:
            return connection.execute(query.order_by(passes.c.id.desc()).limit(1)).scalar()

    def held(self) -> str | None:
        """The fuse that held the last pass, if one did."""
        with self._failing_as_unavailable(), self._engine.connect() as connection:
            return connection.execute(select(passes.c.held).order_by(passes.c.id.desc()).limit(1)).scalar()

    def last_pass(self, list_title: str | None = None) -> PassRecord | None:
        """Of those that no fuse held."""
        query = select(passes).where(passes.c.held.is_(None)).order_by(passes.c.id.desc()).limit(1)
        if list_title is not None:
            query = query.where(passes.c.list == list_title)
        with self._failing_as_unavailable(), self._engine.connect() as connection:
            found = connection.execute(query).mappings().first()
        return None if found is None else _pass(found)

    def open_anomalies(self, list_title: str) -> list[AnomalyRecord]:
        """What stands now, by row."""
        key = (anomalies.c.row_id, anomalies.c.code)
        lives = (
            select(*key, func.count().label("times")).where(anomalies.c.list == list_title).group_by(*key).subquery()
        )
        query = select(anomalies, is_acknowledged().label("acknowledged"), lives.c.times)
        query = query.join(lives, (lives.c.row_id == anomalies.c.row_id) & (lives.c.code == anomalies.c.code))
        query = query.where(anomalies.c.list == list_title, anomalies.c.resolved.is_(None))
        with self._failing_as_unavailable(), self._engine.connect() as connection:
            return [_anomaly(found) for found in connection.execute(query.order_by(anomalies.c.row_id)).mappings()]

    def acknowledge(self, list_title: str, keys: Collection[tuple[int, str]]) -> None:
        """Standing anomalies, by row and code, that people have acknowledged as they are now: these and no others.

        One that says something else later counts again. Raises StateUnavailable.
        """
        with self._failing_as_unavailable(), self._engine.begin() as connection:
            acknowledge(connection, list_title, keys)

    def days(self, list_title: str, since: datetime) -> list[PassRecord]:
        """The last pass of each day (UTC) since then, oldest first."""
        last_of_day = select(func.max(passes.c.id)).where(passes.c.list == list_title, passes.c.held.is_(None))
        last_of_day = last_of_day.group_by(func.date(passes.c.started))
        query = select(passes).where(
            passes.c.list == list_title, passes.c.started >= _naive(since), passes.c.id.in_(last_of_day)
        )
        with self._failing_as_unavailable(), self._engine.connect() as connection:
            return [_pass(found) for found in connection.execute(query.order_by(passes.c.id)).mappings()]

    @contextmanager
    def _failing_as_unavailable(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            where = self._engine.url.render_as_string(hide_password=True)
            cause = getattr(error, "orig", None) or type(error).__name__
            raise StateUnavailable(f"state.database: {where} cannot be used: {cause}.") from error


def _pass_values(outcome: Outcome) -> dict[str, Any]:
    status = outcome.status
    return {
        "list": outcome.list_title,
        "started": _naive(outcome.started),
        "seconds": outcome.seconds,
        "rows": len(outcome.verdicts),
        "ok": status[Status.OK],
        "warning": status[Status.WARNING],
        "error": status[Status.ERROR],
        "unknown": status[Status.UNKNOWN],
        "written": outcome.writes.done,
        "held": None if outcome.held is None else outcome.held.fuse,
    }


def _bring_up_to_date(connection: Connection, outcome: Outcome) -> None:
    """Open what is new, touch what stands, resolve what is gone; a row that could not be judged keeps what it had."""
    now = _naive(outcome.started + timedelta(seconds=outcome.seconds))
    query = select(anomalies.c.id, anomalies.c.row_id, anomalies.c.code).where(
        anomalies.c.list == outcome.list_title, anomalies.c.resolved.is_(None)
    )
    standing = {(row_id, code): id_ for id_, row_id, code in connection.execute(query)}
    found = {(row.id, str(anomaly.code)): (row, anomaly) for row, anomaly in outcome.anomalies()}
    unjudged = {id_ for id_, verdict in outcome.verdicts.items() if verdict.status is Status.UNKNOWN}
    new = [
        {"list": outcome.list_title, "opened": now, **_seen_values(outcome, row, anomaly, now)}
        for key, (row, anomaly) in found.items()
        if key not in standing
    ]
    if new:
        connection.execute(insert(anomalies), new)
    for key, id_ in standing.items():
        if key in found:
            connection.execute(
                update(anomalies).where(anomalies.c.id == id_).values(_seen_values(outcome, *found[key], now))
            )
        elif key[0] not in unjudged:
            connection.execute(update(anomalies).where(anomalies.c.id == id_).values(resolved=now))


def _seen_values(outcome: Outcome, row: Row, anomaly: Anomaly, now: datetime) -> dict[str, Any]:
    return {
        "row_id": row.id,
        "code": str(anomaly.code),
        "severity": str(anomaly.severity),
        "upn": encodable(row.upn),
        "name": encodable(row.name),
        "account": outcome.verdicts[row.id].account,
        "message": encodable(anomaly.message),
        "suggestion": anomaly.suggestion,
        "seen": now,
    }


def _pass(found: RowMapping) -> PassRecord:
    return PassRecord(
        list_title=found["list"],
        started=found["started"].replace(tzinfo=UTC),
        seconds=found["seconds"],
        rows=found["rows"],
        status={
            Status.OK: found["ok"],
            Status.WARNING: found["warning"],
            Status.ERROR: found["error"],
            Status.UNKNOWN: found["unknown"],
        },
        written=found["written"],
    )


def _anomaly(found: RowMapping) -> AnomalyRecord:
    return AnomalyRecord(
        row_id=found["row_id"],
        code=found["code"],
        severity=found["severity"],
        upn=found["upn"],
        name=found["name"],
        account=found["account"],
        message=found["message"],
        suggestion=found["suggestion"],
        opened=found["opened"].replace(tzinfo=UTC),
        seen=found["seen"].replace(tzinfo=UTC),
        resolved=None if found["resolved"] is None else found["resolved"].replace(tzinfo=UTC),
        acknowledged=bool(found["acknowledged"]),
        times=found["times"],
    )


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
