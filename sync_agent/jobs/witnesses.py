"""Names to ask about beside a few others, so that an answer can be believed.

A tenant that knows none of the names it is asked for is not believed: a lost permission looks like that. Whoever asks
about one mistyped name alone would learn nothing, so some names go along that the tenant itself knew a moment ago.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sync_agent.model import Found, Match

_A_TENANT = 3
"""A single one could have left just now."""


def witnesses(
    names: Collection[str],
    matches: Mapping[str, Match],
    domains: Mapping[str, Collection[str]],
    tenant_of: Mapping[str, str],
) -> frozenset[str]:
    """Names found before, a few in each tenant that has a domain of ``names``; two tenants may have the same.

    ``domains`` by tenant id; ``tenant_of``: tenant id by account id.
    """
    wanted = {_domain(name) for name in names}
    missing = {tenant_id: _A_TENANT for tenant_id, known in domains.items() if not wanted.isdisjoint(known)}
    chosen = set()
    for name, match in matches.items():
        if not isinstance(match, Found) or name in names:
            continue
        tenant_id = tenant_of[match.account]
        if missing.get(tenant_id):
            missing[tenant_id] -= 1
            chosen.add(name)
    return frozenset(chosen)


def _domain(name: str) -> str:
    return name.rpartition("@")[2]
