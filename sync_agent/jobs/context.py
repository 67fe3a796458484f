"""What every job is handed: the edges to ask and write through, what has been observed, and who watches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sync_agent.fuses import Safety
from sync_agent.jobs.domain_owners import DomainOwners
from sync_agent.jobs.observed import Observed
from sync_agent.jobs.other_writers import OtherWriters
from sync_agent.jobs.quarantines import Quarantines
from sync_agent.jobs.write_journal import WriteJournal
from sync_agent.microsoft365.agent_list import AgentList
from sync_agent.microsoft365.anomaly_list import AnomalyList
from sync_agent.microsoft365.directory import Directory
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.presence import PresenceReader
from sync_agent.microsoft365.tenant_names import TenantNames
from sync_agent.model import User
from sync_agent.progress import Progress
from sync_agent.staleness import Patience


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant: its directory, the accounts that share it, and the domains the settings give it (if they do)."""

    id: str
    directory: Directory
    accounts: tuple[str, ...]
    configured_domains: frozenset[str] | None = None
    canaries: frozenset[str] = frozenset()
    """Users whom the settings name, by UPN key: one must be found before anybody counts as missing."""
    people: Callable[[], Mapping[str, User]] = dict
    """By account id, who has signed in to it: the canaries where the settings name none."""


@dataclass(frozen=True, slots=True)
class Edges:
    """The only ways to the outside that a job has."""

    agent_list: AgentList
    tenants: Mapping[str, Tenant]
    presence: PresenceReader
    tenant_names: TenantNames
    sharepoint: Budget
    """What is asked of the site is paid from it."""
    anomaly_list: AnomalyList | None = None


@dataclass(frozen=True, slots=True)
class Context:
    edges: Edges
    safety: Safety
    progress: Progress
    clock: Callable[[], datetime]
    unavailable_after: timedelta
    """How long PresenceUnknown must last before a licensed user's presence counts as unavailable."""
    patience: Patience
    """How long what could not be asked again is shown as it was."""
    observed: Observed
    quarantines: Quarantines
    """Of tenants that suddenly do not know most of the list's users."""
    writers: OtherWriters
    """Watches for a service with another database that writes to the Agent list too."""
    journal: WriteJournal
    """Told of every write to our columns of the Agent list."""
    owners: DomainOwners
    """Whose the domains are that no tenant is known to have."""
    budgets: tuple[Budget, ...] = ()
    """SharePoint's, then those of each app and tenant."""
    may_write: Callable[[], bool] = lambda: True
    """Whether this service is the one that writes, at this moment: asked before each write."""
