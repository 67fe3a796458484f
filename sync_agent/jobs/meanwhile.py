"""What became of rows while the list was being read, of which a page that came earlier cannot know.

A reading of a long list takes seconds, in which rows go on being written. By SharePoint REST nothing else would heal a
row that was put back to how it was before a write of ours: its version is not told by the write, and the change log
names the write as our own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from msgspec import structs

from sync_agent.model import Row


@dataclass(slots=True)
class Meanwhile:
    """Ids of rows, since the reading began."""

    written: set[int] = field(default_factory=set)
    """By us: what they show is newer than what is read, the cells of people are not."""
    reread: set[int] = field(default_factory=set)
    """Read for themselves, or found gone."""
    doubted: set[int] = field(default_factory=set)
    """Of which it is not known whether our write was made."""

    def newest(self, read: Iterable[Row], known: Mapping[int, Row]) -> dict[int, Row]:
        """By id: the rows as ``read``, with what is ``known`` better by now."""
        return {row.id: newest for row in read if (newest := self._newest(row, known.get(row.id))) is not None}

    def _newest(self, read: Row, known: Row | None) -> Row | None:
        if read.id in self.reread:
            return known
        if known is not None and read.id in self.written:
            return structs.replace(read, shown=known.shown, etag=known.etag)
        return read
