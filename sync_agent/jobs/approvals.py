"""Beside which UPN cells approvals were first seen, from one pass to the next and from one process to the next."""

from __future__ import annotations

import asyncio

from sync_agent.fixes import first_seen
from sync_agent.jobs.context import Context
from sync_agent.state.store import StateUnavailable, Store


async def note_approvals(context: Context, store: Store | None, list_title: str, *, keep: bool = True) -> None:
    """Of the list as it was read last, where the settings allow fixes. ``keep``: for later processes too, before
    anything is done about an approval.

    Raises StateUnavailable where it is not known what was seen earlier or will not be known later; this process knows
    what it saw all the same.
    """
    if not context.safety.approved_fixes:
        return
    observed = context.observed
    rows, mine = tuple(observed.rows.values()), observed.approvals
    observed.approvals = first_seen(mine, rows)
    if store is None:
        raise StateUnavailable("state.database: it could not be opened.")
    kept = await asyncio.to_thread(store.approvals, list_title)
    observed.approvals = seen = first_seen({**mine, **kept}, rows)
    news = {row.id: seen.get(row.id) for row in rows if seen.get(row.id) != kept.get(row.id)}
    if keep and news:
        await asyncio.to_thread(store.note_approvals, list_title, news)
