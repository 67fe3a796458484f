"""Office365-REST-Python-Client on our transport, against SharePoint: its requests are like all others of ours."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import pytest
from office365.sharepoint.client_context import ClientContext

from sync_agent import __version__
from sync_agent.microsoft365.errors import Garbled, NotFound, Overtaken, Refused, ServiceError, Throttled, Unreachable
from sync_agent.microsoft365.office365_bridge import client_context, run
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import Transport
from sync_agent.simulator.lists import SharePointList, agent_list
from sync_agent.simulator.wire import Call
from sync_agent.simulator.world import Site
from tests.microsoft365.contoso import TENANT, Contoso, refusing, saying

pytestmark = pytest.mark.anyio

T = TypeVar("T")

LISTS = r"(?i)GET /sites/ucc/_api/web/lists\b"
CREATE = "(?i)POST /sites/ucc/_api/web/lists/.*/fields"


class Tokens:
    """A token that SharePoint takes; before it, one that it refuses, if there is one."""

    account = "contoso"

    def __init__(self, good: str, stale: str = "") -> None:
        self._good = good
        self._stale = stale

    async def token(self) -> str:
        return self._stale or self._good

    async def renew(self, rejected: str) -> None:
        if rejected == self._stale:
            self._stale = ""


@dataclass(slots=True)
class SharePoint:
    """Contoso's site with its list, and the way there."""

    contoso: Contoso
    agents: SharePointList
    transport: Transport
    tokens: Tokens
    budget: Budget

    def context(self) -> ClientContext:
        return client_context(f"{self.contoso.world.origin}/sites/ucc", self.transport, self.tokens, self.budget)

    async def ask(self, question: Callable[[ClientContext], T]) -> T:
        context = self.context()
        return await run(lambda: question(context))

    def heard(self) -> list[Call]:
        return list(self.contoso.world.heard)


@asynccontextmanager
async def sharepoint(contoso: Contoso, stale: str = "", units: float = 1_000) -> AsyncIterator[SharePoint]:
    world, clock = contoso.world, contoso.clock
    app = contoso.app("contoso")
    agents = agent_list("Agents")
    site = Site("44444444-0000-4000-8000-000000000004", "/sites/ucc", TENANT, "Contact centre")
    site.lists[agents.id] = agents
    site.grants[app.client_id] = "manage"
    world.sites[site.path] = site
    token, _ = world.mint.access_token(world, contoso.tenant, app, world.origin, by_certificate=True)
    transport = Transport(retrying=Retrying(attempts=3), sleep=clock.sleep)
    budget = Budget("SharePoint", units, 60, clock=clock, sleep=clock.sleep)
    try:
        yield SharePoint(contoso, agents, transport, Tokens(token, stale), budget)
    finally:
        await transport.aclose()


def titles(context: ClientContext) -> list[str]:
    return [found.properties["Title"] for found in context.web.lists.get().select(["Id", "Title"]).execute_query()]


def add_column(context: ClientContext, name: str = "Squad") -> Any:
    return (
        context.web.lists.get_by_title("Agents")
        .fields.create_field_as_xml(f'<Field Type="Text" Name="{name}" DisplayName="{name}"/>')
        .execute_query()
    )


async def refusal(at: SharePoint, question: Callable[[ClientContext], Any] = titles) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        await at.ask(question)
    assert len(caught.value.reason.splitlines()) == 1
    return caught.value


async def test_the_library_reads_and_writes_by_our_transport(contoso: Contoso) -> None:
    async with sharepoint(contoso) as at:
        assert await at.ask(titles) == ["Agents"]
        await at.ask(add_column)
        assert "Squad" in at.agents.columns
        assert at.transport.requests == {"list": len(at.heard())}
        assert len(at.heard()) == 2


async def test_its_requests_say_who_we_are_and_have_ids_of_their_own(contoso: Contoso) -> None:
    async with sharepoint(contoso) as at:
        for _ in range(3):
            await at.ask(titles)
        await at.ask(add_column)
        headers = [call.headers for call in at.heard()]
    assert {one["user-agent"] for one in headers} == {f"NONISV|SyncAgent|sync-agent/{__version__}"}
    ids = [UUID(one["client-request-id"]) for one in headers]
    assert len(set(ids)) == 4


async def test_they_carry_our_token_once_renewed_when_refused(contoso: Contoso) -> None:
    async with sharepoint(contoso, stale="stale") as at:
        assert await at.ask(titles) == ["Agents"]
        await at.ask(add_column)
        shown = [call.headers["authorization"] for call in at.heard()]
        good = f"Bearer {await at.tokens.token()}"
    assert shown == ["Bearer stale", good, good]


async def test_no_form_digest_is_asked_for(contoso: Contoso) -> None:
    """Nor sent: a bearer token needs none, and a context per unit of work would ask for one each time."""
    async with sharepoint(contoso) as at:
        await at.ask(titles)
        await at.ask(add_column)
        assert not [call.path for call in at.heard() if "contextinfo" in call.path.lower()]
        assert not [call for call in at.heard() if "x-requestdigest" in call.headers]


async def test_they_are_paced_by_the_budget(contoso: Contoso) -> None:
    async with sharepoint(contoso, units=4) as at:
        for _ in range(4):
            await at.ask(titles)
        assert contoso.clock.now - 1_000 == pytest.approx(60, abs=0.5)


async def test_a_retry_after_is_kept_by_the_transport_and_the_library_does_not_add_to_it(contoso: Contoso) -> None:
    contoso.spoil(LISTS, **refusing(429, headers={"retry-after": "9"}), times=2)
    async with sharepoint(contoso) as at:
        assert await at.ask(titles) == ["Agents"]
        assert len(at.heard()) == 3
    assert contoso.clock.slept == [9, 9]


async def test_throttled_for_good_is_our_error(contoso: Contoso) -> None:
    contoso.spoil(LISTS, **refusing(503, headers={"retry-after": "9"}))
    async with sharepoint(contoso) as at:
        error = await refusal(at)
        assert isinstance(error, Throttled)
        assert error.retry_after == 9
        assert len(at.heard()) == 3


async def test_a_write_that_broke_is_not_repeated_and_a_read_is(contoso: Contoso) -> None:
    contoso.spoil(CREATE, status=502, body=b"<html>Bad gateway")
    contoso.spoil(LISTS, status=502, body=b"<html>Bad gateway", times=2)
    async with sharepoint(contoso) as at:
        assert isinstance(await refusal(at, add_column), Garbled)
        assert len(at.heard()) == 1
        assert await at.ask(titles) == ["Agents"]
        assert len(at.heard()) == 4


async def test_a_lost_connection_is_our_error(contoso: Contoso) -> None:
    contoso.spoil(LISTS, reset=True)
    async with sharepoint(contoso) as at:
        assert isinstance(await refusal(at), Unreachable)
        assert len(at.heard()) == 3


@pytest.mark.parametrize("status", [200, 201])
async def test_a_page_in_place_of_data_is_not_an_empty_list(contoso: Contoso, status: int) -> None:
    contoso.spoil("(?i)/lists", status=status, body=b"<html>Sign in</html>", headers={"request-id": "11-22"})
    async with sharepoint(contoso) as at:
        for question in (titles, add_column):
            error = await refusal(at, question)
            assert isinstance(error, Garbled)
            assert error.request_id == "11-22"
            assert error.reason.endswith(" answered with text/html, not JSON: a proxy or a sign-in page?")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"d": {"results": [{"Id": "1", "Ti',
        b"null",
        b"[]",
        b"7",
        b'"x"',
        b"{}",
        b'{"d": null}',
        b'{"d": []}',
        b'{"d": 7}',
        b'{"d": {"results": 7}}',
        b'{"d": {"results": [7]}}',
        b'{"d": {"results": [null]}}',
        b'{"value": "\xff"}',
    ],
)
async def test_json_of_another_shape_is_garbled(contoso: Contoso, body: bytes) -> None:
    contoso.spoil(LISTS, status=200, body=body, headers={"content-type": "application/json"})
    async with sharepoint(contoso) as at:
        assert isinstance(await refusal(at), Garbled)


async def test_a_cut_off_answer_is_no_answer(contoso: Contoso) -> None:
    contoso.spoil(LISTS, cut=True)
    async with sharepoint(contoso) as at:
        error = await refusal(at)
    assert isinstance(error, Unreachable)
    assert error.reason.endswith("its answer was cut off")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "-1, Microsoft.SharePoint.Client.InvalidClientQueryException", Refused),
        (401, "x", Refused),
        (403, "-2147024891, System.UnauthorizedAccessException", Refused),
        (404, "-1, System.ArgumentException", NotFound),
        (409, "-2130575305, Microsoft.SharePoint.SPException", Overtaken),
        (412, "-1, Microsoft.SharePoint.Client.ClientServiceException", Overtaken),
        (500, "-2130575294, Microsoft.SharePoint.SPDuplicateFieldException", Garbled),
    ],
)
async def test_its_errors_are_ours(contoso: Contoso, status: int, code: str, kind: type[ServiceError]) -> None:
    said = {"error": {"code": code, "message": {"lang": "en-US", "value": "Not so."}}}
    contoso.spoil(CREATE, **saying(said, status, {"sprequestguid": "11-22", "request-id": "11-22"}))
    async with sharepoint(contoso) as at:
        error = await refusal(at, add_column)
    assert type(error) is kind
    assert error.request_id == "11-22"
    assert f"{status}, {code}: Not so, request 11-22" in error.told


async def test_contexts_side_by_side_do_not_mix_up_their_requests(contoso: Contoso) -> None:
    async with sharepoint(contoso) as at:
        ids = [at.agents.add({"Title": f"Agent {number}"}) for number in range(30)]

        def title(context: ClientContext, row_id: int) -> str:
            item = context.web.lists.get_by_title("Agents").items.get_by_id(row_id)
            return str(item.get().select(["Title"]).execute_query().properties["Title"])

        asked = (at.ask(lambda context, row_id=row_id: title(context, row_id)) for row_id in ids)  # type: ignore[misc]
        assert await asyncio.gather(*asked) == [f"Agent {number}" for number in range(30)]


async def test_the_loop_is_free_while_the_library_waits(contoso: Contoso) -> None:
    contoso.spoil(LISTS, delay=0.05, times=1)
    async with sharepoint(contoso) as at:
        threads = set()

        def noting(context: ClientContext) -> list[str]:
            threads.add(threading.current_thread())
            return titles(context)

        asked = asyncio.create_task(at.ask(noting))
        turns = 0
        while not asked.done():
            await asyncio.sleep(0)
            turns += 1
        assert await asked == ["Agents"]
    assert turns > 10
    assert threading.main_thread() not in threads


async def test_a_mistake_of_ours_is_not_blamed_on_sharepoint(contoso: Contoso) -> None:
    async with sharepoint(contoso) as at:
        with pytest.raises(ZeroDivisionError):
            await at.ask(lambda _: 1 // 0)
