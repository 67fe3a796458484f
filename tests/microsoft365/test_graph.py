"""Graph sessions over HTTPS: single calls, pages, batches, and answers that must not be believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from starlette.responses import Response

from sync_agent.microsoft365.errors import Garbled, NotFound, Overtaken, Refused, ServiceError, Throttled
from sync_agent.microsoft365.graph import Graph, Part, PartAnswer
from tests.microsoft365.scripted import Asked, Scripted, Ticking, graph_at, refused, said, scripted

pytestmark = pytest.mark.anyio


class Named(msgspec.Struct):
    id: str


async def read(graph: Graph) -> list[str]:
    return [named.id async for page in graph.pages("/things?$top=2", Named) for named in page]


async def test_a_value_is_decoded_and_the_token_sent() -> None:
    with scripted(lambda asked: said({"id": "1", "more": [1]})) as service:
        async with graph_at(service) as graph:
            assert (await graph.get("/thing", Named)).id == "1"
    assert service.asked[0].headers["authorization"] == "Bearer token"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(404, "Request_ResourceNotFound"), NotFound),
        (refused(403, "Authorization_RequestDenied"), Refused),
        (refused(412), Overtaken),
        (said({"name": "no id"}), Garbled),
        (Response("<html>sign in</html>", 200, media_type="text/html"), Garbled),
        (Response('{"id": "1', 200, media_type="application/json"), Garbled),
    ],
)
async def test_what_is_no_answer_is_told_as_what_it_is(answer: Response, error: type[ServiceError]) -> None:
    with scripted(lambda asked: answer) as service:
        async with graph_at(service) as graph:
            with pytest.raises(error):
                await graph.get("/thing", Named)


async def test_a_patch_carries_its_etag_and_is_not_repeated_when_the_service_breaks() -> None:
    with scripted(lambda asked: said({"id": "1"})) as service:
        async with graph_at(service) as graph:
            await graph.patch("/thing", {"a": 1}, Named, etag='"7"')
            service.answering = lambda asked: refused(500)
            with pytest.raises(Garbled):
                await graph.patch("/thing", {"a": 1}, Named, etag='"7"')
    assert [asked.headers["if-match"] for asked in service.asked] == ['"7"', '"7"']


@pytest.mark.parametrize(("text", "count"), [("893", 893), ("\ufeff893", 893), ("0\n", 0)])
async def test_a_count_is_plain_text(text: str, count: int) -> None:
    with scripted(lambda asked: Response(text, media_type="text/plain")) as service:
        async with graph_at(service) as graph:
            assert await graph.count("/users/$count") == count
    assert service.asked[0].headers["consistencylevel"] == "eventual"


@pytest.mark.parametrize("text", ["", "many", "-1", "<html>", "12.5"])
async def test_a_count_that_is_no_number_is_not_believed(text: str) -> None:
    with scripted(lambda asked: Response(text, media_type="text/plain")) as service:
        async with graph_at(service) as graph:
            with pytest.raises(Garbled):
                await graph.count("/users/$count")


async def test_pages_follow_the_link_as_it_was_given() -> None:
    link = "$top=2&$skiptoken=RFNwdAIAAQ%27AB%2B%26%25%23%3D+%20:,~x%C3%A9"

    def answering(asked: Asked) -> Response:
        if "skiptoken" in asked.raw_query:
            return said({"value": [{"id": "3"}]})
        return said({"value": [{"id": "1"}, {"id": "2"}], "@odata.nextLink": f"{service.url}/v1.0/things?{link}"})

    with scripted(answering) as service:
        async with graph_at(service) as graph:
            assert await read(graph) == ["1", "2", "3"]
    assert parse_qsl(service.asked[1].raw_query) == parse_qsl(link)


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/things",
        "https://127.0.0.1@evil.example/v1.0/things",
        "http://127.0.0.1/v1.0/things",
        "//evil.example/things",
        "things?next",
        "{url}.evil.example/v1.0/things",
        "{url}/v1.0/things\r\nX: y",
    ],
)
async def test_a_link_to_elsewhere_does_not_get_our_token(link: str) -> None:
    def answering(asked: Asked) -> Response:
        return said({"value": [], "@odata.nextLink": link.replace("{url}", service.url)})

    with scripted(answering) as service:
        async with graph_at(service) as graph:
            with pytest.raises(Garbled):
                await read(graph)
    assert len(service.asked) == 1


async def test_pages_that_go_in_a_circle_end_as_an_error() -> None:
    def answering(asked: Asked) -> Response:
        at = int(asked.query.get("at", "0"))
        return said({"value": [{"id": str(at)}], "@odata.nextLink": f"{service.url}/v1.0/things?at={(at + 1) % 3}"})

    with scripted(answering) as service:
        async with graph_at(service) as graph:
            with pytest.raises(Garbled, match="circle"):
                await read(graph)
    assert len(service.asked) <= 5


@pytest.mark.parametrize("page", [{}, {"value": None}, {"value": {"id": "1"}}, {"value": [{}]}, [], {"error": {}}])
async def test_a_page_without_its_list_is_no_empty_page(page: object) -> None:
    with scripted(lambda asked: said(page)) as service:
        async with graph_at(service) as graph:
            with pytest.raises(Garbled):
                await read(graph)


PartAnswering = Callable[[dict[str, Any]], dict[str, Any]]


def batch_of(answer: PartAnswering) -> Callable[[Asked], Response]:
    """Answer each part of a batch, in reverse order."""

    def answering(asked: Asked) -> Response:
        assert asked.path == "/$batch"
        parts = asked.json()["requests"]
        assert len(parts) <= 20
        return said({"responses": [{"id": part["id"], **answer(part)} for part in reversed(parts)]})

    return answering


def echo(part: dict[str, Any]) -> dict[str, Any]:
    return {"status": 200, "headers": {"Content-Type": "application/json"}, "body": {"id": part["url"]}}


def gets(count: int) -> list[Part]:
    return [Part("GET", f"/things/{index}") for index in range(count)]


def ids(answers: list[PartAnswer]) -> list[str]:
    return [answer.json(Named).id for answer in answers]


async def batch(service: Scripted, parts: list[Part], clock: Ticking | None = None) -> list[PartAnswer]:
    async with graph_at(service, clock) as graph:
        return await graph.batch(parts)


@pytest.mark.parametrize(("count", "requests"), [(0, 0), (1, 1), (20, 1), (21, 2), (205, 11)])
async def test_a_batch_of_any_size_is_answered_in_its_order(count: int, requests: int) -> None:
    with scripted(batch_of(echo)) as service:
        answers = await batch(service, gets(count))
    assert ids(answers) == [f"/things/{index}" for index in range(count)]
    assert len(service.asked) == requests


async def test_a_batch_spends_the_units_of_all_its_parts() -> None:
    clock = Ticking()
    with scripted(batch_of(echo)) as service:
        async with graph_at(service, clock, units=45) as graph:
            await graph.batch([Part("GET", "/things", units=2) for _ in range(60)])
    assert clock.now >= 1_000 + 10  # 120 units, 45 of them in 10 s: 40, wait, 40, wait, 40
    assert sum(clock.slept) >= 20 - 0.2


async def test_a_part_carries_headers_and_body() -> None:
    with scripted(batch_of(echo)) as service:
        await batch(service, [Part("PATCH", "/things/1", headers={"If-Match": '"7"'}, body={"a": "é"})])
    (part,) = service.asked[0].json()["requests"]
    assert part["headers"] == {"If-Match": '"7"', "Content-Type": "application/json"}
    assert part["body"] == {"a": "é"}


async def test_only_throttled_parts_are_sent_again_after_their_time() -> None:
    clock, tries = Ticking(), dict.fromkeys(range(20), 0)

    def answer(part: dict[str, Any]) -> dict[str, Any]:
        number = int(part["url"].rpartition("/")[2])
        tries[number] += 1
        if number in {3, 7} and tries[number] == 1:
            return {"status": 429, "headers": {"Retry-After": 4 if number == 3 else "9"}, "body": {"error": {}}}
        return echo(part)

    with scripted(batch_of(answer)) as service:
        answers = await batch(service, gets(20), clock)
    assert ids(answers) == [f"/things/{index}" for index in range(20)]
    assert [len(asked.json()["requests"]) for asked in service.asked] == [20, 2]
    assert clock.now >= 1_009


async def test_a_part_throttled_for_good_fails_alone() -> None:
    throttled = {"status": 429, "headers": None, "body": {"error": {"code": "TooManyRequests", "message": "slow"}}}
    with scripted(batch_of(lambda part: throttled if part["url"] == "/things/3" else echo(part))) as service:
        answers = await batch(service, gets(5))
    assert [index for index, answer in enumerate(answers) if answer.failure] == [3]
    assert isinstance(answers[3].failure, Throttled)
    assert len(service.asked) == 3


async def test_nobody_waits_an_hour_for_a_part() -> None:
    clock = Ticking()
    throttled = {"status": 503, "headers": {"Retry-After": "3600"}}
    with scripted(batch_of(lambda part: throttled)) as service:
        (answer,) = await batch(service, gets(1), clock)
    assert isinstance(answer.failure, Throttled)
    assert answer.failure.retry_after == 3600
    assert clock.now == 1_000


@pytest.mark.parametrize(("method", "sent"), [("GET", 3), ("PATCH", 1)])
async def test_a_part_that_broke_is_repeated_only_where_it_reads(method: str, sent: int) -> None:
    with scripted(batch_of(lambda part: {"status": 500, "body": {"error": {"code": "Oops"}}})) as service:
        (answer,) = await batch(service, [Part(method, "/things/1", body={} if method == "PATCH" else None)])
    assert isinstance(answer.failure, Garbled)
    assert len(service.asked) == sent


async def test_each_part_has_its_own_failure() -> None:
    statuses = {"0": 200, "1": 404, "2": 400, "3": 403, "4": 412, "5": 302}

    def answer(part: dict[str, Any]) -> dict[str, Any]:
        status = statuses[part["id"]]
        return {"status": status, "body": {"id": "x"} if status == 200 else {"error": {"code": f"E{status}"}}}

    with scripted(batch_of(answer)) as service:
        answers = await batch(service, gets(6))
    failures = [type(answer.failure) for answer in answers]
    assert failures == [type(None), NotFound, Refused, Refused, Overtaken, Garbled]
    assert [answer.status for answer in answers] == list(statuses.values())
    with pytest.raises(NotFound):
        answers[1].json(Named)


def _left_out(responses: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return responses[1:]


def _twice(responses: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [responses[0], *responses]


def _unasked(responses: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**responses[0], "id": "77"}, *responses[1:]]


@pytest.mark.parametrize("spoil", [_left_out, _twice, _unasked])
async def test_a_part_without_its_one_answer_is_garbled_and_the_others_are_not(
    spoil: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
) -> None:
    def answering(asked: Asked) -> Response:
        responses = [{"id": part["id"], **echo(part)} for part in asked.json()["requests"]]
        return said({"responses": spoil(responses)})

    with scripted(answering) as service:
        answers = await batch(service, gets(4))
    assert isinstance(answers[0].failure, Garbled)
    assert ids(answers[1:]) == ["/things/1", "/things/2", "/things/3"]


async def test_a_batch_that_fails_as_a_whole_fails_its_own_parts_only() -> None:
    def answering(asked: Asked) -> Response:
        if '"/things/0"' in asked.body.decode():
            return refused(403, "Authorization_RequestDenied")
        return batch_of(echo)(asked)

    with scripted(answering) as service:
        answers = await batch(service, gets(30))
    assert all(isinstance(answer.failure, Refused) for answer in answers[:20])
    assert ids(answers[20:]) == [f"/things/{index}" for index in range(20, 30)]


@pytest.mark.parametrize(
    "body", ["", "{}", '{"responses": {}}', '{"responses": [{"id": "0"}]}', '{"responses": [{"id": "0", "sta']
)
async def test_what_is_no_batch_answer_is_garbled(body: str) -> None:
    with scripted(lambda asked: Response(body, media_type="application/json")) as service:
        (answer,) = await batch(service, gets(1))
    assert isinstance(answer.failure, Garbled)


async def test_a_part_whose_body_is_another_is_garbled() -> None:
    with scripted(batch_of(lambda part: {"status": 200, "body": "PGh0bWw+"})) as service:
        (answer,) = await batch(service, gets(1))
    assert json.loads(answer.body) == "PGh0bWw+"
    with pytest.raises(Garbled):
        answer.json(Named)
