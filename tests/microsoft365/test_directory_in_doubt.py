"""What a directory fails to say, or is not believed to say: never that somebody is absent."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import Response

from sync_agent.microsoft365.errors import SignInFailed, Unreachable
from sync_agent.model import Absent, CouldNotAsk, Found
from tests.microsoft365.resolving import agents, kinds, resolve, resolved
from tests.microsoft365.scripted import Asked, FixedToken, refused, said
from tests.microsoft365.small_tenant import BrokenSignIn, SmallTenant, opened, user

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_evidence_that_cannot_be_had_leaves_a_plain_absence(status: int) -> None:
    tenant = SmallTenant()
    tenant.add("agent0@contoso.com")

    def spoil(asked: Asked) -> Response | None:
        evidence = "deletedItems" in asked.path or "proxyAddresses" in asked.query.get("$filter", "")
        return refused(status) if evidence else None

    tenant.spoil = spoil
    answers = await resolved(tenant, agents(2))
    assert answers["agent1@contoso.com"] == Absent("a0")


def _holding(name: str, answer: Response) -> Any:
    return lambda asked: answer if f"'{name}'" in asked.query.get("$filter", "") else None


SPOILT = [
    refused(403, "Authorization_RequestDenied"),
    refused(404),
    refused(500),
    refused(503),
    refused(429, headers={"Retry-After": "7"}),
    said({}),
    said({"value": None}),
    said({"error": {"code": "x"}}),
    said([]),
    said({"value": [{"userPrincipalName": "agent3@contoso.com"}]}),
    said({"value": [], "@odata.nextLink": "https://x/next"}),
]


@pytest.mark.parametrize("answer", SPOILT)
async def test_a_part_that_fails_leaves_exactly_its_names_unanswered(answer: Response) -> None:
    tenant = SmallTenant()
    tenant.add(*agents(60))
    tenant.spoil = _holding("agent20@contoso.com", answer)
    answers = await resolved(tenant, agents(61))
    unanswered = {name for name, answer in answers.items() if isinstance(answer, CouldNotAsk)}
    assert len(unanswered) == 15
    assert "agent20@contoso.com" in unanswered
    assert not any(isinstance(answers[name], Absent) for name in agents(60))
    assert answers["agent60@contoso.com"] == Absent("a0") or "agent60@contoso.com" in unanswered


async def test_a_name_that_graph_takes_for_malformed_costs_nobody_else() -> None:
    tenant = SmallTenant()
    tenant.add(*agents(60))
    tenant.spoil = _holding("agent20@contoso.com", refused(400, "Request_UnsupportedQuery"))
    async with opened(tenant) as at:
        answers = await resolve(at, agents(60))
    assert kinds(answers) == {Found: 59, CouldNotAsk: 1}
    assert at.requests == ["/$batch"] * 2


async def test_a_refusal_of_every_filter_is_not_looked_into_name_by_name() -> None:
    tenant = SmallTenant()
    tenant.add(*agents(5_000))
    tenant.spoil = lambda asked: refused(400) if " in (" in asked.query.get("$filter", "") else None
    async with opened(tenant) as at:
        answers = await resolve(at, agents(900, start=4_100))
    assert kinds(answers) == {CouldNotAsk: 900}
    assert len(at.requests) == 4


async def test_a_throttled_part_is_asked_again_after_its_time() -> None:
    tenant = SmallTenant()
    tries: list[float] = []
    tenant.add(*agents(60))

    def spoil(asked: Asked) -> Response | None:
        if "'agent20@contoso.com'" not in asked.query.get("$filter", "") or tries:
            return None
        tries.append(tenant.clock.now)
        return refused(429, headers={"Retry-After": "7"})

    tenant.spoil = spoil
    answers = await resolved(tenant, agents(60))
    assert kinds(answers) == {Found: 60}
    assert tenant.clock.now >= tries[0] + 7


async def test_a_forbidden_directory_says_what_to_do() -> None:
    tenant = SmallTenant()
    tenant.spoil = lambda asked: refused(403, "Authorization_RequestDenied")
    answers = await resolved(tenant, agents(400))
    (reason,) = {answer.reason for answer in answers.values() if isinstance(answer, CouldNotAsk)}
    assert "Authorization_RequestDenied" in reason
    assert "User.Read.All" in reason
    assert kinds(answers) == {CouldNotAsk: 400}


@pytest.mark.parametrize("failure", [SignInFailed("AADSTS7000222: the secret has expired"), Unreachable("no network")])
async def test_without_a_sign_in_no_name_is_absent(failure: SignInFailed | Unreachable) -> None:
    async with opened(SmallTenant(), [BrokenSignIn(failure)]) as at:
        answers = await resolve(at, agents(400))
        domains = await at.directory.domains()
    assert kinds(answers) == {CouldNotAsk: 400}
    assert {answer.reason for answer in answers.values() if isinstance(answer, CouldNotAsk)} == {failure.reason}
    assert isinstance(domains, CouldNotAsk) and domains.reason == failure.reason
    assert at.requests == []


class FailingLater(FixedToken):
    """Signs in until the names are answered."""

    def __init__(self, tenant: SmallTenant) -> None:
        super().__init__()
        self.tenant = tenant

    async def token(self) -> str:
        if self.tenant.parts["/$batch"]:
            raise SignInFailed("AADSTS700082: the sign-in has lapsed")
        return await super().token()


async def test_a_tenant_that_falls_silent_before_the_evidence_is_not_believed_about_absence() -> None:
    tenant = SmallTenant()
    tenant.add("agent0@contoso.com")
    async with opened(tenant, [FailingLater(tenant)]) as at:
        answers = await resolve(at, agents(3))
    assert kinds(answers) == {Found: 1, CouldNotAsk: 2}


async def test_a_tenant_that_knows_none_of_many_is_not_believed() -> None:
    tenant = SmallTenant()
    tenant.add("somebody@contoso.com")
    tenant.users.append(user("jane@contoso.com", mail="agent3@contoso.com"))
    tenant.delete("agent4@contoso.com", "2026-11-01T08:00:00Z")
    answers = await resolved(tenant, agents(10))
    assert kinds(answers) == {CouldNotAsk: 8, Absent: 2}
    reason = answers["agent0@contoso.com"]
    assert isinstance(reason, CouldNotAsk)
    assert "any of the 10 agents" in reason.reason and "not believed" in reason.reason


@pytest.mark.parametrize("count", [1, 9])
async def test_a_tenant_that_knows_none_of_few_is_believed_if_it_shows_anybody(count: int) -> None:
    tenant = SmallTenant()
    assert kinds(await resolved(tenant, agents(count))) == {CouldNotAsk: count}
    tenant.add("somebody@contoso.com")
    assert kinds(await resolved(tenant, agents(count))) == {Absent: count}
    tenant.spoil = lambda asked: refused(403) if asked.query.get("$top") == "1" else None
    assert kinds(await resolved(tenant, agents(count))) == {CouldNotAsk: count}


async def test_a_tenant_that_lost_all_it_knew_is_not_believed() -> None:
    tenant = SmallTenant()
    tenant.add("somebody@contoso.com")
    assert kinds(await resolved(tenant, agents(2), known=["agent1@contoso.com"])) == {CouldNotAsk: 2}
    assert kinds(await resolved(tenant, agents(2), known=["other@contoso.com"])) == {Absent: 2}
