"""The lives of anomalies: opened, seen, acknowledged, resolved, opened again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, func, insert, select, update

from sync_agent.model import Anomaly, Row, Status
from sync_agent.outcome import Outcome
from sync_agent.state.passes import last_finished
from sync_agent.state.records import AnomalyRecord, storable
from sync_agent.state.tables import anomalies

_SAID = ("severity", "upn", "name", "team", "account", "message", "suggestion")
_ACKNOWLEDGED_FOR = ("upn", "message")
"""Once one of these is another, nobody has acknowledged what the anomaly says now."""

_this = anomalies.c.id == bindparam("this")


def bring_up_to_date(connection: Connection, outcome: Outcome, now: datetime, before: datetime | None) -> None:
    """Open what is new, note what says something else, resolve what is gone; a row that could not be judged keeps what
    it had.

    ``now`` is the end of the pass, ``before`` that of the one before it. Writes only what differs.
    """
    query = select(anomalies).where(is_open(outcome.list_title))
    standing = {(was["row_id"], was["code"]): was for was in connection.execute(query).mappings().all()}
    held = outcome.held_rows
    found = {
        (row.id, str(anomaly.code)): _seen_values(outcome, row, anomaly)
        for row, anomaly in outcome.anomalies()
        if row.id not in held
    }
    unjudged = held | {id_ for id_, verdict in outcome.verdicts.items() if verdict.status is Status.UNKNOWN}
    new = [
        {"list": outcome.list_title, "row_id": row_id, "code": code, "opened": now, **values}
        for (row_id, code), values in found.items()
        if (row_id, code) not in standing
    ]
    gone = {key: was for key, was in standing.items() if key not in found}
    ended = [
        {"this": was["id"], "last_seen": was["seen"] or before} for key, was in gone.items() if key[0] not in unjudged
    ]
    unseen = [{"this": was["id"]} for key, was in gone.items() if key[0] in unjudged and was["seen"] is None]
    changed = list(_changed(standing, found))
    if ended:
        last_seen = bindparam("last_seen", type_=anomalies.c.seen.type)
        connection.execute(update(anomalies).where(_this).values(seen=last_seen, resolved=now), ended)
    if unseen:
        connection.execute(update(anomalies).where(_this).values(seen=before), unseen)
    if changed:
        connection.execute(update(anomalies).where(_this).values(seen=None), changed)
    if new:
        _take_over_what_is_known(connection, outcome.list_title, new)
        connection.execute(insert(anomalies), new)


def _changed(
    standing: Mapping[tuple[int, str], RowMapping], found: Mapping[tuple[int, str], Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    for key, values in found.items():
        was = standing.get(key)
        if was is None or (was["seen"] is None and all(was[name] == values[name] for name in _SAID)):
            continue
        void = was["acknowledged"] and any(was[name] != values[name] for name in _ACKNOWLEDGED_FOR)
        kept = {"acknowledged": was["acknowledged"] and not void, "told": was["told"] and not void}
        yield {"this": was["id"], **values, **kept}


def _take_over_what_is_known(connection: Connection, list_title: str, new: Sequence[dict[str, Any]]) -> None:
    """What was over and is back before people were told so, is to them what has stood all the time."""
    over = and_(anomalies.c.list == list_title, anomalies.c.resolved.is_not(None), anomalies.c.told)
    query = select(*anomalies.c["id", "row_id", "code", "upn", "message"]).where(over)
    back = {tuple(told): life for life, *told in connection.execute(query)}
    lives_before = [back.get((one["row_id"], one["code"], one["upn"], one["message"])) for one in new]
    for one, before in zip(new, lives_before, strict=True):
        one["told"] = before is not None
    known = [{"this": before, "told": False} for before in lives_before if before is not None]
    if known:
        connection.execute(update(anomalies).where(_this), known)


def _seen_values(outcome: Outcome, row: Row, anomaly: Anomaly) -> dict[str, Any]:
    return {
        "severity": str(anomaly.severity),
        "upn": storable(row.upn),
        "name": storable(row.name),
        "team": storable(row.team),
        "account": outcome.verdicts[row.id].account,
        "message": storable(anomaly.message),
        "suggestion": storable(anomaly.suggestion),
    }


def acknowledge(connection: Connection, list_title: str, keys: Collection[tuple[int, str]]) -> None:
    """These of the list's standing anomalies are acknowledged as they are now, and no others. Writes what differs."""
    query = select(*anomalies.c["id", "row_id", "code", "acknowledged"]).where(is_open(list_title))
    changed = [
        {"this": life, "acknowledged": not acknowledged}
        for life, row_id, code, acknowledged in connection.execute(query)
        if acknowledged != ((row_id, code) in keys)
    ]
    if changed:
        connection.execute(update(anomalies).where(_this), changed)


def is_open(list_title: str) -> ColumnElement[bool]:
    return and_(anomalies.c.list == list_title, anomalies.c.resolved.is_(None))


def lives(connection: Connection, list_title: str, which: ColumnElement[bool]) -> list[AnomalyRecord]:
    """Those of the list's lives, by row."""
    earlier = anomalies.alias()
    times = (
        select(func.count())
        .where(
            earlier.c.list == anomalies.c.list,
            earlier.c.row_id == anomalies.c.row_id,
            earlier.c.code == anomalies.c.code,
            earlier.c.id <= anomalies.c.id,
        )
        .scalar_subquery()
    )
    query = select(anomalies, times.label("times")).where(anomalies.c.list == list_title, which)
    finished = last_finished(connection, list_title)
    ordered = query.order_by(anomalies.c.row_id, anomalies.c.id)
    return [_record(found, finished) for found in connection.execute(ordered).mappings()]


def _record(found: RowMapping, finished: datetime | None) -> AnomalyRecord:
    return AnomalyRecord(
        row_id=found["row_id"],
        code=found["code"],
        severity=found["severity"],
        upn=found["upn"],
        name=found["name"],
        account=found["account"],
        message=found["message"],
        suggestion=found["suggestion"],
        opened=found["opened"],
        seen=found["seen"] or finished or found["opened"],
        resolved=found["resolved"],
        acknowledged=found["acknowledged"],
        times=found["times"],
        team=found["team"],
        id=found["id"],
    )
