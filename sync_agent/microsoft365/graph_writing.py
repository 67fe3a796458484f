"""Writing rows by Graph, a batch at a time, each with its ETag: a row that anybody changed since is not written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec import structs

from sync_agent.microsoft365.cells import json_value, same_cells
from sync_agent.microsoft365.columns import Columns
from sync_agent.microsoft365.errors import Garbled, ServiceError
from sync_agent.microsoft365.errors import Overtaken as OvertakenError
from sync_agent.microsoft365.graph import Graph, Part, PartAnswer
from sync_agent.microsoft365.graph_items import GraphItems
from sync_agent.microsoft365.list_answers import Failed, Outcome, Overtaken, Written, failed
from sync_agent.microsoft365.side_by_side import Trouble
from sync_agent.model import Change, Row

WRITE_UNITS = 2.0
_NOT_AS_IT_WAS = frozenset({404, 409, 412})


class _WrittenFields(msgspec.Struct):
    etag: str | None = msgspec.field(default=None, name="@odata.etag")


@dataclass(slots=True)
class Writer:
    """One run of writes to one list."""

    graph: Graph
    path: str
    columns: Columns
    items: GraphItems
    trouble: Trouble = field(default_factory=Trouble)

    async def write(self, changes: Sequence[Change]) -> list[Outcome]:
        """At most a batch of changes. Does not raise ServiceError: every row gets its outcome."""
        outcomes: list[Outcome] = []
        try:
            self.trouble.check()
            todo = await self._with_etags(changes, outcomes)
        except ServiceError as error:
            self.trouble.heard(error)
            return [failed(change.row.id, error) for change in changes]
        answers = await self.graph.batch([self._patch(change) for change in todo])
        self.trouble.heard(answers[0].failure if answers else None)
        doubtful = []
        for change, answer in zip(todo, answers, strict=True):
            if answer.status in _NOT_AS_IT_WAS:
                doubtful.append((change.row, answer))
            else:
                outcomes.append(_outcome(change.row.id, answer))
        return outcomes + await self._look_again(doubtful)

    async def _with_etags(self, changes: Sequence[Change], outcomes: list[Outcome]) -> list[Change]:
        """Rows whose ETag is not known are read first: the same test that a REST write makes."""
        without = [change.row.id for change in changes if change.row.etag is None]
        if not without:
            return list(changes)
        rows = await self.items.read_rows(without)
        todo = []
        for change in changes:
            now = change.row if change.row.etag is not None else rows.get(change.row.id)
            if now is not None and same_cells(now, change.row):
                todo.append(structs.replace(change, row=now))
            else:
                outcomes.append(Overtaken(change.row.id, now))
        return todo

    def _patch(self, change: Change) -> Part:
        body = {self.columns.ours[our].wire: json_value(value) for our, value in change.values.items()}
        # "*": a list that gives no ETags. Only its own columns are named, so nothing of a person's is lost.
        headers = {"If-Match": change.row.etag or "*"}
        url = f"{self.path}/items/{change.row.id}/fields"
        return Part("PATCH", url, headers=headers, body=body, units=WRITE_UNITS)

    async def _look_again(self, doubtful: Sequence[tuple[Row, PartAnswer]]) -> list[Outcome]:
        if not doubtful:
            return []
        try:
            rows = await self.items.read_rows([row.id for row, _ in doubtful])
        except ServiceError as error:
            self.trouble.heard(error)
            return [failed(row.id, error) for row, _ in doubtful]
        return [_doubt_resolved(row, answer, rows.get(row.id)) for row, answer in doubtful]


def _outcome(row_id: int, answer: PartAnswer) -> Outcome:
    """A part that says it succeeded did, whatever it tells of the row; without a new ETag the row is read again."""
    if answer.failure is not None:
        return failed(row_id, answer.failure)
    try:
        return Written(row_id, answer.json(_WrittenFields).etag)
    except Garbled:
        return Written(row_id)


def _doubt_resolved(row: Row, answer: PartAnswer, now: Row | None) -> Outcome:
    """``row`` as it was to be written. A conflict about a row that nobody changed is a refusal: it is checked out, say,
    and deciding it anew would change nothing.
    """
    if now is not None and answer.status == 404:
        return Failed(row.id, "Graph does not find the row to write, but to read: was a column deleted?", refused=True)
    refusal = answer.failure
    if now is not None and refusal is not None and not isinstance(refusal, OvertakenError) and now.etag == row.etag:
        return failed(row.id, refusal)
    return Overtaken(row.id, now)
