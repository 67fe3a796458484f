"""Approved fixes in `run`: in the turn that notices the approval, however it is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sync_agent.jobs.apply_fixes import Ask
from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.model import Absent, CouldNotAsk, Match
from sync_agent.progress import Silent
from sync_agent.scheduler import Jobs
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from sync_agent.simulator.lab import Api
from sync_agent.upn import key
from tests.lab import Lab, lab


class Running:
    """The jobs of a service, each run when a test says so."""

    def __init__(self, served: Lab, service: Service) -> None:
        self.served = served
        self.service = service
        self.stop = asyncio.Event()
        self.jobs = Jobs(service, self.stop)

    async def turn(self) -> None:
        await self.jobs.read_list()
        await poll_presence(self.service.context)
        await self.jobs.writes.turn()

    @property
    def wrong(self) -> list[int]:
        """Rows of which the right UPN is known, one that holds an alias first."""
        truths = self.served.world.truth.items()
        codes = ("upn_is_alias", "upn_whitespace")
        return [id_ for code in codes for id_, truth in truths if truth.codes == {code} and truth.suggestion]

    def approve(self, row_id: int) -> str:
        suggestion = str(self.served.world.truth[row_id].suggestion)
        self.served.agents.edit(row_id, {"SyncApproveFix": suggestion})
        return suggestion


@asynccontextmanager
async def running(folder: Path, api: Api = "graph", safety: str = "approved_fixes: true") -> AsyncIterator[Running]:
    """After the first turn, all rows written."""
    with lab(folder, rows=60, api=api) as served:
        served.settings.write_text(f"{served.settings.read_text()}safety: {{{safety}}}\n")
        async with open_service(load(served.settings), progress=Silent()) as service:
            await service.context.edges.agent_list.provision(dry_run=False)
            run = Running(served, service)
            await run.turn()
            assert all(item.fields.get("SyncStatus") for item in served.agents.items.values())
            yield run


@pytest.mark.anyio
@pytest.mark.parametrize("api", ["graph", "rest"])
async def test_an_approval_that_is_followed_is_written_in_the_same_turn(tmp_path: Path, api: Api) -> None:
    async with running(tmp_path, api) as run:
        row_id = run.wrong[0]
        suggestion = run.approve(row_id)
        whole = run.served.world.faults.add(r"GET .*/items\?.*top=(2000|5000)", instead=lambda call, truly: truly(call))
        await run.turn()
        assert (run.served.shown(row_id, "UPN"), whole.seen) == (suggestion, 0)
        assert run.served.shown(row_id, "SyncStatus") == "OK"
        assert run.served.shown(row_id, "Presence")
        assert any(key(suggestion) in names for names in run.jobs.users._asked.values()), "followed from now on"
        revisions = {id_: item.revision for id_, item in run.served.agents.items.items()}
        await run.turn()
        assert {id_: item.revision for id_, item in run.served.agents.items.items()} == revisions


@pytest.mark.anyio
async def test_an_approval_that_is_not_followed_is_logged_once(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        row_id = run.wrong[0]
        run.served.agents.edit(row_id, {"SyncApproveFix": "yes"})
        with capture_logs() as logs:
            await run.turn()
            await run.turn()
        told = [entry for entry in logs if entry["event"] == "approval_not_followed"]
        assert [(entry["row"], entry["log_level"]) for entry in told] == [(row_id, "warning")]


@pytest.mark.anyio
async def test_too_many_at_once_are_held_and_told_once(tmp_path: Path) -> None:
    safety = "approved_fixes: true, max_worsened_floor: 2, max_fixes: 1%"
    async with running(tmp_path, safety=safety) as run:
        rows = run.wrong[:2]
        for row_id in rows:
            run.approve(row_id)
        before = [run.served.shown(row_id, "UPN") for row_id in rows]
        with capture_logs() as logs:
            await run.turn()
            await run.turn()
        held = [entry for entry in logs if entry["event"] == "held"]
        assert [(entry["fuse"], entry["rows"]) for entry in held] == [("max_fixes", 2)]
        assert "sync-agent sync --approve" in held[0]["what_to_do"]
        assert [run.served.shown(row_id, "UPN") for row_id in rows] == before


@pytest.mark.anyio
async def test_after_a_stop_no_fix_is_begun(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        row_id = run.wrong[0]
        before = run.served.shown(row_id, "UPN")
        run.approve(row_id)
        run.stop.set()
        await run.turn()
        assert run.served.shown(row_id, "UPN") == before


@pytest.mark.anyio
async def test_a_list_that_lost_the_column_is_told_once_and_serves(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        del run.served.agents.columns["SyncApproveFix"]
        await run.service.open_list()
        with capture_logs() as logs:
            await run.turn()
            await run.turn()
        failed = [entry for entry in logs if entry["event"] == "job_failed"]
        assert [entry["job"] for entry in failed] == ["apply_fixes"]
        assert "provision" in failed[0]["reason"]


def asking(run: Running, meanwhile: Callable[[], None]) -> Ask:
    """Asks the tenants as ever; then something happens before the row is read anew."""

    async def ask(names: frozenset[str]) -> None:
        await resolve_users(run.service.context, names)
        meanwhile()

    return ask


@pytest.mark.anyio
@pytest.mark.parametrize(
    "edited", [{"UPN": "typed@contoso.com"}, {"SyncApproveFix": ""}, {"SyncApproveFix": "x"}, {"Title": "Another"}]
)
async def test_a_row_that_was_edited_since_the_list_was_read_is_decided_again(
    tmp_path: Path, edited: dict[str, str]
) -> None:
    async with running(tmp_path) as run:
        row_id = run.wrong[0]
        run.approve(row_id)
        await run.jobs.looks.turn()
        fixing = await run.service.apply_fixes(ask=asking(run, lambda: run.served.agents.edit(row_id, edited)))
        assert fixing is not None
        assert (len(fixing.planned.fixes), len(fixing.done), fixing.conflicts, fixing.failed) == (1, 0, 1, 0)
        assert {name: run.served.shown(row_id, name) or "" for name in edited} == edited
        held = run.service.context.observed.rows[row_id]
        assert {"UPN": held.upn, "SyncApproveFix": held.approved, "Title": held.name}.items() >= edited.items()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Absent("contoso.com"), "no tenant has a user of this UPN any more"),
        (CouldNotAsk("away", datetime(2026, 1, 1, tzinfo=UTC)), "not all that could speak against it could be asked"),
    ],
)
async def test_a_upn_that_its_own_tenant_does_not_confirm_now_is_not_written(
    tmp_path: Path, answer: Match, reason: str
) -> None:
    """The row's name is in one tenant and the suggestion may be in another."""
    async with running(tmp_path) as run:
        row_id = run.wrong[0]
        before, suggestion = run.served.shown(row_id, "UPN"), run.approve(row_id)
        await run.jobs.looks.turn()
        observed = run.service.context.observed
        fixing = await run.service.apply_fixes(ask=asking(run, lambda: observed.put_matches({key(suggestion): answer})))
        assert fixing is not None
        assert (fixing.planned.fixes, run.served.shown(row_id, "UPN")) == ((), before)
        assert reason in fixing.planned.unfollowed[0].reason


@pytest.mark.anyio
async def test_a_row_whose_latest_question_failed_waits(tmp_path: Path) -> None:
    """What is known of it is an answer of before."""
    async with running(tmp_path) as run:
        row_id = run.wrong[0]
        before = run.served.shown(row_id, "UPN")
        run.approve(row_id)
        await run.jobs.looks.turn()
        away = CouldNotAsk("away", datetime(2026, 1, 1, tzinfo=UTC))
        observed = run.service.context.observed
        fixing = await run.service.apply_fixes(ask=asking(run, lambda: observed.put_matches({key(before): away})))
        assert fixing is not None
        assert (fixing.planned.fixes, run.served.shown(row_id, "UPN")) == ((), before)
        assert "could be asked" in fixing.planned.unfollowed[0].reason
