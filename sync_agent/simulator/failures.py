"""The ways in which an answer of Microsoft's fails to be one, by name, each as the ``how`` of a fault.

Some leave undone what was asked for (a refusal, a connection that breaks at once), others carry it out and lose the
answer on the way: whoever writes cannot tell which.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import JSON, Call, Reply

_LINKS = {"/v1.0/": "@odata.nextLink", "/_api/": "odata.nextLink"}


def _refusal(status: int, code: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    body = json.dumps({"error": {"code": code, "message": f"{code}."}}).encode()
    return {"status": status, "headers": {"content-type": JSON, **(headers or {})}, "body": body}


def _until_a_date(call: Call, truly: Truly) -> Reply:
    """Retry-After as a date, two seconds ahead by the service's own clock."""
    now = call.world.clock()
    dates = {"retry-after": formatdate(now + 2, usegmt=True), "date": formatdate(now, usegmt=True)}
    return Reply(429, b"", dates)


def _truncated(call: Call, truly: Truly) -> Reply:
    """Carried out; of the answer only the first half, which calls itself whole."""
    reply = truly(call)
    return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.headers)


def _twice(call: Call, truly: Truly) -> Reply:
    """A page in which each member comes twice."""
    return _paged(call, truly(call), lambda page: page.update(value=[*page["value"], *page["value"]]))


def _endless(call: Call, truly: Truly) -> Reply:
    """A page whose next one is itself."""
    link = next((name for part, name in _LINKS.items() if part in call.path), None)
    query = "&".join(f"{name}={value}" for name, value in call.query.items())
    own = f"{call.world.origin}{call.path}?{query}"
    return _paged(call, truly(call), lambda page: page.update({link: own} if link else {}))


def nothing(call: Call, truly: Truly) -> Reply:
    """A whole answer that names nobody where there is somebody: well-formed, and not true."""

    def emptied(page: dict[str, Any]) -> None:
        page["value"] = []
        for link in _LINKS.values():
            page.pop(link, None)

    return _changed(truly(call), emptied)


def _paged(call: Call, reply: Reply, change: Callable[[dict[str, Any]], None]) -> Reply:
    return _changed(reply, change) if call.method == "GET" else reply


def _changed(reply: Reply, change: Callable[[dict[str, Any]], None]) -> Reply:
    """Whatever is no page stays as it is."""
    if "json" not in reply.headers.get("content-type", ""):
        return reply
    page = json.loads(reply.body)
    if not isinstance(page, dict) or not isinstance(page.get("value"), list):
        return reply
    change(page)
    return Reply(reply.status, json.dumps(page).encode(), reply.headers)


FAILURES: Mapping[str, Mapping[str, Any]] = {
    "reset": {"reset": True},
    "silence": {"silent": True},
    "cut off": {"cut": True},
    "401": _refusal(401, "InvalidAuthenticationToken"),
    "403": _refusal(403, "accessDenied"),
    "404": _refusal(404, "itemNotFound"),
    "429": _refusal(429, "TooManyRequests"),
    "429, seconds": _refusal(429, "TooManyRequests", {"retry-after": "2"}),
    "429, date": {"instead": _until_a_date},
    "500": _refusal(500, "generalException"),
    "503": _refusal(503, "serviceNotAvailable"),
    "html": {"status": 200, "body": b"<html><body>Sign in</body></html>"},
    "truncated": {"instead": _truncated},
    "empty": {"status": 200, "headers": {"content-type": JSON}},
    "page twice": {"instead": _twice},
    "endless pages": {"instead": _endless},
}
"""Each but "silence" also takes so long as the world's latency says; a client gives up on a silence by itself."""
