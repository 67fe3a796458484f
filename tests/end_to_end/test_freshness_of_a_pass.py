"""How fresh the list is after a pass, in `sync --json` and in what a person reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_agent.freshness import Freshness
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.outcome import Outcome
from sync_agent.progress import Silent
from sync_agent.service import open_service
from sync_agent.settings import load
from tests.lab import Lab, lab
from tests.published import as_published
from tests.virtual_time import TimeOfDay

HOUR = 3_600.0


@pytest.fixture
def calm(tmp_path: Path) -> Iterator[Lab]:
    """Nobody's presence changes by itself, and no row has anything wrong."""
    with lab(tmp_path, rows=40, tenants=1) as served:
        served.world.moving = False
        served.provisioned()
        for row_id, truth in served.world.truth.items():
            if truth.codes:
                del served.agents.items[row_id]
        yield served


def synced(served: Lab, clock: TimeOfDay, *, dry_run: bool = False) -> Freshness:
    """By a process of its own."""

    async def made() -> Outcome:
        async with open_service(load(served.settings), progress=Silent(), clock=clock) as service:
            service.transport._retrying = Retrying(attempts=1)
            return await service.sync(dry_run=dry_run)

    outcome = asyncio.run(made())
    assert outcome.freshness is not None
    return outcome.freshness


def elsewhere(served: Lab, most: int) -> int:
    """So many agents do something else now."""
    users = [user for tenant in served.world.tenants.values() for user in tenant.users.values()]
    shown = {str(item.fields["EntraObjectId"]) for item in served.agents.items.values()}
    chosen = [user for user in users if user.id in shown][:most]
    for user in chosen:
        user.availability = user.activity = "Away" if user.availability != "Away" else "BeRightBack"
    return len(chosen)


def test_all_that_was_written_is_right_and_as_old_as_its_reading(calm: Lab) -> None:
    found = synced(calm, TimeOfDay())
    assert found == Freshness(len(calm.agents.items), len(calm.agents.items), 0, 0.0, 0.0, 0.0)


def test_what_a_dry_run_leaves_may_be_wrong_since_the_pass_before(calm: Lab) -> None:
    clock, rows = TimeOfDay(), len(calm.agents.items)
    first = synced(calm, clock, dry_run=True)
    assert (first.right, first.p50) == (0, None), "for how long nobody has ever known"
    synced(calm, clock)
    clock.pass_by(hours=2)
    assert elsewhere(calm, 10) == 10
    left = synced(calm, clock, dry_run=True)
    assert (left.rows, left.right, left.never_read) == (rows, rows - 10, 0)
    assert (left.p50, left.longest) == (0.0, 2 * HOUR)
    assert (synced(calm, clock)).right == rows


def test_presence_that_is_not_read_is_as_old_as_its_last_reading(calm: Lab) -> None:
    clock, rows = TimeOfDay(), len(calm.agents.items)
    broken = calm.world.faults.add("getPresencesByUserId", status=503)
    never = synced(calm, clock)
    assert (never.right, never.never_read) == (0, rows)
    broken.times = 0
    synced(calm, clock)
    clock.pass_by(minutes=3)
    calm.world.faults.add("getPresencesByUserId", status=503)
    stale = synced(calm, clock)
    assert (stale.right, stale.never_read, stale.p50, stale.longest) == (rows, 0, 180.0, 180.0)


def test_the_document_and_the_summary_say_it(calm: Lab) -> None:
    document = calm.run("sync", "--json").json()
    as_published(document)
    rows = len(calm.agents.items)
    assert document["freshness"]["rows"] == document["freshness"]["right"] == rows
    assert 0 <= document["freshness"]["p50"] <= document["freshness"]["p95"] <= document["freshness"]["longest"] < 60
    said = " ".join(calm.run("sync").out.split())
    assert f"Now 100 % of {rows} rows show what is true; half of what is shown is at most" in said
