"""What has come up and what is over since people were last told.

Not by times: an anomaly whose acknowledgement became void has been open for long, and must be told of all the same.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, bindparam, update

from sync_agent.model import Severity
from sync_agent.state.lives import lives
from sync_agent.state.passes import last_finished
from sync_agent.state.records import Digest
from sync_agent.state.tables import anomalies

_NEVER = datetime.min.replace(tzinfo=UTC)

_of_interest = (anomalies.c.severity != str(Severity.INFO)) & ~anomalies.c.acknowledged
_new = anomalies.c.resolved.is_(None) & ~anomalies.c.told
_over = anomalies.c.resolved.is_not(None) & anomalies.c.told


def digest(connection: Connection, list_title: str) -> Digest:
    new = lives(connection, list_title, _of_interest & _new)
    over = lives(connection, list_title, _of_interest & _over)
    return Digest(tuple(new), tuple(over), last_finished(connection, list_title) or _NEVER)


def note_sent(connection: Connection, list_title: str, sent: Digest) -> None:
    """From now on people know that these stand and that those are over, whatever became of them meanwhile."""
    known = [{"this": one.id, "told": True} for one in sent.new] + [
        {"this": one.id, "told": False} for one in sent.resolved
    ]
    if known:
        these = (anomalies.c.id == bindparam("this")) & (anomalies.c.list == list_title)
        connection.execute(update(anomalies).where(these), known)
