"""Each way to fail does what its name says, to a page of users and to a part of a batch."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from sync_agent.microsoft365.errors import Garbled, Throttled, Unreachable
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import Answer, Bounds, Request, Transport
from sync_agent.simulator.failures import FAILURES
from tests.microsoft365.contoso import Contoso, fresh_contoso

pytestmark = pytest.mark.anyio

PAGE = "/v1.0/users?$select=id&$top=2"
THREE = ("ann@contoso.com", "bob@contoso.com", "cid@contoso.com")


@pytest.fixture
def contoso() -> Contoso:
    fresh = fresh_contoso()
    fresh.add(*THREE)
    return fresh


async def answer(contoso: Contoso, failure: str, *, body: bytes | None = None) -> Answer:
    """To one request that fails so."""
    contoso.spoil("/users", **FAILURES[failure])
    transport = Transport(
        ca_bundles=[contoso.ca_bundle],
        retrying=Retrying(attempts=1),
        bounds=Bounds(read=0.5),
        sleep=contoso.clock.sleep,
    )
    tokens = contoso.signed("a0")(transport)
    method, path = ("GET", PAGE) if body is None else ("POST", "/v1.0/$batch")
    headers = {"content-type": "application/json"}
    try:
        return await transport.send(Request(method, contoso.world.origin + path, headers, body, tokens))
    finally:
        await transport.aclose()


@pytest.mark.parametrize("failure", ["reset", "silence", "cut off"])
async def test_no_answer(contoso: Contoso, failure: str) -> None:
    with pytest.raises(Unreachable):
        await answer(contoso, failure)


async def test_a_silence_ends_when_the_client_gives_up(contoso: Contoso) -> None:
    with pytest.raises(Unreachable):
        await answer(contoso, "silence")
    contoso.mend()
    assert (await answer(contoso, "page twice")).status == 200


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal(contoso: Contoso, status: int) -> None:
    told = await answer(contoso, str(status))
    assert (told.status, json.loads(told.body)["error"]["code"] != "") == (status, True)


@pytest.mark.parametrize("failure", ["429", "429, seconds", "429, date", "503"])
async def test_fewer_requests_are_wanted(contoso: Contoso, failure: str) -> None:
    with pytest.raises(Throttled) as caught:
        await answer(contoso, failure)
    assert caught.value.retry_after == (2.0 if "," in failure else None)


@pytest.mark.parametrize("failure", ["500", "html", "truncated", "empty"])
async def test_an_answer_that_is_none(contoso: Contoso, failure: str) -> None:
    with pytest.raises(Garbled):
        (await answer(contoso, failure)).json(dict[str, Any])


async def test_pages_that_come_twice_or_without_end(contoso: Contoso) -> None:
    twice = json.loads((await answer(contoso, "page twice")).body)
    ids = [user["id"] for user in twice["value"]]
    assert len(ids) == 4 and len(set(ids)) == 2
    contoso.mend()
    endless = json.loads((await answer(contoso, "endless pages")).body)
    assert endless["@odata.nextLink"] == contoso.world.origin + PAGE


@pytest.mark.parametrize("failure", sorted(FAILURES.keys() - {"truncated"}))
async def test_a_part_of_a_batch(contoso: Contoso, failure: str) -> None:
    """Only its connection is the batch's; what is truncated in it spoils the whole of it."""
    part = {"id": "1", "method": "GET", "url": "/users?$top=2"}
    told = await answer(contoso, failure, body=json.dumps({"requests": [part]}).encode())
    (said,) = json.loads(told.body)["responses"]
    expected = FAILURES[failure].get("status", 429 if failure == "429, date" else 200)
    assert said["status"] == expected


async def test_the_date_is_ahead_by_the_services_own_clock(contoso: Contoso) -> None:
    part = {"id": "1", "method": "GET", "url": "/users"}
    told = await answer(contoso, "429, date", body=json.dumps({"requests": [part]}).encode())
    headers = {name.lower(): value for name, value in json.loads(told.body)["responses"][0]["headers"].items()}
    ahead = parsedate_to_datetime(headers["retry-after"]) - parsedate_to_datetime(headers["date"])
    assert ahead.total_seconds() == 2
