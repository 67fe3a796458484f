"""Which tenant has a domain, by the public look-up that needs no sign-in."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import msgspec

from sync_agent.microsoft365.errors import Garbled, ServiceError, error_in, refusal
from sync_agent.microsoft365.transport import Answer, Request, Transport
from sync_agent.model import CouldNotAsk

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_LONGEST = 253
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TENANT_UNKNOWN = "AADSTS90002"


class _Discovery(msgspec.Struct):
    issuer: str


async def owner_of(
    domain: str, transport: Transport, authority: str, clock: Callable[[], datetime]
) -> str | CouldNotAsk | None:
    """The id of the tenant that has ``domain``; None when nobody has it, or it is not the name of a domain at all."""
    name = _ascii(domain)
    if name is None:
        return None
    url = f"{authority.rstrip('/')}/{name}/v2.0/.well-known/openid-configuration"
    try:
        answer = await transport.send(Request("GET", url, kind="directory"))
        return _owner(answer, name)
    except ServiceError as failure:
        return CouldNotAsk(failure.reason, clock())


def _owner(answer: Answer, domain: str) -> str | None:
    if answer.status == 400 and any(_TENANT_UNKNOWN in text for text in error_in(answer.body)):
        return None
    if answer.status != 200:
        raise refusal(answer, f"Looking up whose domain {domain} is")
    tenant = _GUID.search(answer.json(_Discovery).issuer)
    if tenant is None:
        raise Garbled(f"Looking up whose domain {domain} is: the answer names no tenant", request_id=answer.request_id)
    return tenant[0].lower()


def _ascii(domain: str) -> str | None:
    """The domain as it may stand in an address, or None: what people type into the list must not become part of one."""
    try:
        name = domain.lower().encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return name if len(name) <= _LONGEST and _DOMAIN.fullmatch(name) else None
