"""What a directory fails to say, or is not believed to say: never that somebody is absent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sync_agent.model import Absent, CouldNotAsk, Found
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import Call, Reply
from tests.microsoft365.contoso import BATCH, BY_NAME, COUNT, Contoso, changing, opened, refusing, saying
from tests.microsoft365.resolving import agents, kinds, resolve, resolved

pytestmark = pytest.mark.anyio

AGENT_20 = rf"{BY_NAME}.*'agent20@contoso\.com'"
EVIDENCE = "deletedItems|proxyAddresses/any"


@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_evidence_that_cannot_be_had_leaves_an_absence_that_says_so(contoso: Contoso, status: int) -> None:
    contoso.add("agent0@contoso.com")
    contoso.add_user("jane@contoso.com", mail="agent1@contoso.com")
    contoso.delete("agent1@contoso.com", "2026-11-01T08:00:00Z")
    contoso.spoil(EVIDENCE, **refusing(status))
    answers = await resolved(contoso, agents(2))
    answer = answers["agent1@contoso.com"]
    assert isinstance(answer, Absent)
    assert (answer.deleted_at, answer.alias_of) == (None, None)
    assert str(status) in answer.unexplained


SPOILT = [
    refusing(403, "Authorization_RequestDenied"),
    refusing(404),
    refusing(500),
    refusing(503),
    refusing(429, headers={"Retry-After": "7"}),
    saying({}),
    saying({"value": None}),
    saying({"error": {"code": "x"}}),
    saying([]),
    saying({"value": [{"userPrincipalName": "agent3@contoso.com"}]}),
    saying({"value": [], "@odata.nextLink": "https://x/next"}),
    {"status": 200, "body": b"<html>"},
]


@pytest.mark.parametrize("how", SPOILT)
async def test_a_part_that_fails_leaves_exactly_its_names_unanswered(contoso: Contoso, how: dict[str, Any]) -> None:
    contoso.add(*agents(60))
    contoso.spoil(AGENT_20, **how)
    answers = await resolved(contoso, agents(61))
    unanswered = {name for name, answer in answers.items() if isinstance(answer, CouldNotAsk)}
    assert len(unanswered) == 15
    assert "agent20@contoso.com" in unanswered
    assert not any(isinstance(answers[name], Absent) for name in agents(60))
    assert answers["agent60@contoso.com"] == Absent("a0") or "agent60@contoso.com" in unanswered


def _left_out(responses: list[dict[str, Any]]) -> None:
    responses[:] = [response for response in responses if response["id"] != "0"]


def _twice(responses: list[dict[str, Any]]) -> None:
    """Once as nobody's."""
    (part,) = (response for response in responses if response["id"] == "0")
    responses.append({**part, "body": {"value": []}})


def _another_id(responses: list[dict[str, Any]]) -> None:
    (part,) = (response for response in responses if response["id"] == "0")
    part["id"] = "77"


@pytest.mark.parametrize("spoil", [_left_out, _twice, _another_id])
async def test_a_part_without_its_one_answer_leaves_exactly_its_names_unanswered(
    contoso: Contoso, spoil: Callable[[list[dict[str, Any]]], None]
) -> None:
    contoso.add(*agents(60))
    contoso.spoil(BATCH, instead=changing(lambda batch: spoil(batch["responses"])))
    answers = await resolved(contoso, agents(60))
    assert kinds(answers) == {Found: 45, CouldNotAsk: 15}


@pytest.mark.parametrize("how", [{"cut": True}, {"reset": True}, {"status": 200, "body": b"<html>"}, refusing(502)])
async def test_half_a_batch_is_never_taken_for_the_batch(contoso: Contoso, how: dict[str, Any]) -> None:
    contoso.add(*agents(400))
    contoso.spoil(COUNT, **refusing(403))
    contoso.spoil(BATCH, holding=b"'agent20@contoso.com'", **how)
    answers = await resolved(contoso, agents(310))
    assert isinstance(answers["agent20@contoso.com"], CouldNotAsk)
    assert kinds(answers) in ({Found: 10, CouldNotAsk: 300}, {Found: 300, CouldNotAsk: 10})


async def test_a_name_that_graph_takes_for_malformed_costs_nobody_else(contoso: Contoso) -> None:
    contoso.add(*agents(60))
    contoso.spoil(AGENT_20, **refusing(400, "Request_UnsupportedQuery"))
    answers = await resolved(contoso, agents(60))
    assert kinds(answers) == {Found: 59, CouldNotAsk: 1}
    assert isinstance(answers["agent20@contoso.com"], CouldNotAsk)
    assert contoso.paths() == ["/$batch"] * 2


async def test_a_refusal_of_every_filter_is_not_looked_into_name_by_name(contoso: Contoso) -> None:
    contoso.add(*agents(5_000))
    contoso.spoil(BY_NAME, **refusing(400))
    answers = await resolved(contoso, agents(900, start=4_100))
    assert kinds(answers) == {CouldNotAsk: 900}
    assert len(contoso.paths()) == 4


async def test_a_throttled_part_is_asked_again_after_its_time(contoso: Contoso) -> None:
    contoso.add(*agents(60))
    contoso.spoil(AGENT_20, times=1, **refusing(429, headers={"Retry-After": "7"}))
    answers = await resolved(contoso, agents(60))
    assert kinds(answers) == {Found: 60}
    assert len(contoso.paths()) == 2
    assert contoso.clock.now >= 1_007


async def test_a_forbidden_directory_says_what_to_do(contoso: Contoso) -> None:
    contoso.add(*agents(400))
    async with opened(contoso, {"a0": contoso.signed("a0", without="User.Read.All")}) as at:
        answers = await resolve(at, agents(400))
    assert kinds(answers) == {CouldNotAsk: 400}
    (reason,) = {answer.reason for answer in answers.values() if isinstance(answer, CouldNotAsk)}
    assert "Authorization_RequestDenied" in reason
    assert "User.Read.All" in reason


async def test_without_a_sign_in_no_name_is_absent(contoso: Contoso, tmp_path: Path) -> None:
    contoso.add(*agents(400))
    async with opened(contoso, {"a0": contoso.signing_in("a0", tmp_path, secret="wrong")}) as at:
        answers = await resolve(at, agents(401))
        domains = await at.directory.domains()
    assert kinds(answers) == {CouldNotAsk: 401}
    (reason,) = {answer.reason for answer in answers.values() if isinstance(answer, CouldNotAsk)}
    assert "AADSTS7000215" in reason
    assert isinstance(domains, CouldNotAsk) and domains.reason == reason
    assert contoso.paths() == []


async def test_without_an_answer_of_entras_no_name_is_absent(contoso: Contoso, tmp_path: Path) -> None:
    contoso.add(*agents(400))
    contoso.spoil("oauth2|openid-configuration", reset=True)
    async with opened(contoso, {"a0": contoso.signing_in("a0", tmp_path)}) as at:
        answers = await resolve(at, agents(401))
        domains = await at.directory.domains()
    assert kinds(answers) == {CouldNotAsk: 401}
    assert isinstance(domains, CouldNotAsk)
    assert contoso.paths() == []


async def test_a_tenant_that_falls_silent_before_the_evidence_is_not_believed_about_absence(
    contoso: Contoso, tmp_path: Path
) -> None:
    contoso.add("agent0@contoso.com")
    sign_in = contoso.signing_in("a0", tmp_path)

    def lapsing(call: Call, truly: Truly) -> Reply:
        """The sign-in holds until the names are answered."""
        answer = truly(call)
        for app in contoso.tenant.apps.values():
            app.secrets.clear()
        contoso.spoil("/v1.0/", **refusing(401, "InvalidAuthenticationToken"))
        return answer

    contoso.spoil(BATCH, instead=lapsing, times=1)
    async with opened(contoso, {"a0": sign_in}) as at:
        answers = await resolve(at, agents(3))
    assert kinds(answers) == {Found: 1, CouldNotAsk: 2}


async def test_a_tenant_that_knows_none_of_many_is_not_believed(contoso: Contoso) -> None:
    contoso.add("somebody@contoso.com")
    contoso.add_user("jane@contoso.com", mail="agent3@contoso.com")
    contoso.delete("agent4@contoso.com", "2026-11-01T08:00:00Z")
    answers = await resolved(contoso, agents(10))
    assert kinds(answers) == {CouldNotAsk: 8, Absent: 2}
    reason = answers["agent0@contoso.com"]
    assert isinstance(reason, CouldNotAsk)
    assert "any of the 10 agents" in reason.reason and "not believed" in reason.reason


@pytest.mark.parametrize("count", [1, 9])
async def test_a_tenant_that_knows_none_of_few_is_believed_if_it_shows_anybody(contoso: Contoso, count: int) -> None:
    assert kinds(await resolved(contoso, agents(count))) == {CouldNotAsk: count}
    contoso.add("somebody@contoso.com")
    assert kinds(await resolved(contoso, agents(count))) == {Absent: count}
    contoso.spoil(r"\$top=1&", **refusing(403))
    assert kinds(await resolved(contoso, agents(count))) == {CouldNotAsk: count}


async def test_a_tenant_that_lost_all_it_knew_is_not_believed(contoso: Contoso) -> None:
    contoso.add("somebody@contoso.com")
    assert kinds(await resolved(contoso, agents(2), known=["agent1@contoso.com"])) == {CouldNotAsk: 2}
    assert kinds(await resolved(contoso, agents(2), known=["other@contoso.com"])) == {Absent: 2}
