"""Names that vouch for a tenant."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.jobs.witnesses import as_news, canaries_missing, person_missing, vouched_for, witnesses
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


@given(st.dictionaries(NAMES, MATCHES), st.frozensets(NAMES))
def test_that_a_witness_is_gone_is_no_news_and_all_else_is(matches: dict[str, Match], vouching: frozenset[str]) -> None:
    news = as_news(matches, vouching)
    gone = {name for name in vouching if isinstance(matches.get(name), Absent)}
    assert news == {name: match for name, match in matches.items() if name not in gone}


ANSWERS = st.dictionaries(
    NAMES,
    st.sampled_from(
        [
            Found(User("1", "x"), "contoso"),
            Absent("contoso"),
            Absent("contoso", deleted_at=NOW),
            Absent("contoso", alias_of=User("2", "y")),
            CouldNotAsk("away", NOW),
        ]
    ),
)


@given(ANSWERS, st.frozensets(NAMES, max_size=2))
def test_nobody_is_missing_unless_a_canary_is_found(answers: dict[str, Match], canaries: frozenset[str]) -> None:
    vouched = vouched_for(answers, [answers.get(canary) for canary in canaries], "it is not there", NOW)
    assert vouched.keys() == answers.keys()
    found = any(isinstance(answers.get(canary), Found) for canary in canaries)
    for name, answer in answers.items():
        if answer == Absent("contoso") and canaries and not found:
            assert isinstance(vouched[name], CouldNotAsk)
        else:
            assert vouched[name] == answer


def test_why_a_canary_does_not_vouch_is_told() -> None:
    missing: dict[str, Match] = {"a@contoso.com": Absent("contoso"), "canary@contoso.com": Absent("contoso")}
    why = canaries_missing(["canary@contoso.com"], "contoso")
    told = vouched_for(missing, [missing["canary@contoso.com"]], why, NOW)["a@contoso.com"]
    assert isinstance(told, CouldNotAsk)
    assert "the canary of account contoso is not found (canary@contoso.com)" in told.reason
    away = CouldNotAsk("away", NOW)
    assert vouched_for(missing, [None, away], why, NOW)["a@contoso.com"] == away
    assert "the person who has signed in to account contoso is not found" in person_missing("contoso")
