"""Writing rows by SharePoint REST, a hundred at a time.

The form that adds no version takes no ETag. So the rows are read again right before they are written: one whose UPN,
name or columns of ours a person changed since is left alone, and told of. What remains of the race costs no cell of
theirs, as a form names only our columns; but it names the row's Modified and Modified By too, and those of an edit that
came in between are set back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from sync_agent.microsoft365.cells import same_cells
from sync_agent.microsoft365.errors import NotFound, Refused, ServiceError, refusal_of
from sync_agent.microsoft365.list_answers import Failed, Outcome, Overtaken, failed
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.sharepoint_batch import NO_SUCH_CALL, BatchAnswer
from sync_agent.microsoft365.sharepoint_bulk import SHORT_WAIT, WRITE_UNITS, BulkItems
from sync_agent.microsoft365.sharepoint_forms import Again, Forms, Standing, Ways
from sync_agent.microsoft365.side_by_side import Trouble, each
from sync_agent.model import Change

_log = structlog.get_logger()

_ONE_BY_ONE_AT_ONCE = 8
_ROUNDS = 6
"""For a row: each date format, without the row's stamp, and some throttling."""
_THROTTLED = frozenset({429, 503})
_ONLY_READABLE = "SharePoint finds the row to read it, but not to write it"

_FormAnswer = BatchAnswer | ServiceError | None
"""None: the batch had no answer for it."""


@dataclass(frozen=True, slots=True)
class _Gone:
    row_id: int


@dataclass(slots=True)
class Writer:
    """One run of writes to one list."""

    items: BulkItems
    forms: Forms
    ways: Ways
    budget: Budget
    one: Callable[[int, Sequence[str]], Awaitable[dict[str, Any]]]
    """Asks for selected properties of one row."""
    trouble: Trouble = field(default_factory=Trouble)

    async def write(self, changes: Sequence[Change]) -> list[Outcome]:
        """At most a hundred changes. Does not raise ServiceError: every row gets its outcome."""
        outcomes: list[Outcome] = []
        for _ in range(_ROUNDS):
            if not changes:
                return outcomes
            try:
                self.trouble.check()
                known, changes = await self._round(changes)
                self.trouble.heard(None)
            except ServiceError as error:
                self.trouble.heard(error)
                return outcomes + [failed(change.row.id, error) for change in changes]
            outcomes += known
        return outcomes + [
            Failed(change.row.id, "SharePoint refused every form of this write", refused=True) for change in changes
        ]

    async def _round(self, changes: Sequence[Change]) -> tuple[list[Outcome], list[Change]]:
        """What became of the changes, and those to be tried again. Units are paid before the rows are read: waiting
        for them afterwards would give people time to change the rows.
        """
        await self.budget.spend(WRITE_UNITS * len(changes))
        standing = await self.standing([change.row.id for change in changes])
        outcomes: list[Outcome] = []
        as_decided_on: list[tuple[Change, Standing]] = []
        for change in changes:
            now = standing.get(change.row.id)
            if now is not None and same_cells(now.row, change.row):
                as_decided_on.append((change, now))
            else:
                outcomes.append(Overtaken(change.row.id, None if now is None else now.row))
        known, again = await self._write_forms(as_decided_on)
        return outcomes + known, again

    async def standing(self, ids: Collection[int]) -> dict[int, Standing]:
        """These rows as they stand; what is absent was deleted."""
        if self.ways.filters:
            try:
                return await self.items.standing(ids)
            except Refused as error:
                if error.status not in NO_SUCH_CALL or isinstance(error, NotFound):
                    raise
                _log.warning("list_rows_read_one_by_one", reason=error.reason)
                self.ways.filters = False
        found = await each(self._stands, ids, _ONE_BY_ONE_AT_ONCE)
        return {now.row.id: now for now in found if now is not None}

    async def _stands(self, row_id: int) -> Standing | None:
        try:
            return self.items.standing_of(await self.one(row_id, self.items.select_standing))
        except NotFound:
            return None

    async def _write_forms(self, todo: Sequence[tuple[Change, Standing]]) -> tuple[list[Outcome], list[Change]]:
        if not todo:
            return [], []
        sent_as = self.ways.date_format
        answers = await self._send([(change.row.id, self.forms.form(change, now)) for change, now in todo])
        in_order = None not in answers
        outcomes: list[Outcome] = []
        again, gone = [], []
        # All before anything more is asked: one of them may want to be left alone for a while.
        all_judged = [
            self._judge(change, now, answer, sent_as, in_order)
            for (change, now), answer in zip(todo, answers, strict=True)
        ]
        for (change, _), judged in zip(todo, all_judged, strict=True):
            if isinstance(judged, Again):
                await self.forms.learn(judged)
                again.append(change)
            elif isinstance(judged, _Gone):
                gone.append(judged.row_id)
            else:
                outcomes.append(judged)
        return outcomes + await self._confirm(gone), again

    def _judge(
        self, change: Change, now: Standing, answer: _FormAnswer, sent_as: int, in_order: bool
    ) -> Outcome | Again | _Gone:
        row_id = change.row.id
        if answer is None:
            return Failed(row_id, "SharePoint's answer to the batch lacks this row's part")
        if isinstance(answer, ServiceError):
            return failed(row_id, answer)
        if answer.status in _THROTTLED:
            self.budget.close_for(answer.retry_after or SHORT_WAIT)
            return Again(sent_as)
        if answer.status == 404:
            return _Gone(row_id)
        if answer.status != 200:
            return failed(row_id, refusal_of(answer.status, answer.body, f"Writing row {row_id}"))
        return self.forms.judge(change, now, answer, sent_as, in_order=in_order)

    async def _confirm(self, gone: Sequence[int]) -> list[Outcome]:
        """A row that was there and could not be found a moment later: deleted, or the call itself is not known."""
        if not gone:
            return []
        try:
            standing = await self.standing(gone)
        except ServiceError as error:
            return [failed(row_id, error) for row_id in gone]
        return [
            Failed(row_id, _ONLY_READABLE, refused=True) if row_id in standing else Overtaken(row_id, None)
            for row_id in gone
        ]

    async def _send(self, forms: Sequence[tuple[int, bytes]]) -> Sequence[_FormAnswer]:
        if self.ways.batches:
            try:
                return await self.items.post_forms(forms)
            except Refused as error:
                if error.status not in NO_SUCH_CALL:
                    raise
                _log.warning("list_rows_written_one_by_one", reason=error.reason)
                self.ways.batches = False
        return await each(self._send_one, forms, _ONE_BY_ONE_AT_ONCE)

    async def _send_one(self, form: tuple[int, bytes]) -> _FormAnswer:
        try:
            return await self.items.post_form(*form)
        except ServiceError as error:
            return error
