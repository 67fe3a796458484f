"""What has come up and what is over since people were last told.

Not by times: an anomaly whose acknowledgement became void has been open for long, and must be told of all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from sync_agent.model import Severity
from sync_agent.state.lives import lives
from sync_agent.state.passes import last_finished
from sync_agent.state.records import AnomalyRecord, Digest
from sync_agent.state.tables import anomalies, owed

_NEVER = datetime.min.replace(tzinfo=UTC)

_of_interest = (anomalies.c.severity != str(Severity.INFO)) & ~anomalies.c.acknowledged
_new = anomalies.c.resolved.is_(None) & ~anomalies.c.told
_over = anomalies.c.resolved.is_not(None) & anomalies.c.told


def digest(connection: Connection, list_title: str) -> Digest:
    new = lives(connection, list_title, _of_interest & _new)
    over = lives(connection, list_title, _of_interest & _over)
    return Digest(tuple(new), tuple(over), last_finished(connection, list_title) or _NEVER)


def note_sent(connection: Connection, list_title: str, sent: Digest, missed: Mapping[str, Digest]) -> None:
    """From now on people know that these stand and that those are over, whatever became of them meanwhile.

    ``missed``: by target, all that it has not been told; what was kept of it before is void.
    """
    known = [{"this": one.id, "told": True} for one in sent.new] + [
        {"this": one.id, "told": False} for one in sent.resolved
    ]
    if known:
        these = (anomalies.c.id == bindparam("this")) & (anomalies.c.list == list_title)
        connection.execute(update(anomalies).where(these), known)
    connection.execute(delete(owed).where(owed.c.list == list_title))
    kept = [
        {"list": list_title, "target": target, "anomaly": one.id, "over": over}
        for target, untold in missed.items()
        for over, lives_ in ((False, untold.new), (True, untold.resolved))
        for one in lives_
    ]
    if kept:
        connection.execute(insert(owed), kept)


def missed(connection: Connection, list_title: str) -> dict[str, Digest]:
    """By target, what it was not told of digests that others took: all lives that it does not know of, and those of
    which it does not know that they are over; as they are by now.

    What was over and is back before people were told so, stands to them all the time: to who never heard of it, its
    later lives are as unknown.
    """
    of_list = select(owed.c.anomaly).where(owed.c.list == list_title)
    by_id = {life.id: life for life in lives(connection, list_title, anomalies.c.id.in_(of_list))}
    unheard = anomalies.alias()
    rows = anomalies.c.row_id.in_(select(unheard.c.row_id).where(unheard.c.id.in_(of_list)))
    later: defaultdict[tuple[int, str], list[AnomalyRecord]] = defaultdict(list)
    for life in lives(connection, list_title, rows):
        later[life.row_id, life.code].append(life)
    until = last_finished(connection, list_title) or _NEVER
    found: defaultdict[str, tuple[list[AnomalyRecord], list[AnomalyRecord]]] = defaultdict(lambda: ([], []))
    query = select(*owed.c["target", "anomaly", "over"]).where(owed.c.list == list_title)
    for target, anomaly, over in connection.execute(query):
        was = by_id.get(anomaly)
        if was is not None:  # it may have been cleared away meanwhile
            new, resolved = found[target]
            new += [] if over else [life for life in later[was.row_id, was.code] if life.id >= anomaly]
            resolved += [was] if over else []
    return {target: Digest(tuple(new), tuple(resolved), until) for target, (new, resolved) in found.items()}
