"""What the tenants of an embedded Microsoft 365 would answer, read from its state, and the verdicts on its list: the
whole decision without a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sync_agent.detective import Clues, People, coming_up
from sync_agent.leads import questions
from sync_agent.model import Absent, Found, Match, NoTenant, Presence, Row, User, Verdict
from sync_agent.reconcile import PRESENCE_UNKNOWN, names_to_ask, reconcile, with_presence
from sync_agent.simulator.messy import SITE_PATH
from sync_agent.simulator.world import SimUser, Tenant, World
from tests.properties.worlds import NOW

_UNKNOWN = Presence(PRESENCE_UNKNOWN, PRESENCE_UNKNOWN, NOW)


def rows_of(world: World) -> list[Row]:
    (agents,) = world.sites[SITE_PATH].lists.values()
    return [Row(id_, item.fields.get("UPN"), str(item.fields["Title"])) for id_, item in agents.items.items()]


def everybody(world: World) -> list[Found]:
    return [_found(user, account) for account, tenant, _ in world.accounts for user in tenant.users.values()]


def answers(world: World, names: Iterable[str]) -> dict[str, Match]:
    at = {domain: (tenant, account) for account, tenant, _ in world.accounts for domain in tenant.domains}
    reached = {tenant.id: _addresses(tenant) for _, tenant, _ in world.accounts}
    deleted = {user.upn.lower(): user for _, tenant, _ in world.accounts for user in tenant.deleted.values()}

    def answer(name: str) -> Match:
        domain = name.rpartition("@")[2]
        if domain not in at:
            return NoTenant(domain)
        tenant, account = at[domain]
        user, alias_of, gone = tenant.by_upn(name), reached[tenant.id].get(name), deleted.get(name)
        if user is not None:
            return _found(user, account)
        when = datetime.fromisoformat(gone.deleted_at) if gone and gone.deleted_at else None
        return Absent(account, when, _found(alias_of, account).user if alias_of else None)

    return {name: answer(name) for name in names}


def verdicts_of(world: World, rows: Sequence[Row]) -> Mapping[int, Verdict]:
    matches = answers(world, names_to_ask(rows))
    asked = questions(rows, matches)
    verdicts = reconcile(rows, matches, Clues(People(coming_up(asked, everybody(world))), asked))
    return {
        id_: with_presence(
            each, _UNKNOWN if each.user and not each.user.teams_licensed else None, NOW, timedelta(days=1)
        )
        for id_, each in verdicts.items()
    }


def _found(user: SimUser, account: str) -> Found:
    return Found(User(user.id, user.upn, user.display_name, user.enabled, user.guest, user.licensed), account)


def _addresses(tenant: Tenant) -> dict[str, SimUser]:
    reached = {}
    for user in tenant.users.values():
        reached.update({address.partition(":")[2].lower(): user for address in user.proxy_addresses})
        if user.mail:
            reached[user.mail.lower()] = user
    return reached
