"""What is found out about one row is what a pass finds out about it, with few requests and without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_agent.explanation.explained import explained as told
from sync_agent.explanation.facts import Approval, Facts
from sync_agent.model import Code, Status, Verdict
from sync_agent.progress import Silent
from sync_agent.service import open_service
from sync_agent.settings import load
from sync_agent.simulator.lab import Api
from tests.jobs.opening import opened
from tests.jobs.test_apply_fixes import running
from tests.lab import Lab

pytestmark = pytest.mark.anyio


async def explained(served: Lab, wanted: str) -> tuple[Facts, int]:
    """By a process of its own, and how many requests it took beside reading the list and signing in."""
    async with open_service(load(served.settings), progress=Silent(), read_only=True) as service:
        facts = await service.explain(wanted)
        kinds = service.transport.requests
        return facts, kinds["directory"] + kinds["presence"]


async def passed(served: Lab) -> dict[int, Verdict]:
    """The verdicts of a whole pass."""
    async with open_service(load(served.settings), progress=Silent(), read_only=True) as service:
        return dict((await service.sync(dry_run=True)).verdicts)


@pytest.mark.parametrize(("api", "written"), [("graph", False), ("rest", True)])
async def test_every_row_gets_the_verdict_of_a_pass(api: Api, written: bool, tmp_path: Path) -> None:
    async with opened(tmp_path, rows=45, api=api) as (served, service):
        served.world.moving = False
        if written:
            await service.sync()
        verdicts = await passed(served)
        seen = set()
        for row_id, verdict in list(verdicts.items())[:: 1 if api == "graph" else 6]:
            facts, requests = await explained(served, str(row_id))
            assert facts.verdict == verdict
            assert (facts.change is None) == written
            assert requests <= 16
            assert {request.kind for request in facts.list_requests} >= {"list"}
            assert sum(request.status is None for request in facts.list_requests) == 0
            seen |= {anomaly.code for anomaly in verdict.anomalies}
        assert len(seen) >= (14 if api == "graph" else 3)


async def test_a_lonely_row_of_a_tenant_that_knows_nobody_else_is_asked_about_with_all_others(tmp_path: Path) -> None:
    """Whom a tenant is asked about decides whether it is believed, so in doubt it is asked about everybody."""
    async with opened(tmp_path, rows=45) as (served, _):
        tenant = served.world.accounts[0][1]
        for user in list(tenant.users.values())[1:]:
            tenant.remove(user)
        [left] = tenant.users.values()
        domain = tenant.domains[0]
        for number in range(40):
            served.agents.add({"Title": f"Agent {number}", "UPN": f"agent{number}@{domain}"})
        last = served.agents.add({"Title": "The one", "UPN": left.upn})
        verdicts = await passed(served)
        assert verdicts[last].status is not Status.UNKNOWN
        for row_id in (last - 1, last):
            facts, _ = await explained(served, str(row_id))
            assert facts.verdict == verdicts[row_id]
        assert [anomaly.code for anomaly in verdicts[last - 1].anomalies] == [Code.USER_NOT_FOUND]


async def test_a_tenant_that_is_not_believed_is_not_believed_here(tmp_path: Path) -> None:
    async with opened(tmp_path, rows=45) as (served, _):
        tenant = served.world.accounts[0][1]
        for user in list(tenant.users.values()):
            tenant.remove(user)
        verdicts = await passed(served)
        row_id = next(id_ for id_, truth in served.world.truth.items() if truth.tenant_id == tenant.id)
        facts, _ = await explained(served, str(row_id))
        assert facts.verdict == verdicts[row_id]
        assert facts.verdict.status is Status.UNKNOWN


async def test_a_user_who_was_renamed_since_the_last_pass_is_known_from_the_row_and_the_history(tmp_path: Path) -> None:
    async with opened(tmp_path, rows=45) as (served, service):
        await service.sync()
        row_id = next(id_ for id_, truth in served.world.truth.items() if truth.object_id and not truth.codes)
        user = served.world.user(served.world.truth[row_id].object_id)
        assert user is not None
        tenant = next(tenant for _, tenant, _ in served.world.accounts if user.id in tenant.users)
        tenant.rename(user, f"quite.another@{tenant.domains[0]}")
        facts, _ = await explained(served, str(row_id))
        assert [anomaly.code for anomaly in facts.verdict.anomalies] == [Code.USER_RENAMED]
        assert facts.verdict.former is not None
        assert facts.verdict == (await passed(served))[row_id]
        assert facts.past is not None
        assert facts.past.verdict is not None
        assert facts.past.verdict.status is Status.OK


async def test_nobody_is_suggested_whom_another_row_has(tmp_path: Path) -> None:
    """Whose UPN stands in another row is told by asking about that row too."""
    async with opened(tmp_path, rows=45) as (served, _):
        taken = next(id_ for id_, truth in served.world.truth.items() if truth.object_id and not truth.codes)
        upn, name = (served.agents.items[taken].fields[column] for column in ("UPN", "Title"))
        local, _, domain = upn.lower().partition("@")
        slip = served.agents.add({"Title": name, "UPN": f"{local[:-1]}@{domain}"})
        verdicts = await passed(served)
        facts, _ = await explained(served, str(slip))
        assert facts.verdict == verdicts[slip]
        assert [anomaly.suggestion for anomaly in facts.verdict.anomalies] == [None]
        barred = [
            candidate.barred for candidate in facts.people.candidates if candidate.found.user.upn.lower() == upn.lower()
        ]
        assert barred == ["another row has them"]
        del served.agents.items[taken]
        facts, _ = await explained(served, str(slip))
        assert [(anomaly.suggestion or "").lower() for anomaly in facts.verdict.anomalies] == [upn.lower()]
        assert facts.people.best is not None


async def test_of_a_tenant_that_is_in_good_health_only_a_few_names_are_asked(tmp_path: Path) -> None:
    """Also where the row shows that its name was known once: names in its company speak for the tenant."""
    async with opened(tmp_path, rows=200) as (served, service):
        await service.sync()
        row_id = next(id_ for id_, truth in served.world.truth.items() if truth.object_id and not truth.codes)
        tenant = next(
            tenant for _, tenant, _ in served.world.accounts if served.world.truth[row_id].tenant_id == tenant.id
        )
        tenant.remove(tenant.users[served.world.truth[row_id].object_id])
        async with open_service(load(served.settings), progress=Silent(), read_only=True) as looking:
            facts = await looking.explain(str(row_id))
            assert len(looking.context.observed.matches) <= 13
        assert [anomaly.code for anomaly in facts.verdict.anomalies] == [Code.USER_NOT_FOUND]


async def test_what_becomes_of_an_approval_is_told_and_afterwards_what_was_written(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        first, second = run.wrong[:2]
        suggestion = run.approve(first)
        facts, _ = await explained(run.served, str(first))
        assert facts.approval == Approval(suggestion, Code.UPN_IS_ALIAS, "")
        [step] = [step for step in told(facts, {}, 0).steps if step.title == "SyncApproveFix"]
        assert "would write it into the UPN cell" in step.text
        run.served.agents.edit(second, {"SyncApproveFix": "somebody.else@contoso.com"})
        facts, _ = await explained(run.served, str(second))
        assert facts.approval is not None
        assert facts.approval.code is None
        assert facts.approval.reason.startswith("the suggestion is ")
        await run.turn()
        facts, _ = await explained(run.served, str(first))
        assert (facts.row.upn, facts.verdict.status, facts.approval) == (suggestion, Status.OK, None)
        assert facts.past is not None
        assert [entry.after for entry in facts.past.fixed] == [suggestion, suggestion]


async def test_one_suggestion_approved_for_two_rows_is_followed_in_neither(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        first = run.wrong[0]
        suggestion = run.approve(first)
        cell = run.served.agents.items[first].fields["UPN"]
        second = run.served.agents.add({"Title": "Again", "UPN": f"{cell} ", "SyncApproveFix": suggestion})
        for one, other in ((first, second), (second, first)):
            facts, _ = await explained(run.served, str(one))
            assert facts.approval is not None
            assert facts.approval.code is None
            assert str(other) in facts.approval.reason


async def test_where_no_fixes_are_allowed_approvals_are_not_looked_at(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        run.approve(run.wrong[0])
        run.served.replace("approved_fixes: true", "approved_fixes: false")
        facts, _ = await explained(run.served, str(run.wrong[0]))
        assert facts.approval is None
        assert not [step for step in told(facts, {}, 0).steps if step.title == "SyncApproveFix"]
