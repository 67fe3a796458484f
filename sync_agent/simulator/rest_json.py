"""SharePoint's three shapes of JSON: verbose (the Office365 library's), minimal metadata, and none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync_agent.simulator.wire import Call, Failure, Reply, as_json

_INVALID = "-1, Microsoft.SharePoint.Client.InvalidClientQueryException"


def shape(call: Call) -> str:
    """verbose, minimalmetadata or nometadata, by the Accept header."""
    accept = call.headers.get("accept", "").replace(" ", "").lower()
    if "odata=verbose" in accept:
        return "verbose"
    return "nometadata" if "odata=nometadata" in accept else "minimalmetadata"


def one(call: Call, kind: str, uri: str, value: Mapping[str, Any], etag: str | None = None) -> Reply:
    """One entity."""
    body: dict[str, Any]
    match shape(call):
        case "verbose":
            body = {"d": _verbose(kind, uri, value, etag)}
        case "minimalmetadata":
            body = {"odata.metadata": f"{uri}#", **_minimal(kind, value, etag)}
        case _:
            body = dict(value)
    return _reply(call, body, 200)


def many(
    call: Call,
    kind: str,
    uri: str,
    values: Sequence[tuple[Mapping[str, Any], str | None]],
    following: str | None = None,
) -> Reply:
    """A collection; each value with its ETag, ``following`` the address of the next page."""
    body: dict[str, Any]
    match shape(call):
        case "verbose":
            results = [_verbose(kind, uri, value, etag) for value, etag in values]
            body = {"d": {"results": results, **({"__next": following} if following else {})}}
        case "minimalmetadata":
            body = {"odata.metadata": f"{uri}#", "value": [_minimal(kind, value, etag) for value, etag in values]}
            body |= {"odata.nextLink": following} if following else {}
        case _:
            body = {"value": [value for value, _ in values], **({"odata.nextLink": following} if following else {})}
    return _reply(call, body, 200)


def result_of(call: Call, name: str, values: Sequence[Mapping[str, Any]]) -> Reply:
    """What a function returns, a collection of complex values."""
    if shape(call) == "verbose":
        return _reply(call, {"d": {name: {"results": list(values)}}}, 200)
    return _reply(call, {"value": list(values)}, 200)


def selected(call: Call, value: dict[str, Any]) -> dict[str, Any]:
    """What $select names of it."""
    select = call.query.get("$select")
    return value if not select else {name: value[name] for name in select.split(",") if name in value}


def entity(call: Call, *kinds: str) -> dict[str, Any]:
    """The properties that a request's body gives to an entity of one of these types. Raises Failure.

    Verbose JSON must name the type.
    """
    body = call.json()
    kind = (body.pop("__metadata", None) or {}).get("type")
    if kind is None and "odata=verbose" in call.headers.get("content-type", "").replace(" ", ""):
        raise Failure(400, _INVALID, "An entry without a type name was found, but no expected type was specified.")
    if kind is not None and kind not in kinds:
        raise Failure(400, _INVALID, f"A type named '{kind}' could not be resolved by the model.")
    return body


def failure(call: Call, error: Failure) -> Reply:
    """A refused token is told of in OAuth's shape."""
    said = {"code": error.code, "message": {"lang": "en-US", "value": error.message}}
    body: dict[str, Any] = {"error": said} if shape(call) == "verbose" else {"odata.error": said}
    if error.status == 401:
        body = {"error_description": error.message}
    reply = _reply(call, body, error.status)
    reply.headers |= error.headers
    return reply


def _verbose(kind: str, uri: str, value: Mapping[str, Any], etag: str | None) -> dict[str, Any]:
    metadata = {"id": uri, "uri": uri, "type": kind, **({"etag": etag} if etag else {})}
    nested = {name: {"results": inner} if isinstance(inner, list) else inner for name, inner in value.items()}
    return {"__metadata": metadata, **nested}


def _minimal(kind: str, value: Mapping[str, Any], etag: str | None) -> dict[str, Any]:
    return {"odata.type": kind, **({"odata.etag": etag} if etag else {}), **value}


def _reply(call: Call, body: Any, status: int) -> Reply:
    return Reply(status, as_json(body), {"content-type": f"application/json;odata={shape(call)};charset=utf-8"})
