"""What stays for months is looked at by the collector every few hours, and nothing is kept for good by that."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_agent.garbage import settle
from sync_agent.scheduler import Jobs
from tests.jobs.opening import opened
from tests.lab import command


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


def test_what_is_there_is_left_out_of_collections_and_what_was_dropped_since_is_freed_by_the_next() -> None:
    knot = Knot()
    seen = weakref.ref(knot)
    settle()
    del knot
    gc.collect()
    assert seen() is not None
    settle()
    assert seen() is None


@pytest.mark.anyio
async def test_it_settles_when_the_list_is_read_and_its_users_are_known_not_at_every_reading(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as (_, service):
        users = list[int]()
        jobs = Jobs(service, asyncio.Event(), lambda: users.append(len(service.context.observed.watched)))
        for _turn in range(2):
            jobs.looks.read_whole()
            await jobs.read_list()
        assert users == [2]
