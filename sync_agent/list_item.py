"""Items of the lists that are the service's own, such as that of anomalies: as read, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

ItemValue = str | int | datetime | None


@dataclass(frozen=True, slots=True)
class ListItem:
    """One item as read, by the internal names of columns; an empty cell is "" or None, a box that is ticked True."""

    id: int
    cells: Mapping[str, ItemValue]
    etag: str | None = None


I_co = TypeVar("I_co", bound=ListItem, covariant=True)


@dataclass(frozen=True, slots=True)
class ItemChange(Generic[I_co]):
    """New values for some columns of an item; ``item`` is None for one that is to be made. An item without an ETag is
    written whatever became of it meanwhile.
    """

    item: I_co | None
    values: Mapping[str, ItemValue]


AnyChange = ItemChange[ListItem]
