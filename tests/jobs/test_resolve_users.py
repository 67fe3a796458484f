"""Each name in the tenant that has its domain, however that is found out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.resolve_users import combine, resolve_users, route
from sync_agent.model import Absent, CouldNotAsk, Found, Match, NoTenant, User
from sync_agent.outcome import Exit
from sync_agent.simulator.messy import build
from sync_agent.simulator.world import SimUser
from tests.jobs.opening import opened

DOMAINS = st.sampled_from(["contoso.com", "fabrikam.com", "tailspin.com", "nowhere.example"])
NAMES = st.frozensets(st.builds("{}@{}".format, st.sampled_from("abcdef"), DOMAINS))
SILENT = CouldNotAsk("away", datetime(2026, 11, 25, tzinfo=UTC))


@given(NAMES, st.dictionaries(st.sampled_from(["t1", "t2", "t3"]), st.frozensets(DOMAINS)))
def test_every_name_is_routed_to_all_tenants_of_its_domain_or_is_homeless(
    names: frozenset[str], domains: dict[str, frozenset[str]]
) -> None:
    routes = route(names, domains)
    for name in names:
        domain = name.partition("@")[2]
        asked = {tenant for tenant, part in routes.by_tenant.items() if name in part}
        assert asked == {tenant for tenant, known in domains.items() if domain in known}
        assert (name in routes.homeless.get(domain, ())) is (not asked)
    assert set().union(*routes.by_tenant.values(), *routes.homeless.values()) == names


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([Absent("c"), SILENT], SILENT),
        ([SILENT, Found(User("id", "jane@c.de"), "c")], Found(User("id", "jane@c.de"), "c")),
        ([Absent("c"), Absent("f", alias_of=User("id", "j@c.de"))], Absent("f", alias_of=User("id", "j@c.de"))),
        ([Absent("c"), Absent("f", unexplained="refused")], Absent("f", unexplained="refused")),
        ([NoTenant("c.de"), Absent("c")], Absent("c")),
    ],
)
def test_of_several_answers_the_one_that_says_most_counts_and_silence_is_never_absence(
    answers: list[Match], expected: Match
) -> None:
    for ordered in (answers, answers[::-1]):
        assert combine([{"jane@c.de": answer} for answer in ordered]) == {"jane@c.de": expected}


@pytest.mark.anyio
@pytest.mark.parametrize("allowed", [True, False])
async def test_domains_are_told_by_the_tenant_or_looked_up_where_the_app_may_not_read_them(
    allowed: bool, tmp_path: Path
) -> None:
    world = build(60, 2)
    for _, _, app in world.accounts:
        app.permissions |= {"Organization.Read.All"} if allowed else set()
    async with opened(tmp_path, world=world) as (_, service):
        await read_list(service.context)
        resolved = await resolve_users(service.context)
        matches = service.context.observed.matches
        assert combine(resolved.answers.values()) == {
            name: match for name, match in matches.items() if not isinstance(match, NoTenant)
        }
        assert resolved.answers.keys() == {tenant.id for _, tenant, _ in world.accounts}
        expected = {truth.object_id for truth in world.truth.values() if truth.object_id}
        assert expected <= {match.user.id for match in matches.values() if isinstance(match, Found)}
        assert service.context.observed.trouble == {}
        foreign = [match for match in matches.values() if isinstance(match, NoTenant)]
        assert foreign
        assert not any(isinstance(match, CouldNotAsk) for match in matches.values())


@pytest.mark.anyio
async def test_while_neither_tenant_nor_look_up_tells_a_domain_nobody_is_accused(tmp_path: Path) -> None:
    async with opened(tmp_path, rows=60) as (served, service):
        await read_list(service.context)
        served.world.faults.add(r"GET /fabrikam.com/v2.0/.well-known", status=503)
        served.world.faults.add(r"GET /woodgrovebank.com/v2.0/.well-known", status=503)
        await resolve_users(service.context)
        matches = service.context.observed.matches
        by_domain: dict[str, set[type]] = {}
        for name, match in matches.items():
            by_domain.setdefault(name.partition("@")[2], set()).add(type(match))
        assert by_domain["fabrikam.com"] == {CouldNotAsk}
        assert all("503" in state for state in service.account_states().values()), "who looks up whose it is"
        assert Found in by_domain["contoso.com"]
        served.world.faults.clear()
        await resolve_users(service.context, service.context.observed.unanswered.keys())
        assert not any(isinstance(match, CouldNotAsk) for match in service.context.observed.matches.values())


@pytest.mark.anyio
@pytest.mark.parametrize("pattern", ["proxyAddresses/any", "deletedItems"])
async def test_where_it_cannot_be_asked_what_a_name_is_the_pass_says_so_until_it_can(
    pattern: str, tmp_path: Path
) -> None:
    """The verdicts stay: that nobody has the name was answered."""
    async with opened(tmp_path, rows=200) as (served, service):
        served.world.faults.add(pattern, status=403)
        with capture_logs() as logs:
            outcome = await service.sync(dry_run=True)
        observed = service.context.observed
        told = [log for log in logs if log["event"] == "absence_not_explained"]
        assert len(told) == len({log["tenant"] for log in told}) == len(observed.trouble) == 2
        assert sum(log["names"] for log in told) == len(observed.unexplained) > 2
        assert outcome.exit_code() is Exit.INCOMPLETE
        for account in outcome.accounts.values():
            assert "User.Read.All" in account.state and "somebody's addresses" in account.state
        assert any(found.code == "user_not_found" for _, found in outcome.anomalies())
        served.world.faults.clear()
        unexplained = frozenset(observed.unexplained)
        assert unexplained
        await resolve_users(service.context, unexplained)
        assert (observed.unexplained, observed.trouble) == ({}, {})
        assert set(service.account_states().values()) == {"ok"}


@pytest.mark.anyio
async def test_each_tenant_is_held_to_what_rows_show_that_it_knew(tmp_path: Path) -> None:
    """A few names that nobody has may be so, but not where rows show their users."""
    async with opened(tmp_path) as (served, service):
        await service.sync()
        await read_list(service.context)
        observed = service.context.observed
        tenants = [tenant for _, tenant, _ in served.world.accounts]
        names = [next(n for n, m in observed.matches.items() if _is_of(m, tenant.users)) for tenant in tenants]
        for tenant in tenants:
            for user in list(tenant.users.values()):
                tenant.remove(user)
            tenant.add(SimUser(f"stranger-of-{tenant.id}", "stranger@contoso.com", "Stranger"))
        await resolve_users(service.context, names)
        assert observed.not_believed.keys() == {tenant.id for tenant in tenants}


def _is_of(match: Match, users: Collection[str]) -> bool:
    return isinstance(match, Found) and match.user.id in users
