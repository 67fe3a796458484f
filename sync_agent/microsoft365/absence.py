"""What a tenant still knows of a name that is nobody's UPN: a user in the recycle bin, or somebody's address."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from sync_agent.microsoft365.errors import ServiceError, SignInFailed, Unreachable
from sync_agent.microsoft365.graph import MOST_PARTS, Graph, Part, PartAnswer
from sync_agent.microsoft365.odata import address, literal
from sync_agent.microsoft365.tenant_sessions import TenantSessions
from sync_agent.microsoft365.user_records import SELECT, DeletedRecord, UserRecord
from sync_agent.model import User

_log = structlog.get_logger()

_BIN = address(
    "/directory/deletedItems/microsoft.graph.user",
    {"$select": "id,userPrincipalName,deletedDateTime", "$top": "999"},
)
_ADVANCED = {"ConsistencyLevel": "eventual"}
"""With $count=true: what filters on proxyAddresses need, on each page (aad-advanced-queries)."""
_SCHEMES = ("smtp:", "SMTP:", "sip:", "SIP:")
"""Of proxy addresses: the primary one of a kind is in capitals, and filters tell the two apart."""


@dataclass(slots=True)
class Evidence:
    """By name. ``failed``: names about which the tenant as a whole fell silent meanwhile."""

    deleted: dict[str, datetime] = field(default_factory=dict)
    aliases: dict[str, User] = field(default_factory=dict)
    failed: dict[str, ServiceError] = field(default_factory=dict)
    unexplained: dict[str, ServiceError] = field(default_factory=dict)
    """Why something about a name could not be asked, its absence apart."""


async def evidence(
    sessions: TenantSessions, names: Collection[str], paged: Mapping[str, Sequence[UserRecord]] | None
) -> Evidence:
    """Ask about absent names. ``paged``: the users by mail address, where the whole directory was read anyway.

    A refusal or a fault costs the evidence, not the absence, which has been answered: the name is `unexplained`.
    """
    found = Evidence()
    if not names:
        return found
    if paged is None:
        await asyncio.gather(_recycle_bin(sessions, names, found), _alias_requests(sessions, names, found))
    else:
        await _recycle_bin(sessions, names, found)
        for name in names:
            _note_alias(found, name, paged.get(name, ()))
    for explained in found.deleted.keys() | found.aliases.keys():
        found.unexplained.pop(explained, None)
    if found.unexplained:
        reason = found.unexplained[min(found.unexplained)].reason
        _log.warning("absence_not_explained", tenant=sessions.tenant_id, names=len(found.unexplained), reason=reason)
    return found


async def _recycle_bin(sessions: TenantSessions, names: Collection[str], found: Evidence) -> None:
    try:
        deleted = await sessions.ask(_read_bin)
    except ServiceError as failure:
        _note_failure(found, names, failure)
        return
    wanted = frozenset(names)
    for record in deleted:
        at = record.deleted_date_time
        # A name may have been deleted, used again and deleted again: the last time counts.
        if at is not None and record.key in wanted and at >= found.deleted.get(record.key, at):
            found.deleted[record.key] = at


async def _read_bin(graph: Graph) -> list[DeletedRecord]:
    return [record async for page in graph.pages(_BIN, DeletedRecord) for record in page]


async def _alias_requests(sessions: TenantSessions, names: Collection[str], found: Evidence) -> None:
    ordered = sorted(names)
    batches = [ordered[start : start + MOST_PARTS] for start in range(0, len(ordered), MOST_PARTS)]
    await asyncio.gather(*(_alias_batch(sessions, batch, found) for batch in batches))


async def _alias_batch(sessions: TenantSessions, names: Sequence[str], found: Evidence) -> None:
    answers = await sessions.batch([_alias_part(name) for name in names])
    for name, answer in zip(names, answers, strict=True):
        await _take(sessions, found, name, answer)


async def _take(sessions: TenantSessions, found: Evidence, name: str, answer: PartAnswer) -> None:
    try:
        records = await sessions.users(answer, headers=_ADVANCED)
    except ServiceError as failure:
        _note_failure(found, [name], failure)
    else:
        _note_alias(found, name, (record for record in records if name in record.addresses))


def _note_alias(found: Evidence, name: str, records: Iterable[UserRecord]) -> None:
    """Where several have the address: first who has it to themselves, then members, then enabled accounts."""
    users = [(name not in record.own_addresses, record.user()) for record in records]
    if users:
        _, found.aliases[name] = min(
            users, key=lambda one: (one[0], one[1].guest, not one[1].enabled, one[1].upn.lower())
        )


def _note_failure(found: Evidence, names: Iterable[str], failure: ServiceError) -> None:
    """Only where the tenant as a whole could not be reached any more is the name's absence in doubt too."""
    if isinstance(failure, SignInFailed | Unreachable):
        found.failed.update(dict.fromkeys(names, failure))
    else:
        found.unexplained.update(dict.fromkeys(names, failure))


def _alias_part(name: str) -> Part:
    proxies = (f"proxyAddresses/any(p:p eq {literal(scheme + name)})" for scheme in _SCHEMES)
    asked = (f"mail eq {literal(name)}", *proxies, f"otherMails/any(o:o eq {literal(name)})")
    options = {"$filter": " or ".join(asked), "$count": "true", "$select": SELECT}
    return Part("GET", address("/users", options), headers=_ADVANCED)
