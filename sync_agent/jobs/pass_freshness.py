"""How old what the list shows is after one pass, which reads everybody's presence once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sync_agent.freshness import Freshness, Shown, freshness
from sync_agent.jobs.context import Context
from sync_agent.jobs.observed import Observed
from sync_agent.jobs.watch_freshness import is_asked_for, owed_since
from sync_agent.model import Verdict
from sync_agent.staleness import Answered


def freshness_of_pass(context: Context, before: Mapping[str, Answered]) -> Freshness:
    """``before``: when the tenants had last told presence when the pass began.

    What differs from the list and could not be written may be so since that reading; where there was none, for how long
    is not known and such rows have no age, but are not right.
    """
    observed, now = context.observed, context.clock()
    owed = owed_since(observed, now, {})
    rows = []
    for row_id in observed.rows:
        verdict = observed.verdicts[row_id]
        rows.append(Shown(is_asked_for(observed, verdict), _read_at(observed, verdict, before), owed.get(row_id)))
    earlier = [each.presence for each in before.values() if each.presence is not None]
    interval = max(0.0, (now - min(earlier)).total_seconds()) if earlier else None
    return freshness(rows, now, interval)


def _read_at(observed: Observed, verdict: Verdict, before: Mapping[str, Answered]) -> datetime | None:
    """When the presence of the row's user was last read, by this pass or, where it could not, an earlier one."""
    if verdict.user is None:
        return None
    answered = before if verdict.user.id in observed.unread else observed.answered
    return answered.get(observed.tenant_of[verdict.account], Answered()).presence
