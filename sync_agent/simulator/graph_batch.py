"""$batch: up to 20 requests in one, answered in any order, each charged by itself."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import orjson

from sync_agent.simulator import wire
from sync_agent.simulator.tokens import graph_principal
from sync_agent.simulator.wire import Call, Failure, Reply, Route, json_reply, route

MOST_PARTS = 20

Dispatch = Callable[[Call], Reply]


def routes(dispatch: Dispatch) -> list[Route]:
    return [route("POST", r"/v1\.0/\$batch", lambda call: _batch(call, dispatch))]


def _batch(call: Call, dispatch: Dispatch) -> Reply:
    graph_principal(call)
    call.world.requests["batch"] += 1
    parts = call.json().get("requests")
    if not isinstance(parts, list) or not parts:
        raise Failure(400, "BadRequest", "Invalid batch payload format.")
    if len(parts) > MOST_PARTS:
        raise Failure(400, "BadRequest", f"Number of batch request steps exceeds the maximum value of {MOST_PARTS}.")
    ids = [part.get("id") for part in parts]
    if len(set(ids)) != len(ids) or not all(isinstance(id_, str) and id_ for id_ in ids):
        raise Failure(400, "BadRequest", "Each request of a batch needs an id of its own.")
    answers: dict[str, dict[str, Any]] = {}
    for part in parts:
        answers[part["id"]] = _answer(call, part, answers, dispatch)
    shuffled = list(answers.values())
    call.world.random.shuffle(shuffled)
    return json_reply({"responses": shuffled})


def _answer(call: Call, part: dict[str, Any], before: dict[str, dict[str, Any]], dispatch: Dispatch) -> dict[str, Any]:
    id_ = part["id"]
    if any(before.get(parent, {}).get("status", 424) >= 400 for parent in part.get("dependsOn", ())):
        return {"id": id_, "status": 424, "headers": {}, "body": {"error": {"code": "FailedDependency", "message": ""}}}
    url = str(part.get("url", ""))
    if "#" in url:
        # Everything after a # never reaches a server: a UPN with a raw # is cut off here as there.
        url = url.partition("#")[0]
    headers = {str(name).lower(): str(value) for name, value in (part.get("headers") or {}).items()}
    if "body" in part and "content-type" not in headers:
        return _failed(id_, 400, "BadRequest", "A request of a batch with a body needs a Content-Type header.")
    body = orjson.dumps(part["body"]) if "body" in part else b""
    target = f"/v1.0{url if url.startswith('/') else '/' + url}"
    own = {"authorization": call.headers.get("authorization", ""), **headers}
    reply = dispatch(wire.call(call.world, str(part.get("method", "GET")).upper(), target, own, body))
    answer: dict[str, Any] = {"id": id_, "status": reply.status, "headers": reply.headers}
    if reply.body:
        is_json = "json" in reply.headers.get("content-type", "")
        answer["body"] = orjson.Fragment(reply.body) if is_json else base64.b64encode(reply.body).decode()
    return answer


def _failed(id_: str, status: int, code: str, message: str) -> dict[str, Any]:
    return {"id": id_, "status": status, "headers": {}, "body": {"error": {"code": code, "message": message}}}
