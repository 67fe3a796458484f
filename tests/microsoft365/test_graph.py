"""Graph sessions over HTTPS: single calls, pages, batches, and answers that must not be believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from sync_agent.microsoft365.errors import (
    Garbled,
    NotFound,
    Overtaken,
    Refused,
    ServiceError,
    Throttled,
    Unreachable,
)
from sync_agent.microsoft365.graph import Graph, Part, PartAnswer
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.lists import ListItem, agent_list
from sync_agent.simulator.wire import Call, Reply
from sync_agent.simulator.world import Site
from tests.microsoft365.contoso import BATCH, COUNT, TENANT, Contoso, changing, id_of, opened, refusing, saying
from tests.microsoft365.resolving import agents

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/json"}
ME = "/users/agent0@contoso.com"


class Named(msgspec.Struct):
    id: str


class Row(msgspec.Struct):
    title: str = msgspec.field(name="Title")


async def get(contoso: Contoso, url: str = ME) -> Named:
    async with opened(contoso) as at:
        return await at.graph.get(url, Named)


async def read(contoso: Contoso, url: str = "/users?$top=2&$select=id") -> list[str]:
    async with opened(contoso) as at:
        return [named.id async for page in at.graph.pages(url, Named) for named in page]


class Shelf:
    """A list with one row, and its address in Graph."""

    def __init__(self, contoso: Contoso) -> None:
        self.list = agent_list("Agents")
        self.list.add({"Title": "Jane", "UPN": "jane@contoso.com"})
        site = Site(id_of("site"), "/sites/ucc", TENANT, "Contact centre", {self.list.id: self.list})
        site.grants[id_of("a0")] = "write"
        contoso.world.sites[site.path] = site
        self._contoso = contoso

    @property
    def row(self) -> ListItem:
        return self.list.items[1]

    async def cells_url(self, graph: Graph) -> str:
        host = urlsplit(self._contoso.world.origin).hostname
        site = await graph.get(f"/sites/{host}:/sites/ucc", Named)
        self._contoso.world.heard.clear()
        return f"/sites/{site.id}/lists/{self.list.id}/items/1/fields"


@pytest.fixture
def shelf(contoso: Contoso) -> Shelf:
    return Shelf(contoso)


async def test_a_value_is_decoded_and_the_token_sent(contoso: Contoso) -> None:
    contoso.add("agent0@contoso.com")
    assert (await get(contoso)).id == id_of("agent0@contoso.com")
    assert contoso.askers() == [id_of("a0")]


async def test_what_graph_refuses_is_told_as_what_it_is(contoso: Contoso) -> None:
    async with opened(contoso) as at:
        with pytest.raises(NotFound, match="Request_ResourceNotFound"):
            await at.graph.get("/users/nobody@contoso.com", Named)
        with pytest.raises(Refused, match="Authorization_RequestDenied") as caught:
            await at.graph.get("/domains", Named)
    assert caught.value.status == 403


@pytest.mark.parametrize(
    ("how", "error"),
    [
        (refusing(412), Overtaken),
        (saying({"name": "no id"}), Garbled),
        ({"status": 200, "body": b"<html>sign in</html>"}, Garbled),
        ({"status": 200, "body": b'{"id": "1', "headers": JSON}, Garbled),
        ({"status": 302, "headers": {"location": "/login"}}, Garbled),
        (refusing(500), Garbled),
        ({"cut": True}, Unreachable),
        ({"reset": True}, Unreachable),
    ],
)
async def test_what_is_no_answer_is_told_as_what_it_is(
    contoso: Contoso, how: dict[str, Any], error: type[ServiceError]
) -> None:
    contoso.add("agent0@contoso.com")
    contoso.spoil(ME, **how)
    with pytest.raises(error):
        await get(contoso)


async def test_a_patch_carries_its_etag(contoso: Contoso, shelf: Shelf) -> None:
    async with opened(contoso) as at:
        url, etag = await shelf.cells_url(at.graph), shelf.row.etag
        assert (await at.graph.patch(url, {"Title": "Zoë"}, Row, etag=etag)).title == "Zoë"
        with pytest.raises(Overtaken):
            await at.graph.patch(url, {"Title": "late"}, Row, etag=etag)
    assert shelf.row.fields["Title"] == "Zoë"


async def test_a_patch_is_not_repeated_when_the_service_breaks(contoso: Contoso, shelf: Shelf) -> None:
    async with opened(contoso) as at:
        url = await shelf.cells_url(at.graph)
        contoso.spoil("PATCH", **refusing(500))
        with pytest.raises(Garbled):
            await at.graph.patch(url, {"Title": "Zoë"}, Row)
    assert len(contoso.paths()) == 1


@pytest.mark.parametrize("mark", ["", "\ufeff"])
async def test_a_count_is_plain_text(contoso: Contoso, mark: str) -> None:
    contoso.add(*agents(3))

    def marked(call: Call, truly: Truly) -> Reply:
        reply = truly(call)
        return Reply(reply.status, f"{mark}{reply.body.decode('utf-8-sig')}\n".encode(), reply.headers)

    contoso.spoil(COUNT, instead=marked)
    async with opened(contoso) as at:
        assert await at.graph.count("/users/$count") == 3


@pytest.mark.parametrize("text", [b"", b"many", b"-1", b"<html>", b"12.5"])
async def test_a_count_that_is_no_number_is_not_believed(contoso: Contoso, text: bytes) -> None:
    contoso.spoil(COUNT, status=200, body=text, headers={"content-type": "text/plain"})
    async with opened(contoso) as at:
        with pytest.raises(Garbled):
            await at.graph.count("/users/$count")


async def test_all_pages_are_read(contoso: Contoso) -> None:
    contoso.add(*agents(5))
    assert await read(contoso) == [id_of(upn) for upn in agents(5)]
    assert contoso.paths() == ["/users"] * 3


def leading_to(link: str) -> Callable[[Call, Truly], Reply]:
    """A page that names this as the next."""
    return changing(lambda page: page.update({"@odata.nextLink": link}))


async def test_pages_follow_the_link_as_it_was_given(contoso: Contoso) -> None:
    link = "$top=2&$skiptoken=RFNwdAIAAQ%27AB%2B%26%25%23%3D+%20:,~x%C3%A9"
    contoso.add(*agents(2))
    contoso.spoil("skiptoken", **saying({"value": [{"id": "3"}]}))
    contoso.spoil("/users", instead=leading_to(f"{contoso.world.origin}/v1.0/users?{link}"))
    assert await read(contoso) == [*map(id_of, agents(2)), "3"]
    assert contoso.heard()[1].query == dict(parse_qsl(link))


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/users",
        "https://127.0.0.1@evil.example/v1.0/users",
        "http://127.0.0.1/v1.0/users",
        "http://{host}/v1.0/users",
        "//evil.example/users",
        "users?next",
        "{url}.evil.example/v1.0/users",
        "{url}/v1.0/users\r\nX: y",
    ],
)
async def test_a_link_to_elsewhere_does_not_get_our_token(contoso: Contoso, link: str) -> None:
    url = contoso.world.origin
    there = link.replace("{url}", url).replace("{host}", urlsplit(url).netloc)
    contoso.spoil("/users", instead=leading_to(there))
    with pytest.raises(Garbled):
        await read(contoso)
    assert len(contoso.heard("/")) == 1


async def test_pages_that_go_in_a_circle_end_as_an_error(contoso: Contoso) -> None:
    contoso.add(*agents(5))
    links: list[str] = []

    def in_a_circle(page: dict[str, Any]) -> None:
        """After the last page comes the second."""
        links.append(page.get("@odata.nextLink") or links[0])
        page["@odata.nextLink"] = links[-1]

    contoso.spoil("/users", instead=changing(in_a_circle))
    with pytest.raises(Garbled, match="circle"):
        await read(contoso)
    assert len(contoso.paths()) == 3


@pytest.mark.parametrize("page", [{}, {"value": None}, {"value": {"id": "1"}}, {"value": [{}]}, [], {"error": {}}])
async def test_a_page_without_its_list_is_no_empty_page(contoso: Contoso, page: object) -> None:
    contoso.spoil("/users", **saying(page))
    with pytest.raises(Garbled):
        await read(contoso)


def gets(count: int) -> list[Part]:
    return [Part("GET", f"/users/{upn}?$select=id") for upn in agents(count)]


def one(number: int) -> str:
    """The part that asks for an agent."""
    return rf"GET /v1\.0/users/agent{number}@"


async def batch(contoso: Contoso, parts: list[Part]) -> list[PartAnswer]:
    async with opened(contoso) as at:
        return await at.graph.batch(parts)


def ids(answers: list[PartAnswer]) -> list[str]:
    return [answer.json(Named).id for answer in answers]


def sizes(contoso: Contoso) -> list[int]:
    """How many parts each batch had."""
    return [len(call.json()["requests"]) for call in contoso.heard("/$batch")]


@pytest.mark.parametrize(("count", "batches"), [(0, []), (1, [1]), (20, [20]), (21, [1, 20]), (205, [5, *[20] * 10])])
async def test_a_batch_of_any_size_is_answered_in_its_order(contoso: Contoso, count: int, batches: list[int]) -> None:
    contoso.add(*agents(count))
    answers = await batch(contoso, gets(count))
    assert ids(answers) == [id_of(upn) for upn in agents(count)]
    assert sorted(sizes(contoso)) == batches


async def test_a_batch_spends_the_units_of_all_its_parts(contoso: Contoso) -> None:
    contoso.add(*agents(60))
    async with opened(contoso, units=45, window=10) as at:
        await at.graph.batch([Part(part.method, part.url, units=2) for part in gets(60)])
    assert contoso.clock.now >= 1_000 + 10  # 120 units, 45 of them in 10 s: 40, wait, 40, wait, 40
    assert sum(contoso.clock.slept) >= 20 - 0.2


async def test_a_part_carries_headers_and_body(contoso: Contoso, shelf: Shelf) -> None:
    async with opened(contoso) as at:
        url, headers = await shelf.cells_url(at.graph), {"If-Match": shelf.row.etag}
        (first,) = await at.graph.batch([Part("PATCH", url, headers, {"Title": "é"})])
        (late,) = await at.graph.batch([Part("PATCH", url, headers, {"Title": "late"})])
    assert first.json(Row).title == "é"
    assert isinstance(late.failure, Overtaken)
    assert shelf.row.fields["Title"] == "é"


async def test_only_throttled_parts_are_sent_again_after_their_time(contoso: Contoso) -> None:
    contoso.add(*agents(20))
    contoso.spoil(one(3), times=1, **refusing(429, headers={"Retry-After": "4"}))
    contoso.spoil(one(7), times=1, **refusing(429, headers={"Retry-After": "9"}))
    answers = await batch(contoso, gets(20))
    assert ids(answers) == [id_of(upn) for upn in agents(20)]
    assert sizes(contoso) == [20, 2]
    assert contoso.clock.now >= 1_009


async def test_a_retry_after_that_is_a_number_is_read_too(contoso: Contoso) -> None:
    contoso.add(*agents(1))

    def in_numbers(answer: dict[str, Any]) -> None:
        for part in answer["responses"]:
            part["headers"] = {"Retry-After": 4}

    contoso.spoil(BATCH, instead=changing(in_numbers))
    contoso.spoil(one(0), times=1, **refusing(429))
    assert ids(await batch(contoso, gets(1))) == [id_of("agent0@contoso.com")]
    assert contoso.clock.now == 1_004


@pytest.mark.parametrize("headers", [None, {}])
async def test_a_part_throttled_for_good_fails_alone(contoso: Contoso, headers: object) -> None:
    contoso.add(*agents(5))

    def bare(answer: dict[str, Any]) -> None:
        for part in answer["responses"]:
            part["headers"] = headers

    contoso.spoil(BATCH, instead=changing(bare))
    contoso.spoil(one(3), **refusing(429, "TooManyRequests"))
    answers = await batch(contoso, gets(5))
    assert [index for index, answer in enumerate(answers) if answer.failure] == [3]
    assert isinstance(answers[3].failure, Throttled)
    assert sizes(contoso) == [5, 1, 1]


async def test_nobody_waits_an_hour_for_a_part(contoso: Contoso) -> None:
    contoso.spoil(one(0), **refusing(503, headers={"Retry-After": "3600"}))
    (answer,) = await batch(contoso, gets(1))
    assert isinstance(answer.failure, Throttled)
    assert answer.failure.retry_after == 3600
    assert contoso.clock.now == 1_000
    assert sizes(contoso) == [1]


async def test_a_part_that_broke_is_repeated_only_where_it_reads(contoso: Contoso, shelf: Shelf) -> None:
    async with opened(contoso) as at:
        url = await shelf.cells_url(at.graph)
        contoso.spoil("^(GET|PATCH)", **refusing(500, "Oops"))
        (got,) = await at.graph.batch([Part("GET", url)])
        assert sizes(contoso) == [1, 1, 1]
        contoso.world.heard.clear()
        (patched,) = await at.graph.batch([Part("PATCH", url, body={"Title": "é"})])
        assert sizes(contoso) == [1]
    assert isinstance(got.failure, Garbled)
    assert isinstance(patched.failure, Garbled)


async def test_each_part_has_its_own_failure(contoso: Contoso, shelf: Shelf) -> None:
    contoso.add(*agents(1))
    contoso.spoil("/moved", status=302)
    async with opened(contoso) as at:
        cells = await shelf.cells_url(at.graph)
        parts = [Part("GET", url) for url in (ME, "/users/nobody@contoso.com", "/users?$top=0", "/domains", "/moved")]
        answers = await at.graph.batch([*parts, Part("PATCH", cells, {"If-Match": '"another"'}, {"Title": "é"})])
    failures = [type(answer.failure) for answer in answers]
    assert failures == [type(None), NotFound, Refused, Refused, Garbled, Overtaken]
    assert [answer.status for answer in answers] == [200, 404, 400, 403, 302, 412]
    with pytest.raises(NotFound):
        answers[1].json(Named)


def _left_out(responses: list[Any], first: dict[str, Any]) -> None:
    responses.remove(first)


def _twice(responses: list[Any], first: dict[str, Any]) -> None:
    responses.append(first)


def _another_id(responses: list[Any], first: dict[str, Any]) -> None:
    first["id"] = "77"


@pytest.mark.parametrize("spoil", [_left_out, _twice, _another_id])
async def test_a_part_without_its_one_answer_is_garbled_and_the_others_are_not(
    contoso: Contoso, spoil: Callable[[list[Any], dict[str, Any]], None]
) -> None:
    def spoilt(answer: dict[str, Any]) -> None:
        (first,) = (part for part in answer["responses"] if part["id"] == "0")
        spoil(answer["responses"], first)

    contoso.add(*agents(4))
    contoso.spoil(BATCH, instead=changing(spoilt))
    answers = await batch(contoso, gets(4))
    assert isinstance(answers[0].failure, Garbled)
    assert ids(answers[1:]) == [id_of(upn) for upn in agents(4)[1:]]


async def test_a_batch_that_fails_as_a_whole_fails_its_own_parts_only(contoso: Contoso) -> None:
    contoso.add(*agents(30))
    contoso.spoil(BATCH, holding=b'"/users/agent0@contoso.com?', **refusing(403, "Authorization_RequestDenied"))
    answers = await batch(contoso, gets(30))
    assert all(isinstance(answer.failure, Refused) for answer in answers[:20])
    assert ids(answers[20:]) == [id_of(upn) for upn in agents(30)[20:]]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"responses": {}}', b'{"responses": [{"id": "0"}]}', b'{"responses": [{"id": "0", "sta']
)
async def test_what_is_no_batch_answer_is_garbled(contoso: Contoso, body: bytes) -> None:
    contoso.spoil(BATCH, status=200, body=body, headers=JSON)
    (answer,) = await batch(contoso, gets(1))
    assert isinstance(answer.failure, Garbled)


async def test_a_part_whose_body_is_another_is_garbled(contoso: Contoso) -> None:
    contoso.spoil(one(0), status=200, body=b"<html>")
    (answer,) = await batch(contoso, gets(1))
    assert json.loads(answer.body) == "PGh0bWw+"
    with pytest.raises(Garbled):
        answer.json(Named)
