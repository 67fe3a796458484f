"""Which cells of a row stand in the Agent list and which in the companion list, joined into one row and taken apart.

No I/O. An item belongs to the row whose id it holds; of several the oldest does, and the others are spare: they are
emptied, and taken again for rows that have none yet, so nothing is ever deleted. Items without a row's id are people's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from msgspec import structs

from sync_agent.list_item import AnyChange, ItemChange, ItemValue, ListItem
from sync_agent.microsoft365.column_kinds import Kind, Specification
from sync_agent.microsoft365.columns import SPECIFICATIONS, ColumnNames
from sync_agent.microsoft365.own_columns import TITLE, Shape, shape
from sync_agent.model import CellValue, Change, OurColumn, Row, Shown

LIVE = frozenset({OurColumn.PRESENCE, OurColumn.ACTIVITY, OurColumn.PRESENCE_CHANGED_AT})
"""What stands in the companion list and not in the Agent list; each has a SyncChangedAt of its own."""
ROW, UPN = "AgentRow", "AgentUPN"

_KEPT = (OurColumn.PRESENCE, OurColumn.ACTIVITY, OurColumn.PRESENCE_CHANGED_AT, OurColumn.SYNC_CHANGED_AT)
_LONGEST = 120
"""Characters: a column of one line takes 255 UTF-16 units."""


def companion_shape(names: ColumnNames) -> Shape:
    """``names``: ours may be called otherwise there too."""
    return shape(
        "sharepoint.presence_list",
        "The presence of the agents, by sync-agent: an item an agent. Look it up by AgentUPN or AgentRow.",
        ": a presence that is written every minute makes a version every minute",
        Specification(ROW, Kind.NUMBER, "The id of the agent's row in the Agent list.", indexed=True),
        Specification(UPN, Kind.TEXT, "What the row's UPN column holds.", indexed=True),
        *(replace(SPECIFICATIONS[our], column=names.of(our)) for our in _KEPT),
    )


@dataclass(frozen=True, slots=True)
class _Live:
    presence: str = ""
    activity: str = ""
    presence_changed_at: datetime | None = None
    sync_changed_at: datetime | None = None

    @property
    def empty(self) -> bool:
        return not (self.presence or self.activity or self.presence_changed_at)


_NOTHING = _Live()


@dataclass(frozen=True, slots=True)
class _Kept:
    """An item and what it shows."""

    id: int
    live: _Live


@dataclass(frozen=True, slots=True)
class Parts:
    """A change taken apart; None where that list has nothing to be written."""

    agents: Change | None
    companion: AnyChange | None


@dataclass(slots=True)
class CompanionItems:
    """``names``: what our columns are called; ``agents``: the title of the Agent list, for people."""

    names: ColumnNames
    agents: str
    _items: dict[int, _Kept] = field(default_factory=dict)
    """By row id."""
    _own: dict[int, _Live] = field(default_factory=dict)
    """By row id: the same columns of the Agent list, which are left where presence once was written there."""
    _spare: list[_Kept] = field(default_factory=list)
    _fresh: set[int] = field(default_factory=set)
    """Rows written since the latest reading began."""
    _taken: dict[int, _Kept] = field(default_factory=dict)
    """Items, by their ids, that were spare and are being written: a reading may find them so still."""

    def begin_reading(self) -> None:
        """What is written from now on is newer than what ``put`` will tell."""
        self._fresh.clear()

    def put(self, items: Iterable[ListItem], rows: Collection[int]) -> None:
        """The whole companion list as just read, beside the ids of the rows that there are."""
        self._items = {row_id: kept for row_id, kept in self._items.items() if row_id in self._fresh}
        self._spare.clear()
        newer = {kept.id for kept in self._items.values()} | self._taken.keys()
        for item in sorted(items, key=lambda item: item.id):
            row_id = item.cells.get(ROW)
            if not isinstance(row_id, int) or item.id in newer:
                continue
            kept = _Kept(item.id, self._live(item))
            if row_id in rows and row_id not in self._items:
                self._items[row_id] = kept
            else:
                self._spare.append(kept)

    def forget(self, row_ids: Iterable[int]) -> None:
        """Rows that were deleted."""
        for row_id in row_ids:
            self._own.pop(row_id, None)
            if (kept := self._items.pop(row_id, None)) is not None:
                self._spare.append(kept)

    def joined(self, row: Row) -> Row:
        """A row as the Agent list gave it, with what the companion list shows of it.

        Presence that is left in the Agent list itself is shown as what it is, which no presence equals: so the row is
        planned, and the cells are emptied.
        """
        shown = row.shown
        own = _Live(shown.presence, shown.activity, shown.presence_changed_at, shown.sync_changed_at)
        self._own[row.id] = own
        kept = self._items.get(row.id)
        live = own if kept is None else kept.live
        presence = live.presence if own.empty else f"{own.presence} (left in the list {self.agents})"
        times = [at for at in (own.sync_changed_at, live.sync_changed_at) if at is not None]
        return _with(row, replace(live, presence=presence, sync_changed_at=max(times, default=None)))

    def apart(self, change: Change) -> Parts:
        """What each list is to be written. The row of the one for the Agent list is as that list gave it."""
        row, own = change.row, self._own.get(change.row.id, _NOTHING)
        live = {our: value for our, value in change.values.items() if our in LIVE}
        judged = {our: value for our, value in change.values.items() if our not in LIVE}
        if live and not own.empty:
            judged |= _emptied(own)
        stamp = judged.pop(OurColumn.SYNC_CHANGED_AT, None)
        agents = {**judged, OurColumn.SYNC_CHANGED_AT: stamp} if judged else {}
        return Parts(
            Change(_with(row, own), agents) if agents else None,
            self._for_companion(row, {**live, OurColumn.SYNC_CHANGED_AT: stamp}) if live else None,
        )

    def written(self, change: Change, parts: Parts, item_id: int | None) -> None:
        """Both parts were; ``item_id``: of the companion's item, None where there was nothing to be written."""
        self.let_go(parts)
        row_id, stamp = change.row.id, change.values.get(OurColumn.SYNC_CHANGED_AT)
        at = stamp if isinstance(stamp, datetime) else None
        if parts.agents is not None:
            emptied = not LIVE.isdisjoint(parts.agents.values)
            own = self._own.get(row_id, _NOTHING)
            self._own[row_id] = replace(_NOTHING if emptied else own, sync_changed_at=at)
        if item_id is not None and parts.companion is not None:
            values = parts.companion.values
            before = self._items[row_id].live if row_id in self._items else _NOTHING
            told = {our: values.get(self.names.of(our), _cells(before)[our]) for our in _KEPT}
            self._items[row_id] = _Kept(item_id, _live(told))
            self._fresh.add(row_id)

    def has_item(self, row_id: int) -> bool:
        return row_id in self._items

    def not_sent(self, parts: Parts) -> None:
        """The companion's part was not: a spare item that it would have taken is spare still."""
        if (kept := self.let_go(parts)) is not None:
            self._spare.append(kept)

    def let_go(self, parts: Parts) -> _Kept | None:
        """The write has ended. The item that it took, where that was a spare one and it is not known what became of it:
        the next reading tells.
        """
        item = None if parts.companion is None else parts.companion.item
        return None if item is None else self._taken.pop(item.id, None)

    def lost(self, row_id: int) -> None:
        """Somebody deleted the row's item."""
        self._items.pop(row_id, None)

    def to_empty(self, most: int) -> list[AnyChange]:
        """Spare items that still show something; until ``emptied`` tells of them they are nobody's."""
        empty: dict[str, ItemValue] = {self.names.of(our): None for our in _KEPT}
        full = [kept for kept in self._spare if not kept.live.empty][:most]
        self._taken |= {kept.id: kept for kept in full}
        self._spare = [kept for kept in self._spare if kept.id not in self._taken]
        return [ItemChange(ListItem(kept.id, {}), empty) for kept in full]

    def emptied(self, ids: Collection[int], done: Collection[int]) -> None:
        """Of these items, which are empty now."""
        for item_id in ids:
            kept = self._taken.pop(item_id)
            self._spare.append(_Kept(item_id, _NOTHING) if item_id in done else kept)

    def _for_companion(self, row: Row, live: Mapping[OurColumn, CellValue]) -> AnyChange | None:
        """None for a row without an item that has nothing to show. A new item is told everything."""
        told: dict[str, ItemValue] = {TITLE: _line(row.name or row.upn or ""), ROW: row.id, UPN: _line(row.upn or "")}
        kept = self._items.get(row.id)
        if kept is not None:
            return ItemChange(ListItem(kept.id, {}), {**told, **{self.names.of(our): live[our] for our in live}})
        own = _cells(self._own.get(row.id, _NOTHING))
        whole = {our: live.get(our, own[our]) for our in _KEPT}
        if _live(whole).empty:
            return None
        values = {**told, **{self.names.of(our): value for our, value in whole.items()}}
        if self._spare:
            spare = self._spare.pop()
            self._taken[spare.id] = spare
            return ItemChange(ListItem(spare.id, {}), values)
        return ItemChange(None, {name: value for name, value in values.items() if value not in (None, "")})

    def _live(self, item: ListItem) -> _Live:
        return _live({our: item.cells.get(self.names.of(our)) for our in _KEPT})


def _live(cells: Mapping[OurColumn, ItemValue]) -> _Live:
    presence, activity, since, at = (cells[our] for our in _KEPT)
    return _Live(
        presence if isinstance(presence, str) else "",
        activity if isinstance(activity, str) else "",
        since if isinstance(since, datetime) else None,
        at if isinstance(at, datetime) else None,
    )


def _cells(live: _Live) -> dict[OurColumn, CellValue]:
    return dict(zip(_KEPT, (live.presence, live.activity, live.presence_changed_at, live.sync_changed_at), strict=True))


def _emptied(own: _Live) -> dict[OurColumn, CellValue]:
    """Only cells that hold something are named: the Agent list may lack the columns of the others."""
    return {our: "" if our is not OurColumn.PRESENCE_CHANGED_AT else None for our in LIVE if _cells(own)[our]}


def _with(row: Row, live: _Live) -> Row:
    shown: Shown = structs.replace(
        row.shown,
        presence=live.presence,
        activity=live.activity,
        presence_changed_at=live.presence_changed_at,
        sync_changed_at=live.sync_changed_at,
    )
    return structs.replace(row, shown=shown)


def _line(text: str) -> str:
    """What a column of one line takes, for people to read."""
    return " ".join(text.split()).encode(errors="replace").decode()[:_LONGEST]
