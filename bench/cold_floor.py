"""How short a cold sync could be: what the network alone takes, and what SharePoint's budget alone takes.

**The network.** ``rounds × latency``, where nothing but waiting for answers takes time. Rounds by phase, from the
requests that the server counted and from how many the service sends at a time:

    sign-in       the site's tenant, and the longest of the others, which sign in side by side
    the list      each request that opens it or reads a page names what the next one asks for
    domains       the public look-up of all domains at once, and the names of foreign tenants, one account after another
    directories   side by side: the longest of the tenants' chains of pages; its batches go at once
    presence      ⌈requests of a tenant ÷ in flight⌉, the most of the tenants
    writes        ⌈batches ÷ at a time⌉ × 2 by REST, which reads rows again before it writes them; × 1 by Graph

**The budget.** No minute may hold more than the units allowed. The first minute's may all be spent at its beginning, so
``n`` units take at least ``60 s × (⌈n ÷ allowed⌉ − 1)``. Needed are two units for each row, for each request that opens
the list and for each page: not what is spent on reading rows again.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from json import loads
from math import ceil

from sync_agent.microsoft365.accounts import PRESENCE_CONCURRENCY
from sync_agent.microsoft365.graph_list import BATCHES_AT_ONCE
from sync_agent.microsoft365.sharepoint_list import CHUNKS_AT_ONCE
from sync_agent.simulator.lab import Api
from sync_agent.simulator.wire import Call

_KINDS = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("sign-in", r"\w+ /[0-9a-f-]{36}/(v2\.0|oauth2)/.*"),
        ("look-up", r"GET /[^/]+/v2\.0/.*"),
        ("name", r"GET .*/tenantRelationships/.*"),
        ("presence", r"POST .*/getPresencesByUserId"),
        ("write", r"POST /sites/.*/_api/\$batch"),
        ("batch", r"POST /v1\.0/\$batch"),
        ("page", r"GET (/v1\.0)?/sites/.*/items"),
        ("opening", r"\w+ (/v1\.0)?/sites/.*"),
        ("directory", r"GET /v1\.0/.*"),
    )
)
_MINUTE = 60.0
_UNITS = 2.0

Heard = Mapping[tuple[str, str], int]
"""Requests by their kind and by the tenant they are about, "" where that is nobody's."""


@dataclass(frozen=True, slots=True)
class Phase:
    name: str
    requests: int
    rounds: int


def counted(calls: Iterable[Call]) -> Heard:
    """Raises ValueError for a request of no kind that is known here: it would be missing from the floor."""
    return Counter((_kind(call), _tenant(call)) for call in calls)


def phases(heard: Heard, api: Api) -> list[Phase]:
    [home] = {tenant for kind, tenant in heard if kind == "opening"}
    signing = {tenant: n for (kind, tenant), n in heard.items() if kind == "sign-in"}
    others = [n for tenant, n in signing.items() if tenant != home]
    opening, pages = _of(heard, "opening"), _of(heard, "page")
    domains, names = _of(heard, "look-up"), _of(heard, "name")
    chains = _by_tenant(heard, "directory")
    longest = max(n + (("batch", tenant) in heard) for tenant, n in chains.items())
    presence = _by_tenant(heard, "presence").values()
    writes, again = _of(heard, "write"), _of(heard, "standing")
    at_once = CHUNKS_AT_ONCE if api == "rest" else BATCHES_AT_ONCE
    return [
        Phase("sign-in", sum(signing.values()), signing.get(home, 0) + max(others, default=0)),
        Phase("the list", opening + pages, opening + pages),
        Phase("domains", domains + names, (domains > 0) + names),
        Phase("directories", sum(chains.values()) + _of(heard, "batch"), longest),
        Phase("presence", sum(presence), max(ceil(n / PRESENCE_CONCURRENCY) for n in presence)),
        Phase("writes", writes + again, ceil(writes / at_once) * (2 if again else 1)),
    ]


def units_needed(heard: Heard, rows: int) -> float:
    return _UNITS * (rows + _of(heard, "opening") + _of(heard, "page"))


def least_seconds(units: float, allowed: float) -> float:
    """By the budget alone; ``allowed``: units in any minute."""
    return _MINUTE * (ceil(units / allowed) - 1)


def _kind(call: Call) -> str:
    asked = f"{call.method} {call.path}"
    kind = next((kind for kind, pattern in _KINDS if pattern.fullmatch(asked)), None)
    if kind is None:
        raise ValueError(f"{asked} is of no kind that the floor knows")
    if kind == "page" and "$filter" in call.query:
        return "standing"
    return "write" if kind == "batch" and b'"/sites/' in call.body else kind


def _tenant(call: Call) -> str:
    """Of a sign-in by its address, else by the token."""
    token = call.headers.get("authorization", "").partition(" ")[2]
    if not token:
        return call.path.split("/")[1]
    claims = token.split(".")[1]
    return str(loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["tid"])


def _of(heard: Heard, kind: str) -> int:
    return sum(_by_tenant(heard, kind).values())


def _by_tenant(heard: Heard, wanted: str) -> dict[str, int]:
    return {tenant: n for (kind, tenant), n in heard.items() if kind == wanted}
