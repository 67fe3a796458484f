"""/metrics and /healthz of a running service, and that the page of documentation lists what there is."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from sync_agent.jobs.observed import Observed
from tests.test_scheduler import a_right_row, all_shown, running, until
from tests.web.asking import asked

_DOCUMENTED = re.compile(r"^\| `(sync_agent_\w+)` \| (\w+) \| ((?:`\w+`(?:, )?)*) ?\|", re.MULTILINE)


def documented() -> dict[str, tuple[str, str]]:
    text = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    return {name: (kind, label.replace("`", "")) for name, kind, label in _DOCUMENTED.findall(text)}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        port: int = made.getsockname()[1]
        return port


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def settings(port: int) -> str:
    fast = "schedule: {read_list: 1s, resolve_users: 1s, presence: 100ms, write_back: 100ms}\n"
    return f"{fast}web: {{listen: '127.0.0.1:{port}'}}\n"


@pytest.mark.anyio
async def test_the_pages_of_a_running_service(tmp_path: Path) -> None:
    port = free_port()
    async with running(tmp_path, settings(port)) as (served, service):
        await until(lambda: all_shown(served))
        assert (await asyncio.to_thread(asked, port, "/healthz"))[:2] == (200, "ok\n")
        status, text, headers = await asyncio.to_thread(asked, port, "/metrics")
        observed = service.context.observed
        upns = {row.upn.lower() for row in observed.rows.values() if row.upn}
        titles = {row.name for row in observed.rows.values() if row.name}
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    found = {
        sample.name: (family.type, ", ".join(sample.labels))
        for family in families.values()
        for sample in family.samples
    }
    known = documented()
    assert {name: known.get(name) for name in found} == found
    absent = {name for name in known.keys() - found.keys() if not name.startswith("sync_agent_push_")}
    assert absent <= {"sync_agent_shown_age_seconds"}, "before the first look there are no ages"
    rows = sum(sample.value for sample in families["sync_agent_rows"].samples)
    assert rows == len(served.agents.items)
    waiting = families["sync_agent_budget_waiting"]
    assert {sample.labels["priority"] for sample in waiting.samples} == {"urgent", "normal", "background"}
    spent = {sample.labels["budget"]: sample.value for sample in families["sync_agent_budget_units"].samples}
    assert spent and all(units > 0 for units in spent.values())
    kinds = {sample.labels["kind"] for sample in families["sync_agent_requests"].samples}
    assert {"list", "directory", "presence"} <= kinds
    assert [name for name in upns | titles if name in text.lower() or name in text] == []


@pytest.mark.anyio
async def test_a_job_that_has_ended_is_no_good_health(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    async with running(tmp_path, settings(port)) as (served, _):
        await until(lambda: all_shown(served))

        def broken(*_: object) -> None:
            raise RuntimeError("a fault of our own")

        monkeypatch.setattr(Observed, "put_unread", broken)
        status, text = 200, ""
        async with asyncio.timeout(15):
            while status == 200:
                await asyncio.sleep(0.1)
                status, text, _ = await asyncio.to_thread(asked, port, "/healthz")
        assert (status, text) == (503, "poll_presence broke: RuntimeError; see the log\n")


@pytest.mark.anyio
async def test_a_service_goes_on_where_its_port_is_taken(tmp_path: Path, taken: int) -> None:
    with capture_logs() as logs:
        async with running(tmp_path, settings(taken)) as (served, _):
            await until(lambda: all_shown(served))
    (told,) = [entry for entry in logs if entry["event"] == "web_not_served"]
    assert told["listen"] == f"127.0.0.1:{taken}"


@pytest.mark.anyio
async def test_a_turn_of_writes_that_hangs_is_no_good_health_until_it_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setattr("sync_agent.scheduler.writes._HANGS", 1.0)
    async with running(tmp_path, settings(port)) as (served, service):
        turns = service.context.observed.turns
        await until(lambda: all_shown(served) and not turns.taken)
        assert (await asyncio.to_thread(asked, port, "/healthz"))[0] == 200
        slow = served.world.faults.add(r"POST .*batch", holding=b"PATCH", delay=4.0, times=1)
        row_id, user = a_right_row(served, 0)
        user.availability = "Busy"
        await until(lambda: slow.seen > 0)
        told = set[tuple[int, str]]()
        while row_id in turns.in_flight:
            told.add((await asyncio.to_thread(asked, port, "/healthz"))[:2])
            await asyncio.sleep(0.1)
        assert told == {(200, "ok\n"), (503, "write_back hangs: a turn has had no answer for 0 minutes\n")}
        assert (await asyncio.to_thread(asked, port, "/healthz"))[0] == 200
