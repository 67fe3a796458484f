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


class Knot:
    """Keeps itself, as a request under way may."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()


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
            jobs._whole_due = 0.0
            await jobs.read_list()
        assert users == [2]
