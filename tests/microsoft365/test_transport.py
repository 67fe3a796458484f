"""One request and its answer: how we introduce ourselves, what is believed, and what is said when nothing comes."""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import structlog

from sync_agent import __version__
from sync_agent.microsoft365.errors import Garbled, ServiceError, Unreachable
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import Answer, Bounds, Request, Transport
from tests.microsoft365.contoso import Contoso, Ticking, refusing, saying
from tests.microsoft365.wires import Doing, Wire, answer, drip, half, proxy, reset, silence, wire

pytestmark = pytest.mark.anyio

USERS = "/v1.0/users"
USER_AGENT = f"NONISV|SyncAgent|sync-agent/{__version__}"


class Page(msgspec.Struct):
    value: list[int]


class Tokens:
    """A token source with one token after the other; ``renewed`` holds those that were refused."""

    account = "a0"

    def __init__(self, *tokens: str) -> None:
        self._left = list(tokens)
        self.renewed: list[str] = []

    async def token(self) -> str:
        return self._left[0]

    async def renew(self, rejected: str) -> None:
        self.renewed.append(rejected)
        self._left.pop(0)


@asynccontextmanager
async def transport(*bundles: Path, **more: Any) -> AsyncIterator[Transport]:
    """Impatient, and in a time of its own."""
    made = Transport(
        ca_bundles=bundles, retrying=more.pop("retrying", Retrying(attempts=2)), sleep=Ticking().sleep, **more
    )
    try:
        yield made
    finally:
        await made.aclose()


async def over(wired: Wire, path: str = "/x", request: dict[str, Any] | None = None, **more: Any) -> Answer:
    async with transport(wired.ca_bundle, **more) as made:
        return await made.send(Request("GET", wired.url + path, **(request or {})))


async def trouble(wired: Wire, **more: Any) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        await over(wired, **more)
    assert "\n" not in caught.value.reason
    return caught.value


def host(wired: Wire) -> str:
    return wired.url.removeprefix("https://")


async def test_every_request_says_who_we_are(contoso: Contoso, tmp_path: Path) -> None:
    """Sign-ins by msal too; for the Office365 library see its bridge."""
    async with transport() as made:
        tokens = contoso.signing_in("a0", tmp_path)(made)
        for method in ("GET", "POST"):
            await made.send(Request(method, contoso.world.origin + USERS, tokens=tokens, body=b"{}"))
    heard = list(contoso.world.heard)
    assert {"/v1.0/users"} < {call.path for call in heard}
    assert [call.path for call in heard if "/oauth2/v2.0/token" in call.path]
    assert {call.headers["user-agent"] for call in heard} == {USER_AGENT}
    assert re.fullmatch(r"NONISV\|\w+\|[\w-]+/\d+\.\d+\.\d+", USER_AGENT)


async def test_every_request_has_an_id_of_its_own_the_repeated_ones_too(contoso: Contoso) -> None:
    contoso.spoil(USERS, **refusing(503), times=2)
    async with transport(retrying=Retrying(attempts=3)) as made:
        for _ in range(2):
            await made.send(Request("GET", contoso.world.origin + USERS))
    ids = [UUID(call.headers["client-request-id"]) for call in contoso.heard()]
    assert len(set(ids)) == len(ids) == 4


@pytest.mark.parametrize("header", ["request-id", "sprequestguid", "x-ms-request-id"])
async def test_the_services_id_of_a_request_is_in_its_answer_and_in_errors(header: str) -> None:
    broken = answer(b"<html>", "500 Oops", "text/html", f"{header}: 11-22")
    async with wire(answer(headers=f"{header}: 11-22"), broken) as wired:
        got = await over(wired)
        assert got.request_id == "11-22"
        with pytest.raises(Garbled) as caught:
            got.json(list[str])
        assert caught.value.request_id == "11-22"
        error = await trouble(wired)
    assert error.request_id == "11-22"
    assert error.reason == f"A request to {host(wired)} failed: the service answered 500, no explanation given"
    assert error.told == f"{error.reason}, request 11-22"


async def test_without_an_answer_our_own_id_is_in_the_error() -> None:
    async with wire(reset) as wired:
        error = await trouble(wired)
        assert error.request_id == wired.headers("client-request-id")[-1]


async def test_a_refused_token_is_renewed(contoso: Contoso) -> None:
    good = await contoso.signed("a0")(Transport()).token()
    tokens = Tokens("stale", good)
    async with transport() as made:
        got = await made.send(Request("GET", contoso.world.origin + USERS, tokens=tokens, repeatable=False))
    assert got.status == 200
    assert tokens.renewed == ["stale"]
    assert [call.headers["authorization"] for call in contoso.heard()] == ["Bearer stale", f"Bearer {good}"]


async def test_a_token_is_renewed_once(contoso: Contoso) -> None:
    tokens = Tokens("stale", "stale too", "never asked for")
    async with transport(retrying=Retrying(attempts=9)) as made:
        got = await made.send(Request("GET", contoso.world.origin + USERS, tokens=tokens))
    assert got.status == 401
    assert tokens.renewed == ["stale"]
    assert len(contoso.heard()) == 2


async def test_without_a_token_source_a_refusal_is_an_answer(contoso: Contoso) -> None:
    async with transport() as made:
        assert (await made.send(Request("GET", contoso.world.origin + USERS))).status == 401
    (call,) = contoso.heard()
    assert "authorization" not in call.headers


async def test_requests_are_counted_by_kind(contoso: Contoso) -> None:
    contoso.spoil(USERS, **refusing(503), times=1)
    async with transport() as made:
        await made.send(Request("GET", contoso.world.origin + USERS, kind="directory"))
        await made.send(Request("GET", contoso.world.origin, kind="list"))
        assert made.requests == {"directory": 2, "list": 1}


@pytest.mark.parametrize(
    "target",
    [
        "/a%27b/c%2Fd%2fe",
        "/getbytitle('O''Brien')/items(7)",
        "/x?$filter=startswith(mail,%27a%27)%20or%20id%20eq%201&$top=5",
        "/x?$skiptoken=Paged%3DTRUE%26p_ID%3D5000&a=b+c&d=%2B",
        "/x?e=%C3%A9&t=a~b!c*d(e)",
    ],
)
async def test_addresses_go_out_as_they_are(target: str) -> None:
    async with wire(answer()) as wired:
        await over(wired, target)
    assert wired.targets == [target]


@pytest.mark.parametrize(
    "url", ["/x?q=jane", "ftp://h/x?q=jane", "https:///x?q=jane", "https://h:99999/jane", "https://h/\njane"]
)
async def test_what_is_no_address_is_not_asked(url: str) -> None:
    async with transport() as made:
        with pytest.raises(Garbled, match="an address that is none") as caught:
            await made.send(Request("GET", url))
    assert "jane" not in "".join(traceback.format_exception(caught.value))


async def test_no_cookie_of_one_request_goes_out_with_another() -> None:
    setting = answer(headers="Set-Cookie: session=of-a; Path=/; Secure")
    async with wire(setting, name="localhost") as wired, transport(wired.ca_bundle) as made:
        for _ in range(3):
            await made.send(Request("GET", wired.url))
    assert len(wired.heard) == 3
    assert wired.headers("cookie") == []


async def test_connections_are_used_again() -> None:
    async with wire(answer()) as wired, transport(wired.ca_bundle) as made:
        for _ in range(5):
            await made.send(Request("GET", wired.url))
    assert (len(wired.heard), wired.connections) == (5, 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(contoso: Contoso, status: int) -> None:
    contoso.spoil(
        USERS, status=status, headers={"location": f"{contoso.world.origin}/elsewhere", "request-id": "11-22"}
    )
    async with transport() as made:
        with pytest.raises(Garbled, match=rf"sent us elsewhere \({status}\)") as caught:
            await made.send(Request("GET", contoso.world.origin + USERS, tokens=Tokens("t")))
    assert caught.value.request_id == "11-22"
    assert [call.path for call in contoso.world.heard] == [USERS]


@pytest.mark.parametrize(
    ("body", "type_", "told"),
    [
        (b"<html>Sign in</html>", "text/html", "answered with text/html, not JSON: a proxy or a sign-in page"),
        (b"[]", "", "answered with no content type, not JSON"),
        (b"[[1], [2", "application/json", "gave another answer than expected"),
        (b"", "application/json", "gave another answer than expected"),
        (b'{"value": []}', "application/json;odata=verbose", "gave another answer than expected"),
        (b'[["\xff"]]', "application/json", "gave another answer than expected"),
        (b"[" * 100_000, "application/json", "gave another answer than expected"),
    ],
)
async def test_what_is_not_the_json_asked_for_is_not_believed(
    contoso: Contoso, body: bytes, type_: str, told: str
) -> None:
    contoso.spoil(USERS, status=200, body=body, headers={"content-type": type_})
    async with transport() as made:
        got = await made.send(Request("GET", contoso.world.origin + USERS))
    assert got.body == body
    with pytest.raises(Garbled, match=told):
        got.json(list[list[Any]])


async def test_json_of_the_shape_asked_for_is_given(contoso: Contoso) -> None:
    contoso.spoil(USERS, **saying({"value": [1, 2], "more": None}))
    async with transport() as made:
        got = await made.send(Request("GET", contoso.world.origin + USERS))
    assert got.json(Page).value == [1, 2]


@pytest.mark.parametrize(
    ("doing", "told"),
    [
        (silence, "no answer in time"),
        (drip, "no answer in time"),
        (reset, "it closed the connection without an answer"),
        (half, "its answer was cut off"),
        (b"SMTP ready\r\n\r\n", "its answer cannot be read"),
        (answer(b"no gzip", headers="Content-Encoding: gzip"), "its answer cannot be read"),
    ],
)
async def test_no_answer_is_told_in_a_sentence(doing: bytes | Doing, told: str) -> None:
    async with wire(doing) as wired:
        async with asyncio.timeout(5):
            error = await trouble(wired, bounds=Bounds(read=0.1, whole=0.3))
    assert isinstance(error, Unreachable)
    assert error.reason == f"{host(wired)} could not be reached: {told}"


async def test_a_slow_answer_is_waited_for_as_long_as_it_comes_in_time() -> None:
    async def slowly(writer: asyncio.StreamWriter) -> None:
        for byte in answer(b"{}"):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.001)

    async with wire(slowly) as wired:
        assert (await over(wired, bounds=Bounds(read=1.0, whole=5.0))).body == b"{}"


@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_without_end_is_not_read_to_its_end(packed: bool) -> None:
    """However few bytes it takes on the wire, and without a second try."""
    body = gzip.compress(b" " * 3_000_000) if packed else b" " * 3_000_000
    async with wire(answer(body, headers="Content-Encoding: gzip" if packed else "")) as wired:
        error = await trouble(wired, bounds=Bounds(bytes=2 * 2**20))
        assert len(wired.heard) == 1
    assert isinstance(error, Garbled)
    assert error.reason.endswith("sent more than 2 MiB in one answer")


async def test_a_packed_answer_is_unpacked() -> None:
    async with wire(answer(gzip.compress(b'{"a": 1}'), headers="Content-Encoding: gzip")) as wired:
        assert (await over(wired)).json(dict[str, int]) == {"a": 1}
        (accepted,) = wired.headers("accept-encoding")
        assert "gzip" in accepted


async def test_a_name_that_nobody_has_is_told() -> None:
    async with transport() as made:
        with pytest.raises(Unreachable, match=r"^contoso\.invalid could not be reached: its name cannot be resolved$"):
            await made.send(Request("GET", "https://contoso.invalid/x"))


@pytest.mark.parametrize(
    "doing",
    [
        reset,
        silence,
        half,
        answer(status="500 Oops"),
        answer(status="429 Slow down"),
        answer(status="302 Found"),
        b"SMTP\r\n\r\n",
    ],
)
async def test_tokens_are_in_no_log_and_no_exception(doing: bytes | Doing, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with wire(doing) as wired:
        with structlog.testing.capture_logs() as logged:
            error = await trouble(wired, request={"tokens": Tokens("s3cret")}, bounds=Bounds(read=0.1))
        assert wired.headers("authorization")[0] == "Bearer s3cret"
    assert "s3cret" not in told_by(error) + caplog.text + repr(logged)


async def test_what_is_logged_of_a_request_names_both_ids(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "sync_agent")
    async with wire(answer(headers="request-id: 11-22")) as wired:
        with structlog.testing.capture_logs() as logged:
            await over(wired, "/x?q=jane", {"tokens": Tokens("s3cret")})
        (ours,) = wired.headers("client-request-id")
    (line,) = logged
    assert (line["id"], line["client_request_id"], line["path"]) == ("11-22", ours, "/x")


async def test_the_proxys_password_is_in_no_exception() -> None:
    for refusing_ in ("407 Proxy Authentication Required", ""):
        async with proxy(refusing_) as via, wire(reset) as wired:
            error = await trouble(wired, proxy=f"http://me:s3cret@{via.address}")
            assert via.passwords
        assert "s3cret" not in told_by(error)
    async with proxy() as via:
        gone = via.address
    async with wire(answer()) as wired:
        error = await trouble(wired, proxy=f"http://me:s3cret@{gone}")
    assert error.reason == f"{host(wired)} could not be reached: the proxy cannot be reached: Connection refused"
    assert "s3cret" not in told_by(error)


def told_by(error: BaseException) -> str:
    """All that a log or a debugger's view of it and its causes may show."""
    shown = ["".join(traceback.format_exception(error))]
    cause: BaseException | None = error
    while cause is not None:
        shown += [repr(cause), repr(vars(cause))]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "".join(shown)


async def test_a_blocking_library_sends_by_the_same_transport_from_its_thread(contoso: Contoso) -> None:
    request = Request("GET", contoso.world.origin + USERS, kind="list")
    async with transport() as made:
        assert (await asyncio.to_thread(made.from_thread, request)).status == 401
        assert made.requests == {"list": 1}
        with pytest.raises(RuntimeError, match="await send"):
            made.from_thread(request)


async def test_a_caller_who_leaves_ends_his_request() -> None:
    heard, left = asyncio.Event(), asyncio.Event()

    async def until_he_leaves(writer: asyncio.StreamWriter) -> None:
        heard.set()
        await writer.wait_closed()
        left.set()

    async with wire(until_he_leaves) as wired, transport(wired.ca_bundle) as made:
        asked = asyncio.create_task(made.send(Request("GET", wired.url)))
        await heard.wait()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await asyncio.wait_for(left.wait(), 5)
        assert len(wired.heard) == 1
