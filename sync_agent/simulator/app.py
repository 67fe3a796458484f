"""The embedded Microsoft 365 as one ASGI application: Entra, Graph and SharePoint behind one address."""

from __future__ import annotations

import asyncio
import gzip
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any

from sync_agent.simulator import (
    devices,
    entra,
    graph_applications,
    graph_batch,
    graph_list_columns,
    graph_list_creation,
    graph_list_delta,
    graph_lists,
    graph_presence,
    graph_subscriptions,
    graph_user_delta,
    graph_users,
    machine_identity,
    rest_batch,
    sharepoint_rest,
    wire,
)
from sync_agent.simulator.faults import Fault
from sync_agent.simulator.wire import Call, Failure, Reply, Route, json_reply
from sync_agent.simulator.world import World

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_WORTH_COMPRESSING = 1_000


class Application:
    """Routes each request, spoils it where a fault says so, and answers after the world's latency."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._routes: list[Route] = [
            *graph_batch.routes(self._part),
            *rest_batch.routes(self._part),
            *graph_presence.routes(),
            *graph_subscriptions.routes(),
            *graph_user_delta.routes(),
            *graph_users.routes(),
            *graph_applications.routes(),
            *graph_lists.routes(),
            *graph_list_columns.routes(),
            *graph_list_creation.routes(),
            *graph_list_delta.routes(),
            *sharepoint_rest.routes(),
            *entra.routes(),
            *devices.routes(),
            *machine_identity.routes(),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        call = await _call(self.world, scope, receive)
        self.world.heard.append(call)
        fault = self.world.faults.strike(call)
        await asyncio.sleep(self.world.latency + (fault.delay if fault else 0.0))
        if fault is not None and fault.reset:
            _connection(send).abort()
            return
        if fault is not None and fault.silent:
            await _client_gone(receive)
            return
        if graph_subscriptions.asks_elsewhere(call):
            reply = await asyncio.to_thread(self._reply, call, fault)
        else:
            reply = self._reply(call, fault)
        if fault is not None and fault.on_its_way:
            await asyncio.sleep(fault.on_its_way)
        await _answer(call, reply, send, cut=fault is not None and fault.cut)

    def _reply(self, call: Call, fault: Fault | None) -> Reply:
        return self.dispatch(call) if fault is None else fault.answer(call, self.dispatch)

    def dispatch(self, call: Call) -> Reply:
        """The true answer to one request, errors included."""
        self.world.requests["all"] += 1
        try:
            reply = wire.dispatch(self._routes, call)
        except Failure as error:
            inner = {"request-id": str(uuid.uuid4()), "client-request-id": call.headers.get("client-request-id", "")}
            body = {"error": {"code": error.code, "message": error.message, "innerError": inner}}
            reply = json_reply(body, error.status, error.headers)
        return reply

    def _part(self, call: Call) -> Reply:
        """The answer to one request of a batch."""
        fault = self.world.faults.strike(call, part=True)
        return self.dispatch(call) if fault is None else fault.answer(call, self.dispatch)


async def _call(world: World, scope: Scope, receive: Receive) -> Call:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    target = scope["raw_path"].decode() + "?" + scope["query_string"].decode()
    return wire.call(world, scope["method"], target, headers, body)


async def _answer(call: Call, reply: Reply, send: Send, *, cut: bool) -> None:
    body = reply.body
    headers = {
        "date": formatdate(call.world.clock(), usegmt=True),
        "request-id": str(uuid.uuid4()),
        "client-request-id": call.headers.get("client-request-id", ""),
        **reply.headers,
    }
    if len(body) > _WORTH_COMPRESSING and "gzip" in call.headers.get("accept-encoding", "") and call.world.compress:
        body = gzip.compress(body, compresslevel=1)
        headers["content-encoding"] = "gzip"
    if reply.status != 204:
        headers["content-length"] = str(len(body))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    if cut:
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        _connection(send).close()
        return
    await send({"type": "http.response.body", "body": body})


async def _client_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _connection(send: Send) -> asyncio.Transport:
    """uvicorn's own connection: ASGI has no words for a connection that breaks."""
    return send.__self__.transport  # type: ignore[attr-defined, no-any-return]


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
