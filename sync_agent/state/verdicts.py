"""The history of verdicts: what was said of each row when, and what it rested on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, func, insert, or_, select, update

from sync_agent.model import Anomaly, Code, Row, Status, Verdict
from sync_agent.outcome import Outcome
from sync_agent.state.records import VerdictRecord, storable
from sync_agent.state.tables import verdicts
from sync_agent.upn import examine, key

_CONTENT = ("upn", "name", "team", "status", "account", "user_id", "user_upn", "anomalies")
_LONGEST_KEY = 255
"""Characters; PostgreSQL takes no long text into an index. No UPN is so long, so that nothing is lost."""


def record(connection: Connection, outcome: Outcome, now: datetime) -> None:
    """Note what differs from what is known of each row; a row that is gone ends its verdict.

    ``now`` is the end of the pass. What is known is read each time, so that it does not matter who else writes.
    """
    query = select(*verdicts.c["row_id", *_CONTENT]).where(_standing(outcome.list_title))
    known: dict[int, Sequence[Any]] = {found[0]: found[1:] for found in connection.execute(query).all()}
    held = outcome.held_rows
    judged = ((row_id, verdict) for row_id, verdict in outcome.verdicts.items() if row_id not in held)
    holds = {row_id: _content(outcome.rows[row_id], verdict) for row_id, verdict in judged}
    differing = [row_id for row_id, content in holds.items() if known.get(row_id) != content]
    gone = known.keys() - holds.keys() - held
    ended = [*(row_id for row_id in differing if row_id in known), *gone]
    if ended:
        this = verdicts.c.row_id == bindparam("this")
        ending = update(verdicts).where(_standing(outcome.list_title), this).values(until=now)
        connection.execute(ending, [{"this": row_id} for row_id in ended])
    if differing:
        begun = [_values(outcome.list_title, row_id, holds[row_id], now) for row_id in differing]
        connection.execute(insert(verdicts), begun)


def verdict_at(connection: Connection, list_title: str, row_id: int, at: datetime) -> VerdictRecord | None:
    query = select(verdicts).where(verdicts.c.list == list_title, verdicts.c.row_id == row_id, _held_at(at))
    found = connection.execute(query.order_by(verdicts.c.id.desc()).limit(1)).mappings().first()
    return None if found is None else _record(found)


def of_row(connection: Connection, list_title: str, row_id: int) -> list[VerdictRecord]:
    query = select(verdicts).where(verdicts.c.list == list_title, verdicts.c.row_id == row_id)
    return [_record(found) for found in connection.execute(query.order_by(verdicts.c.id)).mappings()]


def rows_with_upn_at(connection: Connection, list_title: str, upn_key: str, at: datetime) -> list[int]:
    query = select(verdicts.c.row_id).where(verdicts.c.list == list_title, verdicts.c.upn_key == _cut(upn_key))
    # Ordered here: to have the database do it leads SQLite to another index, by which it reads the whole history.
    return sorted(set(connection.execute(query.where(_held_at(at))).scalars()))


def last_matched(connection: Connection, list_title: str) -> dict[int, tuple[str, str]]:
    last = select(func.max(verdicts.c.id)).where(verdicts.c.list == list_title, verdicts.c.user_id != "")
    query = select(*verdicts.c["row_id", "upn_key", "user_id"])
    query = query.where(verdicts.c.id.in_(last.group_by(verdicts.c.row_id)))
    return {row_id: (upn_key, user_id) for row_id, upn_key, user_id in connection.execute(query)}


def accounts_by_domain(connection: Connection, list_title: str) -> dict[str, str]:
    """By the domain of a UPN, in lower case: the account in which most of the list's users of that domain are found."""
    query = select(*verdicts.c["user_upn", "account"]).where(_standing(list_title), verdicts.c.user_id != "")
    counts = Counter((upn.rpartition("@")[2].lower(), account) for upn, account in connection.execute(query))
    ordered = sorted(counts.items(), key=lambda counted: (counted[1], counted[0]))
    return {domain: account for (domain, account), _ in ordered}


def unanswered_since(connection: Connection, list_title: str) -> dict[str, datetime]:
    unknown = verdicts.c.status == str(Status.UNKNOWN)
    standing = select(*verdicts.c["row_id", "upn_key"]).where(_standing(list_title), unknown)
    now = {(row_id, upn_key) for row_id, upn_key in connection.execute(standing)}
    if not now:
        return {}
    last = func.max(verdicts.c.until, type_=verdicts.c.until.type)
    judged = select(verdicts.c.row_id, verdicts.c.upn_key, last).where(
        verdicts.c.list == list_title, verdicts.c.until.is_not(None), ~unknown
    )
    found = connection.execute(judged.group_by(verdicts.c.row_id, verdicts.c.upn_key))
    return {upn_key: until for row_id, upn_key, until in found.all() if (row_id, upn_key) in now}


def users_of_accounts(connection: Connection, list_title: str) -> dict[str, int]:
    users = func.count(verdicts.c.user_id.distinct())
    query = select(verdicts.c.account, users).where(_standing(list_title), verdicts.c.user_id != "")
    return dict(map(tuple, connection.execute(query.group_by(verdicts.c.account))))


def _standing(list_title: str) -> ColumnElement[bool]:
    return and_(verdicts.c.list == list_title, verdicts.c.until.is_(None))


def _held_at(at: datetime) -> ColumnElement[bool]:
    return and_(verdicts.c.since <= at, or_(verdicts.c.until.is_(None), verdicts.c.until > at))


def _content(row: Row, verdict: Verdict) -> tuple[str | None, ...]:
    """In the order of ``_CONTENT``."""
    user = verdict.user
    return (
        storable(row.upn),
        storable(row.name),
        storable(row.team),
        str(verdict.status),
        verdict.account,
        "" if user is None else user.id,
        "" if user is None else storable(user.upn),
        _written(verdict.anomalies),
    )


def _values(list_title: str, row_id: int, content: Sequence[str | None], now: datetime) -> dict[str, Any]:
    values = dict(zip(_CONTENT, content, strict=True))
    return {"list": list_title, "row_id": row_id, "upn_key": _key(values["upn"]), "since": now, **values}


def _key(cell: str | None) -> str:
    """What the directories were asked about; of a cell that nobody could be asked about, what it says."""
    return _cut(examine(cell).name or key((cell or "").strip()))


def _cut(upn_key: str) -> str:
    return upn_key[:_LONGEST_KEY]


def _written(anomalies: tuple[Anomaly, ...]) -> str:
    if not anomalies:
        return "[]"
    texts = [[str(one.code), storable(one.wrong), storable(one.remedy), storable(one.suggestion)] for one in anomalies]
    return orjson.dumps(texts).decode()


def _record(found: RowMapping) -> VerdictRecord:
    return VerdictRecord(
        row_id=found["row_id"],
        upn=found["upn"],
        name=found["name"],
        team=found["team"],
        status=Status(found["status"]),
        account=found["account"],
        user_id=found["user_id"],
        user_upn=found["user_upn"],
        anomalies=tuple(Anomaly(Code(code), *texts) for code, *texts in orjson.loads(found["anomalies"])),
        since=found["since"],
        until=found["until"],
    )
