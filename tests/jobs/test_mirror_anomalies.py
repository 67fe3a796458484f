"""The list of anomalies beside the history: how much of it is written in a turn, and what is not for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from math import ceil
from pathlib import Path

import pytest

from sync_agent.microsoft365.errors import ServiceError, Throttled
from sync_agent.service import Service
from sync_agent.simulator.lists import SharePointList
from sync_agent.simulator.messy import SITE_PATH
from tests.jobs.opening import opened
from tests.lab import Lab


@asynccontextmanager
async def saved(folder: Path) -> AsyncIterator[tuple[Lab, Service, SharePointList]]:
    """A pass has been made and saved, and nothing of it is in the list of anomalies yet."""
    async with opened(folder, rows=60, anomaly_list="Agent anomalies") as (served, service):
        *_, anomalies = served.world.sites[SITE_PATH].lists.values()
        await service.sync()
        anomalies.items.clear()
        yield served, service, anomalies


@pytest.mark.anyio
async def test_no_more_is_written_in_a_turn_than_may_be_and_the_rest_in_the_next(tmp_path: Path) -> None:
    async with saved(tmp_path) as (_, service, anomalies):
        first = await service.mirror_anomalies(most=7)
        assert first is not None
        assert (first.made, len(anomalies.items)) == (7, 7)
        assert first.to_write > 7
        second = await service.mirror_anomalies()
        assert second is not None
        assert second.made == first.to_write - 7
        assert len(anomalies.items) == first.to_write


@pytest.mark.anyio
async def test_after_a_stop_nothing_more_is_begun(tmp_path: Path) -> None:
    async with saved(tmp_path) as (_, service, anomalies):
        stop = asyncio.Event()
        stop.set()
        await service.mirror_anomalies(stop=stop)
        assert anomalies.items == {}


@pytest.mark.anyio
async def test_it_shares_the_budget_of_the_agent_list(tmp_path: Path) -> None:
    """Whichever list is told to wait, both do."""
    async with saved(tmp_path) as (served, service, _):
        busy = {"status": 429, "headers": {"retry-after": "1000"}}
        served.world.faults.add(r"POST .*/items$", holding=b"AnomalyCode", times=1, **busy)
        made = await service.mirror_anomalies()
        assert made is not None
        assert made.error is not None
        with pytest.raises(Throttled):
            await service.context.edges.agent_list.read(lambda _: None)


@pytest.mark.anyio
async def test_a_comparison_costs_a_page_and_a_request_for_twenty_items(tmp_path: Path) -> None:
    async with saved(tmp_path) as (_, service, _list):
        before = service.transport.requests["list"]
        made = await service.mirror_anomalies()
        assert made is not None
        assert service.transport.requests["list"] - before == 1 + ceil(made.made / 20)
        await service.mirror_anomalies()
        assert service.transport.requests["list"] - before == 2 + ceil(made.made / 20)


@pytest.mark.anyio
async def test_tenants_that_cannot_be_asked_make_no_items(tmp_path: Path) -> None:
    async with opened(tmp_path, rows=60, anomaly_list="Agent anomalies") as (served, service):
        *_, anomalies = served.world.sites[SITE_PATH].lists.values()
        served.world.faults.add(r"/users", status=403, body=b"{}")
        outcome = await service.sync()
        assert any(found.code == "account_unavailable" for _, found in outcome.anomalies())
        codes = {item.fields["AnomalyCode"] for item in anomalies.items.values()}
        assert "account_unavailable" not in codes
        assert codes


@pytest.mark.anyio
async def test_rows_that_cannot_be_judged_keep_their_items(tmp_path: Path) -> None:
    async with opened(tmp_path, rows=60, anomaly_list="Agent anomalies") as (served, service):
        *_, anomalies = served.world.sites[SITE_PATH].lists.values()
        await service.sync()
        before = {item.id: item.revision for item in anomalies.items.values()}
        served.world.faults.add(r"/users|deletedItems", status=403, body=b"{}")
        outcome = await service.sync()
        assert outcome.mirrored is not None
        assert (outcome.mirrored.error, outcome.mirrored.to_write) == (None, 0)
        assert {item.id: item.revision for item in anomalies.items.values()} == before


@pytest.mark.anyio
async def test_without_a_database_it_says_so(tmp_path: Path) -> None:
    async with saved(tmp_path) as (_, service, anomalies):
        service.store, store = None, service.store
        with pytest.raises(ServiceError, match=r"state\.database"):
            await service.mirror_anomalies()
        service.store = store
        assert anomalies.items == {}


@pytest.mark.anyio
async def test_without_the_setting_there_is_nothing_to_do(tmp_path: Path) -> None:
    async with saved(tmp_path) as (_, service, _list):
        service.context = replace(service.context, edges=replace(service.context.edges, anomaly_list=None))
        assert await service.mirror_anomalies() is None
