"""What stays for months is not looked at by the collector of garbage again and again."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_agent.garbage import leave_out_what_is_loaded
from sync_agent.new_cells import NewCells
from sync_agent.progress import Silent
from sync_agent.service import open_service
from sync_agent.settings import load
from tests.lab import command, lab


class Knot:
    """Keeps itself, as a request under way may."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def collections_while_objects_are_made() -> int:
    begun = list[int]()

    def note(phase: str, of: dict[str, int]) -> None:
        if phase == "start":
            begun.append(of["generation"])

    gc.callbacks.append(note)
    made = [Knot() for _ in range(100_000)]
    gc.callbacks.remove(note)
    assert made
    return len(begun)


def test_a_list_is_read_with_few_collections() -> None:
    gc.set_threshold(700)
    assert collections_while_objects_are_made() > 100
    assert command("--version").code == 0
    assert collections_while_objects_are_made() < 12


def test_what_is_loaded_is_left_out_of_collections_and_what_comes_later_is_freed() -> None:
    loaded = weakref.ref(kept := Knot())
    leave_out_what_is_loaded()
    come_later = weakref.ref(Knot())
    all_that_is = len(gc.get_objects())
    del kept
    gc.collect()
    assert (loaded() is not None, come_later()) == (True, None)
    assert all_that_is < 10_000


@pytest.mark.anyio
async def test_of_a_list_that_is_held_next_to_nothing_is_looked_at(tmp_path: Path) -> None:
    """A row that is held, of all that belongs to it, may be one object to the collector: its change, while it waits."""
    with lab(tmp_path, rows=1_000) as served:
        async with open_service(load(served.settings), progress=Silent()) as service:
            await service.context.edges.agent_list.provision(dry_run=False)
            before = looked_at()  # of other tests
            await service.sync(dry_run=True)
            values = looked_at() - before
    assert values[NewCells] > 500
    assert {type_.__name__: count for type_, count in values.items() if count > 500 and type_ is not NewCells} == {}


def looked_at() -> Counter[type]:
    """The product's objects that the collector looks at, by type."""
    gc.collect()
    types = Counter(type(each) for each in gc.get_objects())
    return Counter({type_: count for type_, count in types.items() if _is_the_products(type_)})


def _is_the_products(type_: type) -> bool:
    module = str(type_.__module__)
    return module.startswith("sync_agent.") and not module.startswith("sync_agent.simulator")
