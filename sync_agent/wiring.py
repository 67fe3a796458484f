"""Wires the settings to the edges, and the edges to what every job is handed. Nothing is asked of anybody here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

import structlog

from sync_agent.backlog import Backlog
from sync_agent.flapping import Flapping
from sync_agent.fuses import Safety
from sync_agent.jobs.context import Context, Edges, Tenant
from sync_agent.jobs.domain_owners import DomainOwners
from sync_agent.jobs.follow_push import FollowPush
from sync_agent.jobs.history import History
from sync_agent.jobs.keep_subscription import KeepSubscription
from sync_agent.jobs.observed import Observed
from sync_agent.jobs.other_writers import OtherWriters
from sync_agent.jobs.quarantines import Quarantines
from sync_agent.jobs.write_journal import WriteJournal
from sync_agent.judging import Rules
from sync_agent.microsoft365.accounts import Account
from sync_agent.microsoft365.agent_list import agent_list, sharepoint_budget
from sync_agent.microsoft365.anomaly_list import anomaly_list
from sync_agent.microsoft365.directory import Directory
from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.notification_keys import KeyRing
from sync_agent.microsoft365.notification_proof import Proof
from sync_agent.microsoft365.pacing import Budget, Timing
from sync_agent.microsoft365.presence import PresenceReader
from sync_agent.microsoft365.subscriptions import Subscriptions
from sync_agent.microsoft365.tenant_names import TenantNames
from sync_agent.microsoft365.tenant_of_domain import owner_of
from sync_agent.microsoft365.transport import Transport
from sync_agent.progress import Progress
from sync_agent.settings import Auto, Settings
from sync_agent.staleness import Patience
from sync_agent.state.store import StateUnavailable, Store

_log = structlog.get_logger()

_NO_PRESENCE = "Microsoft Graph has no presence in their cloud: their rows are checked, and presence is left empty"


def wired(
    settings: Settings,
    transport: Transport,
    accounts: Mapping[str, Account],
    progress: Progress,
    clock: Callable[[], datetime],
    timing: Timing,
    history: History,
    store: Store | None,
) -> Context:
    """The context of a service; ``clock`` gives the time of day, ``timing`` what waits are counted by."""
    by_tenant: defaultdict[str, list[Account]] = defaultdict(list)
    for account in accounts.values():
        by_tenant[account.tenant_id].append(account)
    site_account = accounts[settings.sharepoint.account]
    budget = sharepoint_budget(settings, timing)
    edges = Edges(
        agent_list=agent_list(settings, accounts, transport, budget),
        anomaly_list=anomaly_list(settings, accounts, transport, budget),
        sharepoint=budget,
        tenants={id_: _tenant(id_, group, settings, transport, clock) for id_, group in by_tenant.items()},
        presence=PresenceReader(
            {id_: {a.id: _graph(a, transport, "presence") for a in group} for id_, group in by_tenant.items()},
            clock,
            timing=timing,
            worst_age=settings.presence.worst_age if isinstance(settings.schedule.presence, Auto) else None,
        ),
        tenant_names=TenantNames(
            {
                a.id: _graph(a, transport, "directory")
                for a in accounts.values()
                if a.endpoints == site_account.endpoints
            },
            clock,
        ),
    )
    if without := [account.id for account in accounts.values() if not account.endpoints.presence]:
        _log.warning("cloud_without_presence", accounts=", ".join(without), effect=_NO_PRESENCE)
    look_up = partial(owner_of, transport=transport, authority=site_account.endpoints.authority, clock=clock)
    return Context(
        edges=edges,
        safety=Safety(**settings.safety.model_dump(exclude={"min_known_users", "lease", "verdict_stale_after"})),
        progress=progress,
        clock=clock,
        unavailable_after=timedelta(seconds=settings.presence.unavailable_after),
        quarantines=Quarantines(history, settings.sharepoint.agent_list, settings.safety.min_known_users, clock),
        writers=OtherWriters(store, list_name(settings), clock),
        journal=WriteJournal(store, settings.sharepoint.agent_list, clock),
        budgets=(budget, *_budgets(accounts.values())),
        owners=DomainOwners(look_up if settings.validation.domain_lookup else None, clock),
        patience=Patience(
            verdict=timedelta(seconds=settings.safety.verdict_stale_after),
            presence=timedelta(seconds=settings.presence.stale_after),
        ),
        observed=Observed(
            tenant_of={account.id: account.tenant_id for account in accounts.values()},
            rules=Rules(name_mismatch=settings.validation.name_mismatch),
            without_presence=frozenset(id_ for id_, group in by_tenant.items() if not group[0].endpoints.presence),
            backlog=Backlog(Flapping(settings.presence.flap_damping)),
        ),
    )


def wired_push(
    settings: Settings, transport: Transport, accounts: Mapping[str, Account], context: Context
) -> FollowPush | None:
    """None where Graph is not to tell of presence."""
    push = settings.presence.push
    if push is None:
        return None
    keys, subscribers = KeyRing(), []
    for each in settings.accounts:
        if each.auth != "device_code" or (push.accounts is not None and each.id not in push.accounts):
            continue
        account, authority = accounts[each.id], accounts[each.id].endpoints.authority
        subscriptions = Subscriptions(each.id, _graph(account, transport, "push"), push.notification_url)
        proof = Proof(transport, authority, each.tenant_id, each.client_id or "", context.clock)
        subscribers.append(KeepSubscription(each.id, each.tenant_id, subscriptions, proof, keys, context.clock))
    return FollowPush(context, subscribers, keys, push.most)


def _budgets(accounts: Iterable[Account]) -> list[Budget]:
    """Each once: accounts of one app and tenant share theirs."""
    budgets = [each for account in accounts for each in (account.presence_budget, account.directory_budget)]
    return list(dict.fromkeys(budgets))


def _tenant(
    id_: str, accounts: list[Account], settings: Settings, transport: Transport, clock: Callable[[], datetime]
) -> Tenant:
    sessions = {account.id: _graph(account, transport, "directory") for account in accounts}
    given = [account.domains for account in settings.accounts if account.tenant_id == id_ and account.domains]
    return Tenant(
        id=id_,
        directory=Directory(id_, sessions, clock),
        accounts=tuple(sessions),
        configured_domains=frozenset(domain for domains in given for domain in domains) if given else None,
        people=lambda: {account.id: account.person for account in accounts if account.person is not None},
        canaries=frozenset(each.canary for each in settings.accounts if each.tenant_id == id_ and each.canary),
    )


def _graph(account: Account, transport: Transport, kind: str) -> Graph:
    budget = account.presence_budget if kind == "presence" else account.directory_budget
    graph = account.endpoints.graph
    return Graph(transport, account.tokens(graph), graph, budget, kind)


def directory_session(account: Account, transport: Transport) -> Graph:
    return _graph(account, transport, "directory")


def list_name(settings: Settings) -> str:
    """That tells it from lists of the same title in other sites."""
    return f"{settings.sharepoint.site_url} {settings.sharepoint.agent_list}"


def open_store(settings: Settings, *, read_only: bool) -> Store | None:
    """``read_only``: the database is looked at where there is one, and neither made nor written."""
    url = settings.state.database
    if not read_only:
        return Store.for_service(url, timedelta(seconds=settings.state.keep))
    try:
        return Store.look(url)
    except StateUnavailable as failure:
        _log.warning("state_unavailable", reason=str(failure), effect="history is not looked at")
        return None
