"""Names that vouch for a tenant."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.jobs.witnesses import witnesses
from sync_agent.model import Absent, CouldNotAsk, Found, Match, User

NOW = datetime(2026, 11, 25, tzinfo=UTC)
DOMAINS = ["contoso.com", "fabrikam.com"]
TENANTS = {"contoso": "t1", "contoso-2": "t1", "fabrikam": "t2"}
NAMES = st.builds("{}@{}".format, st.sampled_from("abcdefgh"), st.sampled_from(DOMAINS))
MATCHES = st.sampled_from(
    [*(Found(User("1", "x"), account) for account in TENANTS), Absent("contoso"), CouldNotAsk("away", NOW)]
)
HAVING = st.dictionaries(st.sampled_from(["t1", "t2"]), st.frozensets(st.sampled_from(DOMAINS)))


@given(st.frozensets(NAMES), st.dictionaries(NAMES, MATCHES), HAVING)
def test_they_are_others_that_each_tenant_which_is_asked_has_found(
    names: frozenset[str], matches: dict[str, Match], domains: dict[str, frozenset[str]]
) -> None:
    chosen = witnesses(names, matches, domains, TENANTS)
    assert chosen.isdisjoint(names)
    found = {name: TENANTS[match.account] for name, match in matches.items() if isinstance(match, Found)}
    assert chosen <= found.keys()
    for tenant_id in ("t1", "t2"):
        possible = {name for name, by in found.items() if by == tenant_id} - names
        asked = any(name.partition("@")[2] in domains.get(tenant_id, ()) for name in names)
        assert sum(found[name] == tenant_id for name in chosen) == (min(3, len(possible)) if asked else 0)
