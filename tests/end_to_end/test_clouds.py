"""Other clouds, and the operator's own network: what a cloud lacks is said, and one proxy carries everything."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sync_agent.outcome import Outcome
from sync_agent.progress import Silent
from sync_agent.service import open_service
from sync_agent.settings import CLOUDS, Endpoints, Settings, load
from sync_agent.simulator.lab import Api
from tests.lab import Lab, lab
from tests.microsoft365.wires import proxy
from tests.test_scheduler import running_on, until

SHOWN = "SyncStatus"


@pytest.fixture(params=["graph", "rest"])
def served(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    for name in list(os.environ):
        if name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name)
    api: Api = request.param
    with lab(tmp_path, rows=45, api=api) as made:
        yield made.provisioned()


def in_china(served: Lab, monkeypatch: pytest.MonkeyPatch) -> str:
    """The second account's cloud is 21Vianet's, served by the lab. Its tenant's id."""
    account, tenant, _ = served.world.accounts[1]
    there = Endpoints(served.world.origin, served.world.origin, instance_discovery=False, presence=False)
    monkeypatch.setitem(CLOUDS, "china", there)
    before, name, after = served.settings.read_text().partition(f"- id: {account}\n")
    served.settings.write_text(before + name + after.replace("cloud: lab", "cloud: china", 1))
    return tenant.id


def right_rows(served: Lab, tenant_id: str) -> list[int]:
    return [id_ for id_, truth in served.world.truth.items() if truth.tenant_id == tenant_id and not truth.codes]


def test_a_cloud_without_presence_is_said_and_is_no_trouble(served: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant_id, account = in_china(served, monkeypatch), served.world.accounts[1][0]
    ran = served.run("sync", "--json")
    assert (ran.code, ran.json()["accounts"][account]["state"]) == (0, "ok")
    fresh = ran.json()["freshness"]
    assert (fresh["right"], fresh["never_read"]) == (fresh["rows"], 0)
    (said,) = [line for line in ran.err.splitlines() if "cloud_without_presence" in line]
    assert account in said
    rows = right_rows(served, tenant_id)
    assert rows
    for row_id in rows:
        assert (served.shown(row_id, SHOWN), served.shown(row_id, "Presence")) == ("OK", None)
    others = right_rows(served, served.world.accounts[0][1].id)
    assert all(served.shown(row_id, "Presence") for row_id in others)
    assert served.run("sync", "--json").json()["writes"]["planned"] == 0


@pytest.mark.anyio
async def test_the_service_writes_its_rows_as_soon_as_others(served: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant_id = in_china(served, monkeypatch)
    rows = right_rows(served, tenant_id)
    async with running_on(served) as service:
        await until(lambda: all(served.shown(row_id, SHOWN) == "OK" for row_id in rows))
        assert tenant_id not in service.context.observed.watched
        assert service.context.observed.watched
        assert set(service.account_states().values()) == {"ok"}


async def synced(settings: Settings) -> Outcome:
    async with open_service(settings, progress=Silent()) as service:
        return await service.sync()


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["settings", "environment"])
async def test_sign_in_graph_and_sharepoint_go_by_one_proxy(
    served: Lab, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A true CONNECT proxy, which then lets nobody through: nothing goes past it."""
    place = urlsplit(served.world.origin).netloc
    async with proxy() as carrying:
        if how == "settings":
            with served.settings.open("a") as settings:
                settings.write(f"proxy: http://{carrying.address.rpartition('/')[2]}\n")
        else:
            monkeypatch.setenv("HTTPS_PROXY", f"http://{carrying.address.rpartition('/')[2]}")
            monkeypatch.setattr("sync_agent.microsoft365.engine._is_loopback", lambda host: False)
        heard = served.world.requests["all"]
        outcome = await synced(load(served.settings))
        assert served.world.requests["all"] - heard > 10
    assert outcome.error is None
    assert {account.state for account in outcome.accounts.values()} == {"ok"}
    kinds = set(outcome.requests)
    assert {"sign-in", "directory", "presence", "list"} <= kinds
    assert set(carrying.asked) == {place}
    async with proxy("403 Forbidden") as refusing:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{refusing.address.rpartition('/')[2]}")
        refused = load(served.settings).model_copy(update={"proxy": f"http://{refusing.address.rpartition('/')[2]}"})
        heard = served.world.requests["all"]
        outcome = await synced(refused)
        assert served.world.requests["all"] == heard
    assert outcome.error is not None
    assert "the proxy does not let us through (403)" in outcome.error


@pytest.mark.anyio
async def test_what_no_proxy_names_goes_direct(served: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync_agent.microsoft365.engine._is_loopback", lambda host: False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with proxy() as carrying:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{carrying.address.rpartition('/')[2]}")
        outcome = await synced(load(served.settings))
        await asyncio.sleep(0)
    assert outcome.error is None
    assert carrying.asked == []
