"""Which items the list of anomalies should have: what stands now beside the items as they were read.

Pure and level-triggered: a lost answer, a deleted item, a second service or a crash between two writes heals with the
next comparison, and two comparisons in a row find nothing to do the second time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sync_agent.anomaly_item import AnomalyItem, ItemColumn, Key
from sync_agent.characters import as_line, printable
from sync_agent.list_item import ItemChange, ItemValue

_LONGEST_SHOWN = 200
_ACKNOWLEDGED_WITH = (ItemColumn.MESSAGE, ItemColumn.UPN)
"""What a person has seen who ticks an item: the tick is for nothing else."""
_AT_CREATION_ONLY = frozenset({ItemColumn.ROW, ItemColumn.CODE, ItemColumn.OPENED, ItemColumn.TIMES})


@dataclass(frozen=True, slots=True)
class Standing:
    """An anomaly that stands now. ``upn`` is the cell as read. ``times``: how often it has been opened, this time
    included. ``unsure``: its message may lack what could not be asked this time.
    """

    row_id: int
    code: str
    severity: str
    upn: str | None
    name: str
    message: str
    opened: datetime
    suggestion: str | None = None
    team: str = ""
    times: int = 1
    unsure: bool = False

    @property
    def key(self) -> Key:
        return self.row_id, self.code


@dataclass(frozen=True, slots=True)
class Mirroring:
    """``changes``: what is to be written, resolutions first. ``acknowledged``: what people have ticked as it stands."""

    changes: tuple[ItemChange[AnomalyItem], ...]
    acknowledged: frozenset[Key]


def compare(standing: Iterable[Standing], items: Iterable[AnomalyItem], now: datetime) -> Mirroring:
    """One open item for each standing anomaly; ``now`` is when an item is resolved whose anomaly is gone.

    An item that people ticked keeps the message that they saw: when the anomaly has another message or UPN since, the
    item is resolved and a new one, not ticked, takes its place. Of several open items of one anomaly the later ones are
    resolved. Items without a row or a code are people's own.
    """
    open_items: defaultdict[Key, list[AnomalyItem]] = defaultdict(list)
    for item in items:
        if item.key is not None and item.stands:
            open_items[item.key].append(item)
    changes: list[ItemChange[AnomalyItem]] = []
    acknowledged = set()
    for anomaly in standing:
        kept, superfluous = _kept(anomaly, open_items.pop(anomaly.key, []))
        changes += _resolved(superfluous, now)
        changes += _brought_up_to_date(anomaly, kept)
        if kept is not None and kept.acknowledged:
            acknowledged.add(anomaly.key)
    for gone in open_items.values():
        changes += _resolved(gone, now)
    changes.sort(key=lambda change: ItemColumn.RESOLVED not in change.values)
    return Mirroring(tuple(changes), frozenset(acknowledged))


def _kept(anomaly: Standing, items: Sequence[AnomalyItem]) -> tuple[AnomalyItem | None, list[AnomalyItem]]:
    """The item that goes on carrying the anomaly, and those that do not. A tick that holds goes before age."""
    fit = [item for item in items if not item.acknowledged or _says_what_was_ticked(anomaly, item)]
    if not fit:
        return None, list(items)
    kept = min(fit, key=lambda item: (not item.acknowledged, item.id))
    return kept, [item for item in items if item is not kept]


def _says_what_was_ticked(anomaly: Standing, item: AnomalyItem) -> bool:
    wanted = _wanted(anomaly, item)
    return all(_same(item.cells.get(column), wanted[column]) for column in _ACKNOWLEDGED_WITH)


def _resolved(items: Iterable[AnomalyItem], now: datetime) -> Iterator[ItemChange[AnomalyItem]]:
    for item in items:
        yield ItemChange(item, {ItemColumn.RESOLVED: now})


def _brought_up_to_date(anomaly: Standing, item: AnomalyItem | None) -> Iterator[ItemChange[AnomalyItem]]:
    if item is None:
        yield ItemChange(None, {column: value for column, value in _cells(anomaly).items() if value not in (None, "")})
        return
    values = {
        column: value
        for column, value in _wanted(anomaly, item).items()
        if column not in _AT_CREATION_ONLY and not _same(item.cells.get(column), value)
    }
    if values:
        yield ItemChange(item, values)


def _wanted(anomaly: Standing, item: AnomalyItem) -> dict[str, ItemValue]:
    """An answer that is missing today takes nothing from what was known of this very UPN."""
    wanted = _cells(anomaly)
    if anomaly.unsure and _same(item.cells.get(ItemColumn.UPN), wanted[ItemColumn.UPN]):
        wanted |= {column: item.cells.get(column) for column in (ItemColumn.MESSAGE, ItemColumn.SUGGESTION)}
    return wanted


def _cells(anomaly: Standing) -> dict[str, ItemValue]:
    """What an item of it should say, but for when it is resolved."""
    upn = _line(anomaly.upn or "")
    return {
        ItemColumn.TITLE: _line(anomaly.name.strip()) or upn or f"Row {anomaly.row_id}",
        ItemColumn.ROW: anomaly.row_id,
        ItemColumn.UPN: upn,
        ItemColumn.CODE: anomaly.code,
        ItemColumn.SEVERITY: anomaly.severity,
        ItemColumn.MESSAGE: " ".join(anomaly.message.split()),
        ItemColumn.SUGGESTION: _line(anomaly.suggestion or ""),
        ItemColumn.TEAM: _line(anomaly.team),
        ItemColumn.OPENED: anomaly.opened,
        ItemColumn.TIMES: anomaly.times,
    }


def _line(cell: str) -> str:
    """Printable, on one line, and no longer than the column takes."""
    return as_line(printable(cell, _LONGEST_SHOWN))


def _same(shown: ItemValue, wanted: ItemValue) -> bool:
    """Lists trim texts, and some write their line ends otherwise."""
    return _plain(shown) == _plain(wanted)


def _plain(value: ItemValue) -> ItemValue:
    return " ".join(value.split()) if isinstance(value, str) else value or ""
