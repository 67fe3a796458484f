"""`/_api/$batch`: multipart/mixed, GETs outside, writes in a change set; not atomic, each part with its own status."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from urllib.parse import urlsplit

from sync_agent.simulator import wire
from sync_agent.simulator.rest_access import API, INVALID, person_or_certificate, rest_route
from sync_agent.simulator.wire import Call, Failure, Reply, Route, json_reply

MOST_PARTS = 100
_REASONS = {
    200: "OK",
    201: "Created",
    204: "No Content",
    400: "Bad Request",
    404: "Not Found",
    412: "Precondition Failed",
}

Dispatch = Callable[[Call], Reply]


def routes(dispatch: Dispatch) -> list[Route]:
    return [rest_route("POST", API + r"/\$batch", lambda call: _batch(call, dispatch))]


def _batch(call: Call, dispatch: Dispatch) -> Reply:
    person_or_certificate(call)
    # The Office365 library ends its lines with a line feed alone.
    body = call.body.replace(b"\r\n", b"\n")
    parts = [request for piece in _pieces(call.headers.get("content-type", ""), body) for request in _requests(piece)]
    if len(parts) > MOST_PARTS:
        raise Failure(400, INVALID, f"At most {MOST_PARTS} parts are allowed.")
    call.world.requests["batch"] += 1
    boundary = f"batchresponse_{uuid.uuid4()}"
    out = (
        b"".join(_rendered(boundary, _answer(call, part, dispatch)) for part in parts) + f"--{boundary}--\r\n".encode()
    )
    return Reply(200, out, {"content-type": f"multipart/mixed; boundary={boundary}"})


def _pieces(content_type: str, body: bytes) -> list[bytes]:
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if not content_type.startswith("multipart/mixed") or boundary is None:
        raise Failure(400, INVALID, "The batch is not multipart/mixed.")
    pieces = body.split(b"--" + boundary[1].encode())
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise Failure(400, INVALID, "The batch is cut off.")
    return pieces[1:-1]


def _requests(piece: bytes) -> list[tuple[str, bool]]:
    """The requests of a piece as text, each with whether it stands in a change set."""
    head, _, content = piece.lstrip(b"\n").partition(b"\n\n")
    kind = re.search(rb"content-type:\s*([^\n]+)", head, re.IGNORECASE)
    if kind is not None and kind[1].lower().startswith(b"multipart/mixed"):
        return [(_content(inner), True) for inner in _pieces(kind[1].decode(), content)]
    return [(content.decode(), False)]


def _content(piece: bytes) -> str:
    return piece.lstrip(b"\n").partition(b"\n\n")[2].decode()


def _answer(call: Call, part: tuple[str, bool], dispatch: Dispatch) -> Reply:
    text, in_changeset = part
    head, _, body = text.lstrip("\n").partition("\n\n")
    line, *header_lines = head.split("\n")
    method, url, *_ = [*line.split(" "), "", ""]
    if (method == "GET") == in_changeset:
        return _bad("A GET stands outside, a write inside a change set.")
    parts = urlsplit(url)
    if parts.netloc and f"{parts.scheme}://{parts.netloc}" != call.world.origin:
        return _bad("The address is of another host than the batch's.")
    headers = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in header_lines)}
    headers["authorization"] = call.headers.get("authorization", "")
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return dispatch(wire.call(call.world, method, target, headers, body.strip("\n").encode()))


def _bad(message: str) -> Reply:
    body = {"odata.error": {"code": INVALID, "message": {"lang": "en-US", "value": message}}}
    return json_reply(body, 400)


def _rendered(boundary: str, reply: Reply) -> bytes:
    reason = _REASONS.get(reply.status, "Error")
    head = (
        f"--{boundary}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        f"HTTP/1.1 {reply.status} {reason}\r\n"
    )
    names = "".join(f"{name.upper()}: {value}\r\n" for name, value in reply.headers.items())
    return f"{head}{names}\r\n".encode() + reply.body + b"\r\n"
