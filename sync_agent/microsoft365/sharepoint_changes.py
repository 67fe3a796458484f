"""What changed in a list by SharePoint REST: its change log, which names items and not what they are now.

By the transport directly: a thousand entries are a third of a second as objects of the Office365 library (see
docs/decisions/0002-which-list-calls-go-round-the-library.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from sync_agent.microsoft365.errors import Garbled, refusal
from sync_agent.microsoft365.following import Costs, News
from sync_agent.microsoft365.list_answers import WholeListNeeded
from sync_agent.microsoft365.own_writes import OwnWrites
from sync_agent.microsoft365.sharepoint_bulk import PAGE, READ_UNITS, ROWS_A_FILTER, Site
from sync_agent.model import Row

TURN_UNITS = 2.0
_LIMIT = 1_000
"""Changes an answer: the most that SharePoint gives."""
_UPDATES = frozenset({2, 15})
"""ChangeType Update and SystemUpdate: our own writes may be logged as either."""
_DELETE = 3
_COSTS = Costs(rows_a_request=ROWS_A_FILTER, a_request=READ_UNITS, rows_a_page=PAGE, a_page=READ_UNITS, besides=8.0)
"""Beside its pages a whole reading finds list, columns, the token and the count."""


class _Token(msgspec.Struct):
    text: str = msgspec.field(name="StringValue")


class _Change(msgspec.Struct, gc=False):
    token: _Token = msgspec.field(name="ChangeToken")
    done: int = msgspec.field(name="ChangeType")
    item_id: int | None = msgspec.field(default=None, name="ItemId")


class _Page(msgspec.Struct):
    value: list[_Change]


class SharePointChanges:
    """A ChangeLog."""

    costs = _COSTS

    def __init__(self, site: Site, list_id: str, current: Callable[[], Awaitable[str]], own_writes: OwnWrites) -> None:
        """``current`` asks for the list's CurrentChangeToken."""
        self._site = site
        self._url = f"{site.url}/_api/web/lists(guid'{list_id}')/GetChanges"
        self._current = current
        self._own_writes = own_writes

    async def token(self) -> str:
        with self._own_writes.while_log_is_read():
            return await self._current()

    async def since(self, token: str, known: Mapping[int, Row]) -> News | WholeListNeeded:
        with self._own_writes.while_log_is_read() as own:
            changes: list[_Change] = []
            while len(changes) * TURN_UNITS / _LIMIT < self.costs.of_whole(len(known)):
                some = await self._one_answer(token)
                changes += some
                token = some[-1].token.text if some else token
                if len(some) < _LIMIT:  # an answer that was cut off earlier goes on the next time
                    return _news(token, changes, own)
        return WholeListNeeded(f"more than {len(changes):,} changes")

    async def _one_answer(self, token: str) -> Sequence[_Change]:
        json = "application/json;odata=nometadata"
        headers = {"Content-Type": json, "Accept": json}
        body = msgspec.json.encode({"query": _query(token)})
        answer = await self._site.send("POST", self._url, TURN_UNITS, headers=headers, body=body, repeatable=True)
        if answer.status != 200:
            raise refusal(answer, "Reading the changes of the list")
        changes = answer.json(_Page).value
        if changes and changes[-1].token.text == token:
            raise Garbled("SharePoint's changes of the list do not come to an end")
        return changes


def _query(token: str) -> dict[str, Any]:
    done = ("Add", "Update", "SystemUpdate", "DeleteObject", "Restore", "Rename", "Move")
    return {
        "Item": True,
        **dict.fromkeys(done, True),
        "ChangeTokenStart": {"StringValue": token},
        "FetchLimit": str(_LIMIT),
    }


def _news(token: str, changes: Sequence[_Change], own: Mapping[int, int]) -> News:
    """The last change of an item tells whether it is still there."""
    last = {change.item_id: change.done for change in changes if change.item_id is not None}
    times = Counter(change.item_id for change in changes)
    updates = Counter(change.item_id for change in changes if change.done in _UPDATES)
    deleted = frozenset(id_ for id_, done in last.items() if done == _DELETE)
    ours = {id_ for id_ in last if updates[id_] == times[id_] <= own.get(id_, 0)}
    return News(token, {}, frozenset(last.keys() - deleted - ours), deleted)
