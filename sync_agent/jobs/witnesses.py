"""Names to ask about beside a few new ones, so that an answer can be believed.

A tenant that knows none of the names it is asked for is not believed: a lost permission looks like that. Whoever asks
about one mistyped name alone would learn nothing, so some names go along that the tenant knew a moment ago.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sync_agent.model import Found, Match

_A_DOMAIN = 3
"""A single one could have left just now."""


def witnesses(names: Collection[str], matches: Mapping[str, Match]) -> frozenset[str]:
    """Names found before in the domains of ``names``, a few in each."""
    missing = dict.fromkeys((_domain(name) for name in names), _A_DOMAIN)
    chosen = set()
    for name, match in matches.items():
        if isinstance(match, Found) and name not in names and missing.get(_domain(name)):
            missing[_domain(name)] -= 1
            chosen.add(name)
    return frozenset(chosen)


def _domain(name: str) -> str:
    return name.rpartition("@")[2]
