"""Keep the list of anomalies as the history has it: an item for each that stands, and people's ticks back from it.

It comes after all writing to the Agent list and shares its budget, a small batch at a time. What could not be written,
or may have been, is found by the next comparison.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import structlog

from sync_agent.anomaly_item import AnomalyItem, ItemColumn
from sync_agent.anomaly_mirror import Mirroring, Standing, compare
from sync_agent.jobs.context import Context
from sync_agent.jobs.observed import Observed
from sync_agent.list_item import ItemChange
from sync_agent.microsoft365.anomaly_list import MOST_AT_ONCE
from sync_agent.microsoft365.errors import NotFound, Overtaken, ServiceError
from sync_agent.microsoft365.side_by_side import Trouble, chunks
from sync_agent.model import Severity
from sync_agent.outcome import Mirrored
from sync_agent.state.store import AnomalyRecord, StateUnavailable, Store

_log = structlog.get_logger()


async def mirror_anomalies(
    context: Context,
    store: Store | None,
    list_title: str,
    *,
    most: int | None = None,
    stop: asyncio.Event | None = None,
) -> Mirrored | None:
    """Compare, and write ``most`` of the items that differ; after ``stop`` is set no further batch is begun. None where
    the settings name no list of anomalies.

    Raises ServiceError, ListProblem. What could not be written of single items is told in the answer.
    """
    if (anomaly_list := context.edges.anomaly_list) is None:
        return None
    if store is None:
        raise ServiceError("The list of anomalies is not kept, for state.database cannot be used")
    made = await _compared(context, store, list_title, await anomaly_list.read())
    result = Mirrored(to_write=len(made.changes), acknowledged=made.acknowledged)
    trouble = Trouble()
    for some in chunks(made.changes[:most], MOST_AT_ONCE):
        if trouble.error is not None or (stop is not None and stop.is_set()) or not context.may_write():
            break
        answers = await anomaly_list.write(some)
        trouble.heard(answers[0])
        for change, answer in zip(some, answers, strict=True):
            _count(result, change, answer)
    if made.changes:
        _log.info("anomalies_mirrored", made=result.made, changed=result.changed, resolved=result.resolved)
    return result


async def _compared(context: Context, store: Store, list_title: str, items: Sequence[AnomalyItem]) -> Mirroring:
    try:
        records = await asyncio.to_thread(store.open_anomalies, list_title)
        standing = list(_standing(records, context.observed))
        # In a thread: 15,000 anomalies take most of a second, which presence need not wait for.
        made = await asyncio.to_thread(compare, standing, items, context.clock())
        await asyncio.to_thread(store.acknowledge, list_title, made.acknowledged)
    except StateUnavailable as failure:
        raise ServiceError(str(failure)) from failure
    return made


def _standing(records: Sequence[AnomalyRecord], observed: Observed) -> Iterator[Standing]:
    """Without tenants that could not be asked: that is nothing which a person could put right in a row."""
    for record in records:
        if record.severity != Severity.INFO:
            row, verdict = observed.rows.get(record.row_id), observed.verdicts.get(record.row_id)
            yield Standing(
                record.row_id,
                record.code,
                record.severity,
                record.upn,
                record.name,
                record.message,
                record.opened,
                record.suggestion,
                team="" if row is None else row.team,
                times=record.times,
                unsure=verdict is not None and verdict.unsure,
            )


def _count(result: Mirrored, change: ItemChange[AnomalyItem], answer: ServiceError | None) -> None:
    """A person who was faster, or deleted the item, is no failure: the next comparison starts from what they did."""
    if answer is None and change.item is None:
        result.made += 1
    elif answer is None and ItemColumn.RESOLVED in change.values:
        result.resolved += 1
    elif answer is None:
        result.changed += 1
    elif isinstance(answer, Overtaken) or (isinstance(answer, NotFound) and change.item is not None):
        return
    else:
        result.failed += 1
        result.error = result.error or answer.reason
