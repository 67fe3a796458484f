"""Names that vouch for a tenant."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.jobs.witnesses import witnesses
from sync_agent.model import Absent, CouldNotAsk, Found, Match, User

NOW = datetime(2026, 11, 25, tzinfo=UTC)
NAMES = st.builds("{}@{}".format, st.sampled_from("abcdefgh"), st.sampled_from(["contoso.com", "fabrikam.com"]))
MATCHES = st.sampled_from([Found(User("1", "x"), "contoso"), Absent("contoso.com"), CouldNotAsk("away", NOW)])


@given(st.frozensets(NAMES), st.dictionaries(NAMES, MATCHES))
def test_they_are_others_of_the_same_domains_that_were_found(names: frozenset[str], matches: dict[str, Match]) -> None:
    chosen = witnesses(names, matches)
    assert chosen.isdisjoint(names)
    assert all(isinstance(matches[name], Found) for name in chosen)
    for domain in ("contoso.com", "fabrikam.com"):
        possible = {name for name, match in matches.items() if isinstance(match, Found) and name.endswith(domain)}
        wanted = min(3, len(possible - names)) if any(name.endswith(domain) for name in names) else 0
        assert sum(name.endswith(domain) for name in chosen) == wanted
