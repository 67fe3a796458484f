"""Faults spoil what they are meant to spoil, as often as they are told, and nothing else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sync_agent.microsoft365.errors import Unreachable
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import Answer, Request, Transport
from sync_agent.simulator.faults import Fault, Faults, Truly
from sync_agent.simulator.wire import Call, Reply, call
from sync_agent.simulator.world import World
from tests.microsoft365.contoso import Contoso, changing, fresh_contoso, id_of, refusing

pytestmark = pytest.mark.anyio

ONCE = Retrying(attempts=1)
JANE, BOB = "jane.o'hara@contoso.com", "bob@contoso.com"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def contoso(monkeypatch: pytest.MonkeyPatch) -> Contoso:
    fresh = fresh_contoso()
    monkeypatch.setenv("SSL_CERT_FILE", str(fresh.ca_bundle))
    fresh.add(JANE, BOB)
    return fresh


class Asking:
    """One try for each question, whatever comes of it."""

    def __init__(self, contoso: Contoso, transport: Transport) -> None:
        self._root = f"{contoso.world.origin}/v1.0"
        self._transport = transport
        self._tokens = contoso.signed("a0")(transport)

    async def get(self, upn: str) -> Answer:
        return await self._send("GET", f"/users/{upn.replace(chr(39), '%27')}?$select=id")

    async def batch(self, *upns: str) -> dict[str, dict[str, Any]]:
        """The answer to each name's part."""
        urls = {str(number): f"/users/{upn}?$select=id" for number, upn in enumerate(upns)}
        parts = [{"id": id_, "method": "GET", "url": url} for id_, url in urls.items()]
        answer = await self._send("POST", "/$batch", json.dumps({"requests": parts}).encode())
        by_id = {part["id"]: part for part in json.loads(answer.body)["responses"]}
        return {upn: by_id[str(number)] for number, upn in enumerate(upns)}

    async def presence(self, *ids: str) -> Answer:
        return await self._send("POST", "/communications/getPresencesByUserId", json.dumps({"ids": ids}).encode())

    async def _send(self, method: str, path: str, body: bytes | None = None) -> Answer:
        headers = JSON if body else {}
        return await self._transport.send(Request(method, self._root + path, headers, body, self._tokens))


@asynccontextmanager
async def asking(contoso: Contoso) -> AsyncIterator[Asking]:
    transport = Transport(ca_bundles=[contoso.ca_bundle], retrying=ONCE, sleep=contoso.clock.sleep)
    try:
        yield Asking(contoso, transport)
    finally:
        await transport.aclose()


def target_of(fault: Fault, target: str, *, body: bytes = b"", part: bool = False, method: str = "GET") -> bool:
    """Whether the fault strikes a request for this, as it is on the wire."""
    faults = Faults()
    faults.add(fault.pattern, holding=fault.holding, status=fault.status, delay=fault.delay)
    return faults.strike(call(World(), method, target, {}, body), part=part) is not None


@pytest.mark.parametrize(
    ("pattern", "struck"),
    [
        (r"^GET /v1\.0/users\?\$filter=mail eq 'o''hara\+x@contoso\.com'&\$top=5$", True),
        ("o''hara", True),
        ("%27", False),
        ("^POST", False),
        ("/v1.0/users$", False),
    ],
)
def test_a_pattern_is_searched_in_what_was_asked_with_its_encoding_undone(pattern: str, struck: bool) -> None:
    target = "/v1.0/users?$filter=mail%20eq%20%27o%27%27hara%2Bx@contoso.com%27&$top=5"
    assert target_of(Fault(pattern, status=500), target) is struck


@pytest.mark.parametrize(("body", "struck"), [(b'{"ids": ["1", "2"]}', True), (b'{"ids": ["2"]}', False), (b"", False)])
def test_a_fault_can_be_for_certain_bodies_only(body: bytes, struck: bool) -> None:
    fault = Fault("POST", holding=b'"1"', status=500)
    assert target_of(fault, "/v1.0/x", body=body, method="POST") is struck


def test_a_part_of_a_batch_has_no_connection_that_could_be_slow() -> None:
    fault = Fault("/v1.0/x", delay=9.0)
    assert target_of(fault, "/v1.0/x")
    assert not target_of(fault, "/v1.0/x", part=True)


async def test_a_status_is_answered_without_carrying_the_request_out(contoso: Contoso) -> None:
    contoso.spoil("bob@", status=418, body=b"tea", headers={"content-type": "text/plain", "x-pot": "brown"})
    async with asking(contoso) as ask:
        answer = await ask.get(BOB)
        assert (answer.status, answer.body, answer.headers["x-pot"]) == (418, b"tea", "brown")
        assert contoso.world.requests["directory"] == 0
        assert (await ask.get(JANE)).status == 200
        assert contoso.world.requests["directory"] == 1


async def test_the_true_answer_can_be_changed(contoso: Contoso) -> None:
    contoso.spoil("bob@", instead=changing(lambda user: user.update(id="another")))
    async with asking(contoso) as ask:
        assert json.loads((await ask.get(BOB)).body)["id"] == "another"
        assert json.loads((await ask.get(JANE)).body)["id"] == id_of(JANE)


async def test_a_request_can_be_carried_out_as_another(contoso: Contoso) -> None:
    def as_jane(asked: Call, truly: Truly) -> Reply:
        asked.path = asked.path.replace(BOB, JANE)
        return truly(asked)

    contoso.spoil("bob@", instead=as_jane)
    async with asking(contoso) as ask:
        assert json.loads((await ask.get(BOB)).body)["id"] == id_of(JANE)


async def test_a_part_of_a_batch_is_spoilt_alone(contoso: Contoso) -> None:
    contoso.spoil("users/bob@", **refusing(429, headers={"Retry-After": "7"}))
    async with asking(contoso) as ask:
        answers = await ask.batch(JANE, BOB)
    assert answers[JANE]["body"]["id"] == id_of(JANE)
    assert (answers[BOB]["status"], answers[BOB]["headers"]["Retry-After"]) == (429, "7")


async def test_a_batch_and_its_parts_are_each_struck_by_their_own_fault(contoso: Contoso) -> None:
    contoso.spoil("users/bob@", **refusing(404))
    contoso.spoil(r"\$batch", instead=changing(lambda answer: answer["responses"].reverse()))
    contoso.spoil(".", **refusing(500))
    async with asking(contoso) as ask:
        answers = await ask.batch(JANE, BOB)
    assert (answers[BOB]["status"], answers[JANE]["status"]) == (404, 500)


async def test_the_first_rule_that_fits_strikes(contoso: Contoso) -> None:
    contoso.spoil("jane", status=404)
    contoso.spoil("users", status=403)
    async with asking(contoso) as ask:
        assert [(await ask.get(upn)).status for upn in (JANE, BOB)] == [404, 403]


@pytest.mark.parametrize(
    ("how", "statuses"),
    [
        ({}, [400, 400, 400, 400, 400]),
        ({"times": 2}, [400, 400, 200, 200, 200]),
        ({"every": 2}, [200, 400, 200, 400, 200]),
        ({"every": 2, "times": 1}, [200, 400, 200, 200, 200]),
        ({"times": 0}, [200, 200, 200, 200, 200]),
    ],
)
async def test_a_fault_strikes_as_often_as_it_is_told(
    contoso: Contoso, how: dict[str, int], statuses: list[int]
) -> None:
    contoso.spoil("bob@", status=400, **how)
    async with asking(contoso) as ask:
        assert [(await ask.get(BOB)).status for _ in statuses] == statuses


async def test_faults_can_be_mended(contoso: Contoso) -> None:
    contoso.spoil("bob@", status=400)
    contoso.mend()
    async with asking(contoso) as ask:
        assert (await ask.get(BOB)).status == 200


@pytest.mark.parametrize(
    ("how", "words"), [({"cut": True}, "cut off"), ({"reset": True}, "closed the connection|Connection reset")]
)
async def test_a_connection_breaks(contoso: Contoso, how: dict[str, bool], words: str) -> None:
    contoso.spoil("bob@", times=1, **how)
    async with asking(contoso) as ask:
        with pytest.raises(Unreachable, match=words):
            await ask.get(BOB)
        assert (await ask.get(BOB)).status == 200


@pytest.mark.parametrize(("how", "carried_out"), [({"cut": True}, 1), ({"reset": True}, 0)])
async def test_what_is_cut_off_was_carried_out_and_what_is_dropped_was_not(
    contoso: Contoso, how: dict[str, bool], carried_out: int
) -> None:
    contoso.spoil("bob@", **how)
    async with asking(contoso) as ask:
        with pytest.raises(Unreachable, match="could not be reached"):
            await ask.get(BOB)
    assert contoso.world.requests["directory"] == carried_out


async def test_what_was_heard_is_kept_as_far_as_there_is_room(contoso: Contoso) -> None:
    async with asking(contoso) as ask:
        await ask.get(BOB)
        await ask.batch(JANE, BOB)
        await ask.presence(id_of(BOB))
    paths = [heard.path for heard in contoso.world.heard]
    assert paths == [f"/v1.0/users/{BOB}", "/v1.0/$batch", "/v1.0/communications/getPresencesByUserId"]
    assert World().heard.maxlen == 0
