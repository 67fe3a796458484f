"""One way of asking for everybody's presence, measured in a process of its own: `python -m bench.contenders NAME URL
CA_BUNDLE USERS REQUESTS SWEEPS` prints wall and CPU seconds of each sweep as JSON. Also run by the interpreter of
bench/peers.py, so whatever is not in Python itself is imported where it is needed.

``USERS`` are divided as the service divides them; only the first ``REQUESTS`` of a sweep are made.
"""

# ruff: noqa: PLC0415 -- what one of the ways imports, another cannot, or must not pay for

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bench.fleet import parts

_QUESTION = "/v1.0/communications/getPresencesByUserId"
_GRAPH = "https://graph.microsoft.com"

Sweep = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class At:
    url: str
    ca_bundle: str
    parts: list[list[str]]

    @property
    def token(self) -> str:
        """As long as a real one, and another in each process: the server counts what each asks."""
        return f"{os.getpid():07}" + "t" * 1_800

    @property
    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_bundle)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}


async def floor(at: At) -> Sweep:
    """The bytes read and decoded by the cheapest there is, all at once, and thrown away."""
    import aiohttp
    import orjson

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=at.tls))
    bodies = [orjson.dumps({"ids": part}) for part in at.parts]

    async def one(body: bytes) -> None:
        async with session.post(at.url + _QUESTION, data=body, headers=at.headers) as answer:
            orjson.loads(await answer.read())

    return lambda: asyncio.gather(*map(one, bodies))


async def sync_agent(at: At) -> Sweep:
    from bench.reader import presence_reader

    reader, _ = presence_reader(at.url, at.ca_bundle, 1, name=at.token[:7])
    everybody = tuple(id_ for part in at.parts for id_ in part)

    async def sweep() -> None:
        assert not (await reader.sweep({"tenant": everybody})).failed

    return sweep


async def plain(at: At) -> Sweep:
    """requests and json, one after the other: the plain way."""
    import requests

    session = requests.Session()
    session.verify, session.trust_env = at.ca_bundle, False

    async def sweep() -> None:
        for part in at.parts:
            session.post(at.url + _QUESTION, json={"ids": part}, headers=at.headers, timeout=30).json()

    return sweep


async def office365(at: At) -> Sweep:
    """Office365-REST-Python-Client's own Graph client."""
    import requests
    from office365.graph_client import GraphClient
    from requests.adapters import HTTPAdapter

    class Here(HTTPAdapter):
        """Its address of Graph cannot be set."""

        def send(self, request: requests.PreparedRequest, *args: Any, **how: Any) -> requests.Response:
            assert request.url is not None
            request.url = request.url.replace(_GRAPH, at.url, 1)
            return super().send(request, *args, **how)

    session = requests.Session()
    session.trust_env = False
    session.mount(_GRAPH, Here())
    token = {"token_type": "Bearer", "access_token": at.token, "expires_in": 3_600}
    client = GraphClient(lambda: token).with_transport(session=session, verify=at.ca_bundle)

    async def sweep() -> None:
        for part in at.parts:
            found = client.communications.get_presences_by_user_id(part).execute_query()
            assert len(found) == len(part)

    return sweep


async def msgraph(at: At) -> Sweep:
    """msgraph-sdk, Microsoft's own."""
    import httpx
    from kiota_abstractions.authentication import AllowedHostsValidator, BaseBearerTokenAuthenticationProvider
    from msgraph import GraphServiceClient
    from msgraph.generated.communications.get_presences_by_user_id import (
        get_presences_by_user_id_post_request_body as question,
    )
    from msgraph.graph_request_adapter import GraphRequestAdapter
    from msgraph_core import GraphClientFactory

    class Known:
        async def get_authorization_token(self, uri: str, context: object = None) -> str:
            return at.token

        def get_allowed_hosts_validator(self) -> object:
            return AllowedHostsValidator([])

    http = GraphClientFactory.create_with_default_middleware(client=httpx.AsyncClient(verify=at.tls))
    adapter = GraphRequestAdapter(BaseBearerTokenAuthenticationProvider(Known()), http)
    adapter.base_url = f"{at.url}/v1.0"
    asking = GraphServiceClient(request_adapter=adapter).communications.get_presences_by_user_id

    async def sweep() -> None:
        for part in at.parts:
            found = await asking.post(question.GetPresencesByUserIdPostRequestBody(ids=part))
            assert found is not None and len(found.value) == len(part)

    return sweep


async def _one_by_one(at: At, ask: Callable[[bytes], Awaitable[bytes]]) -> Sweep:
    """As they are asked when a sweep is spread over half a second."""
    import orjson

    bodies = [orjson.dumps({"ids": part}) for part in at.parts]

    async def sweep() -> None:
        for body in bodies:
            orjson.loads(await ask(body))

    return sweep


async def aiohttp_1(at: At) -> Sweep:
    import aiohttp

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=at.tls))

    async def ask(body: bytes) -> bytes:
        async with session.post(at.url + _QUESTION, data=body, headers=at.headers) as answer:
            return await answer.read()

    return await _one_by_one(at, ask)


async def _httpx(at: At, *, http2: bool) -> Sweep:
    import httpx

    client = httpx.AsyncClient(verify=at.tls, http1=not http2, http2=http2)

    async def ask(body: bytes) -> bytes:
        answer = await client.post(at.url + _QUESTION, content=body, headers=at.headers)
        assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
        return answer.content

    return await _one_by_one(at, ask)


_WAYS: dict[str, Callable[[At], Awaitable[Sweep]]] = {
    "floor": floor,
    "sync-agent": sync_agent,
    "plain": plain,
    "office365": office365,
    "msgraph": msgraph,
    "aiohttp, HTTP/1.1": aiohttp_1,
    "httpx, HTTP/1.1": lambda at: _httpx(at, http2=False),
    "httpx, HTTP/2": lambda at: _httpx(at, http2=True),
}


async def _measured(name: str, at: At, sweeps: int) -> None:
    """After one that is not counted, which opens the connections."""
    sweep = await _WAYS[name](at)
    await sweep()
    found = []
    for _ in range(sweeps):
        wall, cpu = time.perf_counter(), time.process_time()
        await sweep()
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    print(json.dumps(found), flush=True)
    os._exit(0)  # the connections end with the process


def main() -> None:
    name, url, ca_bundle, users, requests, sweeps = sys.argv[1:]
    at = At(url, ca_bundle, parts(int(users))[: int(requests)])
    asyncio.run(_measured(name, at, int(sweeps)))


if __name__ == "__main__":
    main()
