"""Writing rows by SharePoint REST, a hundred at a time.

The form that adds no version takes no ETag. So the rows are read again right before they are written: one whose UPN,
name or columns of ours a person changed since is left alone, and told of. What remains of the race is harmless, as a
form names only our columns.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from sync_agent.microsoft365.cells import same_cells
from sync_agent.microsoft365.errors import (
    NotFound,
    Refused,
    ServiceError,
    SignInFailed,
    Throttled,
    Unreachable,
    refusal_of,
)
from sync_agent.microsoft365.list_answers import Failed, Outcome, Overtaken
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.sharepoint_batch import BatchAnswer
from sync_agent.microsoft365.sharepoint_bulk import WRITE_UNITS, BulkItems
from sync_agent.microsoft365.sharepoint_forms import Again, Forms, Standing, Ways
from sync_agent.microsoft365.side_by_side import each
from sync_agent.model import Change

_log = structlog.get_logger()

_ONE_BY_ONE_AT_ONCE = 8
_FORMS_A_ROW = 6
"""Each date format, without the row's stamp, and some throttling."""
_NO_SUCH_CALL = frozenset({400, 404, 405, 415})
_THROTTLED = frozenset({429, 503})
_ONLY_READABLE = "SharePoint finds the row to read it, but not to write it"
_SHORT_WAIT = 10.0
"""Seconds, for a throttled part that names no Retry-After."""

Pair = tuple[Change, Standing]
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
    trouble: ServiceError | None = None
    """Why nothing more can be written for now: no use to find that out again for every chunk."""

    async def write(self, changes: Sequence[Change]) -> list[Outcome]:
        """At most a hundred changes. Does not raise ServiceError: every row gets its outcome."""
        if self.trouble is not None:
            return [Failed(change.row.id, self.trouble.reason) for change in changes]
        # Paid before the rows are read again: waiting for units in between would give people time to change them.
        await self.budget.spend(WRITE_UNITS * len(changes))
        try:
            standing = await self.standing([change.row.id for change in changes])
        except ServiceError as error:
            if isinstance(error, Unreachable | Throttled | SignInFailed):
                self.trouble = error
            return [Failed(change.row.id, error.reason) for change in changes]
        outcomes: list[Outcome] = []
        todo: list[Pair] = []
        for change in changes:
            now = standing.get(change.row.id)
            if now is not None and same_cells(now.row, change.row):
                todo.append((change, now))
            else:
                outcomes.append(Overtaken(change.row.id, now and now.row))
        return outcomes + await self._write_forms(todo)

    async def standing(self, ids: Collection[int]) -> dict[int, Standing]:
        """These rows as they stand; what is absent was deleted."""
        if self.ways.filters:
            try:
                return await self.items.standing(ids)
            except Refused as error:
                if error.status not in _NO_SUCH_CALL or isinstance(error, NotFound):
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

    async def _write_forms(self, todo: Sequence[Pair]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for attempt in range(_FORMS_A_ROW):
            if not todo:
                return outcomes
            units = 0.0 if attempt == 0 else WRITE_UNITS
            sent_as = self.ways.date_format
            try:
                answers = await self._send(
                    [(change.row.id, self.forms.form(change, now)) for change, now in todo], units
                )
            except ServiceError as error:
                return outcomes + [Failed(change.row.id, error.reason) for change, _ in todo]
            in_order = None not in answers
            judged = [
                (pair, self._judge(*pair, answer, sent_as, in_order))
                for pair, answer in zip(todo, answers, strict=True)
            ]
            outcomes += [outcome for _, outcome in judged if not isinstance(outcome, Again | _Gone)]
            outcomes += await self._confirm([outcome.row_id for _, outcome in judged if isinstance(outcome, _Gone)])
            todo = [pair for pair, outcome in judged if isinstance(outcome, Again)]
            for _, outcome in judged:
                if isinstance(outcome, Again):
                    await self.forms.learn(outcome)
        return outcomes + [Failed(change.row.id, "SharePoint refused every form of this write") for change, _ in todo]

    def _judge(
        self, change: Change, now: Standing, answer: _FormAnswer, sent_as: int, in_order: bool
    ) -> Outcome | Again | _Gone:
        row_id = change.row.id
        if answer is None:
            return Failed(row_id, "SharePoint's answer to the batch lacks this row's part")
        if isinstance(answer, ServiceError):
            return Failed(row_id, answer.reason)
        if answer.status in _THROTTLED:
            self.budget.close_for(answer.retry_after or _SHORT_WAIT)
            return Again(sent_as)
        if answer.status == 404:
            return _Gone(row_id)
        if answer.status != 200:
            return Failed(row_id, refusal_of(answer.status, answer.body, f"Writing row {row_id}").reason)
        return self.forms.judge(change, now, answer, sent_as, in_order=in_order)

    async def _confirm(self, gone: Sequence[int]) -> list[Outcome]:
        """A row that was there and could not be found a moment later: deleted, or the call itself is not known."""
        if not gone:
            return []
        # Paid before the rows are read again: waiting for units in between would give people time to change them.
        await self.budget.spend(WRITE_UNITS * len(changes))
        try:
            standing = await self.standing(gone)
        except ServiceError as error:
            return [Failed(row_id, error.reason) for row_id in gone]
        return [Failed(row_id, _ONLY_READABLE) if row_id in standing else Overtaken(row_id, None) for row_id in gone]

    async def _send(self, forms: Sequence[tuple[int, bytes]], units: float) -> Sequence[_FormAnswer]:
        """``units``: of each form."""
        if self.ways.batches:
            try:
                return await self.items.post_forms(forms, units * len(forms))
            except Refused as error:
                if error.status not in _NO_SUCH_CALL:
                    raise
                _log.warning("list_rows_written_one_by_one", reason=error.reason)
                self.ways.batches = False
        return await each(lambda form: self._send_one(*form, units), forms, _ONE_BY_ONE_AT_ONCE)

    async def _send_one(self, row_id: int, form: bytes, units: float) -> _FormAnswer:
        try:
            return await self.items.post_form(row_id, form, units)
        except ServiceError as error:
            return error
