"""Reading and writing many rows by SharePoint REST, by the transport directly.

A read is believed only when every page is JSON of the shape asked for, no row came twice, and the last page has no
next link; the caller compares the count. See docs/decisions/0002-which-list-calls-go-round-the-library.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from sync_agent.microsoft365.cells import (
    MANY_BYTES,
    MANY_ROWS,
    MOST_EMPTY_PAGES,
    Cells,
    cell_fields,
    expanded_names,
    in_thread_if,
    moment,
    page_type,
    row_of,
    struct,
    wire_names,
)
from sync_agent.microsoft365.columns import Columns
from sync_agent.microsoft365.errors import Garbled, ServiceError, Throttled, refusal, refusal_of
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.retrying import THROTTLED
from sync_agent.microsoft365.sharepoint_batch import JSON_HEADERS, BatchAnswer, Post, decode_answers, encode_posts
from sync_agent.microsoft365.sharepoint_forms import Standing
from sync_agent.microsoft365.side_by_side import chunks, each
from sync_agent.microsoft365.transport import Answer, Request, TokenSource, Transport
from sync_agent.model import Row

T = TypeVar("T")

PAGE = 5_000
"""The largest page that SharePoint gives."""
ROWS_A_FILTER = 50
"""Named by their ids. A query of more than 2,048 characters is not found by the web server that SharePoint runs on
(IIS: maxQueryString), and `Id eq 1234567 or ` takes 25 of them; what is selected needs its room too.
"""
READ_UNITS = 2.0
WRITE_UNITS = 2.0
SHORT_WAIT = 10.0
"""Seconds, for a throttled part that names no Retry-After."""
_FOLDER = 1
_EDITOR = "Editor"
_STAMP = ("Modified", f"{_EDITOR}/Name")


class _Editor(msgspec.Struct):
    login: str | None = msgspec.field(default=None, name="Name")


class _Item(Cells, Protocol):
    id: int
    kind: int
    etag: str | None
    modified: str | None
    editor: _Editor | None


@dataclass(frozen=True, slots=True)
class Site:
    """How to reach the list's site."""

    url: str
    transport: Transport
    tokens: TokenSource
    budget: Budget

    async def send(self, method: str, url: str, units: float, **more: Any) -> Answer:
        request = Request(method, url, tokens=self.tokens, budget=self.budget, units=units, kind="list", **more)
        return await self.transport.send(request)

    async def post_all(self, posts: Sequence[Post]) -> list[BatchAnswer | None]:
        """In one batch, each answered for itself; None where the answer is missing. Their units are paid already.

        Raises Refused where the service takes no batch.
        """
        content_type, body = encode_posts(posts)
        headers = {"Content-Type": content_type, "Accept": "multipart/mixed"}
        url = f"{self.url}/_api/$batch"
        units = min(WRITE_UNITS * len(posts), self.budget.limit)
        answer = await self.send("POST", url, units, paid=units, headers=headers, body=body, repeatable=False)
        if answer.status not in {200, 202}:
            raise refusal(answer, "Writing a batch of rows of the list")
        answers = decode_answers(answer.headers, answer.body, len(posts))
        if any(part is not None and part.status not in THROTTLED for part in answers):
            self.budget.went_through()
        return answers

    async def post_one(self, post: Post) -> BatchAnswer:
        """By itself; its units are paid already."""
        headers = {**JSON_HEADERS, **post.headers}
        more = {"headers": headers, "body": post.body, "repeatable": False}
        answer = await self.send("POST", post.url, WRITE_UNITS, paid=WRITE_UNITS, **more)
        return BatchAnswer(answer.status, answer.body)

    def failure(self, answer: BatchAnswer, doing: str) -> ServiceError | None:
        """What the answer to a write means; one that is throttled keeps everybody from the site for a while."""
        if answer.status in THROTTLED:
            self.budget.close_for(answer.retry_after or SHORT_WAIT)
            return Throttled(f"{doing} is throttled ({answer.status})", retry_after=answer.retry_after)
        return None if 200 <= answer.status < 300 else refusal_of(answer.status, answer.body, doing)


class BulkItems:
    """The items of one list, many at a time."""

    def __init__(self, site: Site, list_id: str, columns: Columns) -> None:
        self._site = site
        self._items = f"{site.url}/_api/web/lists(guid'{list_id}')/items"
        fields = [
            ("id", int, msgspec.field(name="Id")),
            ("kind", int, msgspec.field(default=0, name="FileSystemObjectType")),
            ("etag", str | None, msgspec.field(default=None, name="odata.etag")),
            ("modified", str | None, msgspec.field(default=None, name="Modified")),
            ("editor", _Editor | None, msgspec.field(default=None, name="Editor")),
            *cell_fields(columns),
        ]
        self._item = struct("RestItem", fields)
        self._page = page_type(self._item, "odata.nextLink")
        self._select = ["Id", "FileSystemObjectType", *wire_names(columns)]
        self._expand = expanded_names(columns)
        self.select_standing = [*self._select, *_STAMP]
        self.expand_standing = [*self._expand, _EDITOR]

    async def read(self, progress: Callable[[int], None]) -> tuple[list[Row], int]:
        """All rows by ascending id, and how many items of any kind there were: folders are items, but no rows."""
        rows: list[Row] = []
        count = 0
        async for page in whole_list(self._site, self._query(self._select, self._expand, top=PAGE), self._page):
            items = cast(list[_Item], page)
            count += len(items)
            rows += await in_thread_if(len(items) > MANY_ROWS, _rows, items)
            progress(len(items))
        rows.sort(key=lambda row: row.id)
        return rows, count

    async def standing(self, ids: Collection[int]) -> dict[int, Standing]:
        """These rows as they stand, in as few requests as have room for their ids, side by side. Raises Refused where
        the service takes no such filter.
        """
        some = list(chunks(ids, ROWS_A_FILTER))
        found = await each(self._some_standing, some, len(some))
        return {id_: now for part in found for id_, now in part.items()}

    async def _some_standing(self, ids: Collection[int]) -> dict[int, Standing]:
        by_id = " or ".join(f"Id eq {id_}" for id_ in ids)
        url = self._query(self.select_standing, self.expand_standing, top=len(ids), filter_=by_id)
        found: dict[int, _Item] = {item.id: item async for page in _pages(self._site, url, self._page) for item in page}
        if strangers := found.keys() - set(ids):
            raise Garbled(f"SharePoint gave rows that were not asked for: {sorted(strangers)[:3]}")
        return {id_: _standing(item) for id_, item in found.items() if item.kind != _FOLDER}

    def standing_of(self, properties: Mapping[str, Any]) -> Standing | None:
        """From one item's properties under their names on the wire; None for a folder. Raises Garbled when they are of
        another shape.
        """
        try:
            item = cast(_Item, msgspec.convert(properties, self._item))
            return None if item.kind == _FOLDER else _standing(item)
        except msgspec.ValidationError as error:
            raise Garbled(f"SharePoint gave a row of another shape than asked for: {error}") from error

    async def post_forms(self, forms: Sequence[tuple[int, bytes]]) -> list[BatchAnswer | None]:
        """Many forms in one batch, each answered for itself; None where the answer is missing. Their units are paid."""
        return await self._site.post_all([Post(self._form_url(row_id), form) for row_id, form in forms])

    async def post_form(self, row_id: int, form: bytes) -> BatchAnswer:
        return await self._site.post_one(Post(self._form_url(row_id), form))

    def _form_url(self, row_id: int) -> str:
        return f"{self._items}({row_id})/ValidateUpdateListItem"

    def _query(self, select: Sequence[str], expand: Sequence[str], *, top: int, filter_: str = "") -> str:
        query = f"$select={quote(','.join(select), safe=',/')}&$top={top}"
        query += f"&$expand={quote(','.join(expand), safe=',')}" if expand else ""
        query += f"&$filter={quote(filter_)}" if filter_ else ""
        return f"{self._items}?{query}"


async def whole_list(site: Site, url: str, page_type: type[Any]) -> AsyncIterator[list[Any]]:
    """All items in pages; their type has an ``id``. Raises ServiceError; Garbled when an item comes twice."""
    seen: set[int] = set()
    async for page in _pages(site, url, page_type):
        ids = {item.id for item in page}
        if len(ids) < len(page) or not seen.isdisjoint(ids):
            raise Garbled("SharePoint gave a row of the list twice, so the pages cannot be believed")
        seen |= ids
        yield page


async def counted(
    count: Callable[[], Awaitable[int]], read: Callable[[int], Awaitable[tuple[T, int]]], of_list: str, account: str
) -> T:
    """What ``read`` gives when it has all items that the list counts. Items may be added and deleted meanwhile, so
    fewer than counted are read once more; ``read`` is told how often it was called before.
    """
    fewest = 0
    for attempt in range(2):
        before = await count()
        found, items = await read(attempt)
        fewest = before if items >= before else min(before, await count())
        if items >= fewest:
            return found
    raise Garbled(
        f"SharePoint gave {items:,} of the {fewest:,} items {of_list}: a half-read list is not "
        f"believed (may the account {account} see every row?)"
    )


async def _pages(site: Site, first: str, page_type: type[Any]) -> AsyncIterator[list[Any]]:
    """Raises Garbled rather than follow links in a circle, through endless emptiness, or to another host."""
    followed: set[str] = set()
    empty = 0
    url: str | None = first
    while url is not None:
        followed.add(url)
        items, link = await _one_page(site, url, page_type)
        empty = 0 if items else empty + 1
        yield items
        url = None if link is None else urljoin(url, link)
        if url in followed or empty > MOST_EMPTY_PAGES:
            raise Garbled("SharePoint's pages of the list do not come to an end")
        if url is not None and urlsplit(url)[:2] != urlsplit(first)[:2]:
            raise Garbled("SharePoint's next page of the list is on another host")


async def _one_page(site: Site, url: str, page_type: type[Any]) -> tuple[list[Any], str | None]:
    headers = {"Accept": "application/json;odata=minimalmetadata"}
    answer = await site.send("GET", url, READ_UNITS, headers=headers)
    if answer.status != 200:
        raise refusal(answer, "Reading the rows of the list")
    page = await in_thread_if(len(answer.body) > MANY_BYTES, answer.json, page_type)
    return page.value, page.next


def _rows(items: Sequence[_Item]) -> list[Row]:
    return [row_of(item.id, item.etag, item) for item in items if item.kind != _FOLDER]


def _standing(item: _Item) -> Standing:
    editor = None if item.editor is None else item.editor.login
    return Standing(row_of(item.id, item.etag, item), moment(item.modified), editor)
