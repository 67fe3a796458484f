"""A recording of requests: whole while somebody records, empty of whatever could be misused, and nobody else's."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.microsoft365.graph import Part
from sync_agent.microsoft365.recording import Recording, RequestRecord, note_parts, recording, safe_path
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import Request, Transport
from tests.microsoft365.contoso import BATCH, SECRET, TENANT, Contoso, changing, opened, refusing
from tests.microsoft365.wires import answer, reset, wire

pytestmark = pytest.mark.anyio

USERS = "/users?$top=2&$select=id"


class Named(msgspec.Struct):
    id: str


def paths(made: Recording) -> list[str]:
    return [record.path for record in made.requests]


async def test_a_request_is_told_with_both_its_ids_its_account_and_its_time(contoso: Contoso) -> None:
    contoso.add("jane@contoso.com")
    async with opened(contoso) as at:
        with recording() as made:
            await at.graph.get("/users/jane@contoso.com?$select=id", Named)
    [record] = made.requests
    [heard] = contoso.heard()
    assert (record.method, record.path) == ("GET", "/v1.0/users/jane@contoso.com?$select=id")
    assert (record.status, record.kind, record.account) == (200, "directory", "a0")
    assert record.host == urlsplit(contoso.world.origin).netloc
    assert record.client_request_id == heard.headers["client-request-id"]
    assert UUID(record.request_id or "")
    assert 0 < record.seconds < 10
    assert record.parts == ()


async def test_nothing_is_noted_before_and_after(contoso: Contoso) -> None:
    contoso.add("jane@contoso.com")
    async with opened(contoso) as at:
        await at.graph.get("/users/jane@contoso.com", Named)
        with recording() as made:
            pass
        await at.graph.get("/users/jane@contoso.com", Named)
        note_parts("nobody's", iter([]))
    assert made.requests == []


async def test_each_repetition_and_each_page_is_a_request(contoso: Contoso) -> None:
    contoso.add("a@contoso.com", "b@contoso.com", "c@contoso.com")
    contoso.spoil("/v1.0/users", **refusing(503), times=1)
    async with opened(contoso) as at:
        with recording() as made:
            [_ async for _ in at.graph.pages(USERS, Named)]
    assert [record.status for record in made.requests] == [503, 200, 200]
    assert len({record.client_request_id for record in made.requests}) == 3
    assert paths(made)[:2] == [f"/v1.0{USERS}"] * 2
    assert "$skiptoken=…" in paths(made)[2].replace("%24", "$")


async def test_a_request_without_answer_has_no_status() -> None:
    async with wire(reset) as wired:
        transport = Transport(ca_bundles=[wired.ca_bundle], retrying=Retrying(attempts=1))
        with recording() as made:
            await asyncio.gather(transport.send(Request("GET", f"{wired.url}/x")), return_exceptions=True)
        await transport.aclose()
        assert [record.client_request_id for record in made.requests] == wired.headers("client-request-id")
    assert [(record.status, record.request_id, record.path) for record in made.requests] == [(None, None, "/x")]


async def test_the_parts_of_a_batch_are_told_with_their_status(contoso: Contoso) -> None:
    contoso.add("jane@contoso.com")
    parts = [Part("GET", "/users/jane@contoso.com?$select=id"), Part("GET", "/users/nobody@contoso.com?$skiptoken=key")]
    async with opened(contoso) as at:
        with recording() as made:
            await at.graph.batch(parts)
    [record] = made.requests
    assert (record.method, record.path, record.status) == ("POST", "/v1.0/$batch", 200)
    assert [(part.method, part.path, part.status) for part in record.parts] == [
        ("GET", "/users/jane@contoso.com?$select=id", 200),
        ("GET", "/users/nobody@contoso.com?$skiptoken=…", 404),
    ]


async def test_a_part_that_was_left_out_of_the_answer_is_told_so(contoso: Contoso) -> None:
    contoso.spoil(BATCH, instead=changing(lambda page: page["responses"].clear()))
    async with opened(contoso) as at:
        with recording() as made:
            await at.graph.batch([Part("GET", "/users")])
    assert [part.status for record in made.requests for part in record.parts] == [0]


async def test_recordings_side_by_side_do_not_mix_and_one_around_them_has_both(contoso: Contoso) -> None:
    names = ["a@contoso.com", "b@contoso.com"]
    contoso.add(*names)
    async with opened(contoso) as at:

        async def ask(name: str) -> Recording:
            with recording() as made:
                for _ in range(3):
                    await at.graph.batch([Part("GET", f"/users/{name}")])
            return made

        with recording() as whole:
            own = await asyncio.gather(*map(ask, names))
    for name, made in zip(names, own, strict=True):
        assert [part.path for record in made.requests for part in record.parts] == [f"/users/{name}"] * 3
    assert len(whole.requests) == 6
    assert all(record.parts for record in whole.requests)


async def test_sign_ins_are_told_and_neither_secret_nor_token_is(contoso: Contoso, tmp_path: Path) -> None:
    """They are made by msal, in a thread."""
    contoso.add("jane@contoso.com")
    async with opened(contoso, {"a0": contoso.signing_in("a0", tmp_path)}) as at:
        with recording() as made:
            await at.graph.get("/users/jane@contoso.com", Named)
            token = await at.graph.tokens.token()
    kinds = [record.kind for record in made.requests]
    assert (kinds[-1], made.requests[-1].account) == ("directory", "a0")
    [sign_in] = [record for record in made.requests if record.path == f"/{TENANT}/oauth2/v2.0/token"]
    assert (sign_in.kind, sign_in.method, sign_in.status) == ("sign-in", "POST", 200)
    everything = orjson.dumps([asdict(record) for record in made.requests]).decode()
    assert token not in everything
    assert SECRET not in everything


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("/users", "/users"),
        ("/users?%24filter=mail%20eq%20'a'&%24skiptoken=abc", "/users?%24filter=mail%20eq%20'a'&%24skiptoken=…"),
        ("/users/delta?$deltatoken=abc", "/users/delta?$deltatoken=…"),
        ("/lists/1/items/delta(token='abc')?$top=1", "/lists/1/items/delta(token=…)?$top=1"),
        ("/x?client_secret=abc&code=abc&SAMLart=abc&sig=abc", "/x?client_secret=…&code=…&SAMLart=…&sig=…"),
        ("/x?flag", "/x?flag"),
        ("/metadata/identity/oauth2/token?api-version=2018", "/metadata/identity/oauth2/token?api-version=2018"),
    ],
)
def test_of_a_query_only_questions_are_told(sent: str, told: str) -> None:
    assert safe_path(sent) == told


@given(st.text(), st.text(st.characters(exclude_characters="&?=")), st.text(min_size=9))
def test_no_value_that_is_not_a_known_question_gets_through(place: str, name: str, value: str) -> None:
    """Whatever it holds, further options included, which are judged for themselves."""
    kept = safe_path(f"/x?${name}=z{value.replace('&', '')}")
    assert kept in {f"/x?${name}=…", f"/x?${name}=z{value.replace('&', '')}"}
    if name.lower() not in {"filter", "select", "top", "count", "expand", "orderby", "search", "skip"}:
        assert kept.endswith("=…")
    assert isinstance(safe_path(place), str)


async def test_an_address_that_is_none_is_told_without_harm() -> None:
    async with wire(answer()) as wired:
        transport = Transport(ca_bundles=[wired.ca_bundle])
        with recording() as made:
            await asyncio.gather(transport.send(Request("GET", "https://[no/x?token=abc")), return_exceptions=True)
            await asyncio.gather(
                transport.send(Request("GET", wired.url.replace("//", "//name:password@"))), return_exceptions=True
            )
        await transport.aclose()
    assert all(isinstance(record, RequestRecord) for record in made.requests)
    assert "password" not in repr(made)
    assert "abc" not in repr(made)
