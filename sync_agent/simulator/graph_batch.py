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
    parts = _parts(call)
    answers: dict[str, dict[str, Any]] = {}
    for part in parts:
        answers[part["id"]] = _answer(call, part, answers, dispatch)
    shuffled = list(answers.values())
    call.world.random.shuffle(shuffled)
    return json_reply({"responses": shuffled})


def _parts(call: Call) -> list[dict[str, Any]]:
    """Raises Failure(400) for a batch that cannot be told apart or put in order; none of its parts is done then."""
    parts = call.json().get("requests")
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        raise Failure(400, "BadRequest", "Invalid batch payload format.")
    if len(parts) > MOST_PARTS:
        raise Failure(400, "BadRequest", f"Number of batch request steps exceeds the maximum value of {MOST_PARTS}.")
    seen: set[str] = set()
    for part in parts:
        id_ = part.get("id")
        if not isinstance(id_, str) or not id_ or id_.lower() in seen:
            raise Failure(400, "BadRequest", "Each request of a batch needs an id of its own.")
        if not part.get("method") or not part.get("url"):
            raise Failure(400, "BadRequest", f"Request '{id_}' of the batch needs a method and a url.")
        if not seen.issuperset(str(parent).lower() for parent in part.get("dependsOn") or ()):
            raise Failure(400, "BadRequest", f"Request '{id_}' of the batch depends on none before it.")
        seen.add(id_.lower())
    return parts


def _answer(call: Call, part: dict[str, Any], before: dict[str, dict[str, Any]], dispatch: Dispatch) -> dict[str, Any]:
    id_ = part["id"]
    failed = {known.lower() for known, answer in before.items() if answer["status"] >= 400}
    if not failed.isdisjoint(parent.lower() for parent in part.get("dependsOn") or ()):
        return _failed(id_, 424, "FailedDependency", "A request that this one depends on failed.")
    # Everything after a # never reaches a server: a UPN with a raw # is cut off here as there.
    url = str(part["url"]).partition("#")[0]
    if "://" in url.partition("?")[0]:
        return _failed(id_, 400, "BadRequest", "The url of a request in a batch is relative.")
    if url.partition("?")[0].strip("/").lower() == "$batch":
        return _failed(id_, 400, "BadRequest", "A batch cannot hold another batch.")
    headers = {str(name).lower(): str(value) for name, value in (part.get("headers") or {}).items()}
    if "body" in part and "content-type" not in headers:
        return _failed(id_, 400, "BadRequest", "A request of a batch with a body needs a Content-Type header.")
    body = orjson.dumps(part["body"]) if "body" in part else b""
    own = {"authorization": call.headers.get("authorization", ""), **headers}
    target = f"/v1.0/{url.removeprefix('/')}"
    return _rendered(id_, dispatch(wire.call(call.world, str(part["method"]).upper(), target, own, body)))


def _rendered(id_: str, reply: Reply) -> dict[str, Any]:
    answer: dict[str, Any] = {"id": id_, "status": reply.status, "headers": reply.headers}
    if reply.body:
        is_json = "json" in reply.headers.get("content-type", "")
        answer["body"] = orjson.Fragment(reply.body) if is_json else base64.b64encode(reply.body).decode()
    return answer


def _failed(id_: str, status: int, code: str, message: str) -> dict[str, Any]:
    return {"id": id_, "status": status, "headers": {}, "body": {"error": {"code": code, "message": message}}}
