"""`/users/delta`: everybody by pages, or who was changed since a token (user: delta; delta-query-overview).

The feed shows the latest state of each user. Tokens remember what was selected, and only a change to that is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sync_agent.simulator import limits
from sync_agent.simulator.change_log import LoggedChange, NoSuchPosition, Position
from sync_agent.simulator.delta_token import DeltaToken, read_token
from sync_agent.simulator.odata import selected
from sync_agent.simulator.tokens import graph_principal
from sync_agent.simulator.user_json import DEFAULTS, READERS, as_json
from sync_agent.simulator.user_log import ChangedUser
from sync_agent.simulator.wire import Call, Failure, Reply, Route, json_reply, route
from sync_agent.simulator.world import SimUser, Tenant

PAGE = 200
"""Users a page; Graph does not say how many."""
_LATEST = "latest"
_DELTA, _SKIP, _SELECT = "$deltatoken", "$skiptoken", "$select"


@dataclass(frozen=True, slots=True)
class _Asked:
    """``minimal``: only the properties that changed are wanted (Prefer: return=minimal)."""

    call: Call
    tenant: Tenant
    select: str | None
    minimal: bool

    @property
    def properties(self) -> frozenset[str]:
        return frozenset(DEFAULTS if self.select is None else (name.strip() for name in self.select.split(",")))


def routes() -> list[Route]:
    return [route("GET", r"/v1\.0/users/(microsoft\.graph\.)?delta(\(\))?", _delta)]


def _delta(call: Call) -> Reply:
    who = graph_principal(call)
    limits.charge_directory(call, who, 1)
    who.require(*READERS)
    query = {name.lower(): value for name, value in call.query.items()}
    for option in query.keys() - {_DELTA, _SKIP, _SELECT}:
        raise Failure(400, "Request_UnsupportedQuery", f"{option} is not supported by delta here.")
    if _SKIP in query and _SELECT in query:
        raise Failure(400, "Request_UnsupportedQuery", "$select cannot be combined with $skiptoken.")
    now = datetime.fromtimestamp(call.world.clock(), UTC)
    who.tenant.log.look(who.tenant.users, now)
    here = DeltaToken(who.tenant.id, Position(now, who.tenant.log.changes.last))
    text = query.get(_SKIP) or query.get(_DELTA)
    token = _read(who.tenant, text) if text and text != _LATEST else replace(here, after="")
    asked = _Asked(
        call, who.tenant, query.get(_SELECT, token.select), "return=minimal" in call.headers.get("prefer", "")
    )
    if asked.select is not None:
        selected(as_json(SimUser("", "", "")), asked.select)
    here = replace(here, select=asked.select)
    if text == _LATEST:
        return _page(call, [], delta=here)
    return _followed(asked, token, here) if token.after is None else _enumerated(asked, token)


def _read(tenant: Tenant, text: str) -> DeltaToken:
    try:
        token = read_token(text)
    except ValueError as error:
        raise Failure(400, "Request_BadRequest", "Badly formed token.") from error
    if token.of != tenant.id:
        raise Failure(400, "Request_BadRequest", "Badly formed token.")
    return token


def _enumerated(asked: _Asked, token: DeltaToken) -> Reply:
    users = asked.tenant.users
    ids = [id_ for id_ in sorted(users) if id_ > str(token.after)]
    value = [_user(asked, users[id_], None) for id_ in ids[:PAGE]]
    token = replace(token, select=asked.select)
    if len(ids) > PAGE:
        return _page(asked.call, value, following=replace(token, after=ids[PAGE - 1]))
    return _page(asked.call, value, delta=replace(token, after=None))


def _followed(asked: _Asked, token: DeltaToken, here: DeltaToken) -> Reply:
    try:
        changes = list(asked.tenant.log.changes.after(token.position, here.position.time))
    except NoSuchPosition as error:
        raise _forgotten(asked) from error
    latest = sorted({change.subject.id: change for change in changes}.values(), key=lambda change: change.number)
    whole = _summed(changes)
    told = [change for change in latest if change.number > token.told and _is_wanted(asked, change.subject.id, whole)]
    value = [_changed(asked, change.subject.id, whole[change.subject.id]) for change in told[:PAGE]]
    if len(told) > PAGE:
        return _page(asked.call, value, following=replace(token, told=told[PAGE - 1].number))
    return _page(asked.call, value, delta=here)


def _summed(changes: Iterable[LoggedChange[ChangedUser]]) -> Mapping[str, frozenset[str] | None]:
    """By user id the properties that changed in all these changes; None for all."""
    summed: dict[str, frozenset[str] | None] = {}
    for change in changes:
        before, now = summed.get(change.subject.id, frozenset()), change.subject.properties
        summed[change.subject.id] = None if before is None or now is None else before | now
    return summed


def _is_wanted(asked: _Asked, user_id: str, changed: Mapping[str, frozenset[str] | None]) -> bool:
    properties = changed[user_id]
    gone = user_id not in asked.tenant.users
    return gone or properties is None or not properties.isdisjoint(asked.properties)


def _changed(asked: _Asked, user_id: str, properties: frozenset[str] | None) -> dict[str, Any]:
    user = asked.tenant.users.get(user_id)
    if user is None:
        return {"id": user_id, "@removed": {"reason": "changed" if user_id in asked.tenant.deleted else "deleted"}}
    return _user(asked, user, properties)


def _user(asked: _Asked, user: SimUser, properties: frozenset[str] | None) -> dict[str, Any]:
    """What was never set is left out, what was set to null is not; ``properties`` None: all are new."""
    shown = selected(as_json(user), asked.select, DEFAULTS)
    changed = properties or frozenset()
    if asked.minimal and properties is not None:
        shown = {name: value for name, value in shown.items() if name in changed}
    return {"id": user.id, **{name: value for name, value in shown.items() if value is not None or name in changed}}


def _page(
    call: Call, value: list[dict[str, Any]], *, following: DeltaToken | None = None, delta: DeltaToken | None = None
) -> Reply:
    body: dict[str, Any] = {"@odata.context": f"{call.world.origin}/v1.0/$metadata#users", "value": value}
    if following is not None:
        body["@odata.nextLink"] = f"{call.world.origin}/v1.0/users/delta?{_SKIP}={following}"
    if delta is not None:
        body["@odata.deltaLink"] = f"{call.world.origin}/v1.0/users/delta?{_DELTA}={delta}"
    return json_reply(body)


def _forgotten(asked: _Asked) -> Failure:
    """The Location is that of a first request, its token empty."""
    select = f"&{_SELECT}={asked.select}" if asked.select else ""
    location = f"{asked.call.world.origin}/v1.0/users/delta?{_DELTA}={select}"
    message = "The sync state is not found: start again without a token."
    return Failure(410, "syncStateNotFound", message, {"location": location})
