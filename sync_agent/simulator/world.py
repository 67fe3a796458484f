"""The state of the embedded Microsoft 365: tenants with users and apps, sites with lists, and what is truly wrong.

The server's loop reads it; tests change it from their own thread by plain assignment, which is safe for single values.
"""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from sync_agent.simulator.devices import Devices
from sync_agent.simulator.faults import Faults
from sync_agent.simulator.meter import Meter
from sync_agent.simulator.subscriptions import Subscriptions
from sync_agent.simulator.tokens import Mint
from sync_agent.simulator.user_log import UserLog

if TYPE_CHECKING:
    from sync_agent.simulator.lists import SharePointList
    from sync_agent.simulator.wire import Call

GRAPH_PERMISSIONS = frozenset({"User.Read.All", "Presence.Read.All", "Sites.Selected"})
"""What an app of the product needs, and gets unless a test says otherwise."""

DAY = 86_400.0


@dataclass(slots=True)
class SimUser:
    """An Entra user with a Teams presence."""

    id: str
    upn: str
    display_name: str
    enabled: bool = True
    guest: bool = False
    licensed: bool = True
    mail: str | None = None
    proxy_addresses: tuple[str, ...] = ()
    other_mails: tuple[str, ...] = ()
    deleted_at: str | None = None
    availability: str = "Available"
    activity: str = "Available"

    @property
    def has_presence(self) -> bool:
        return self.licensed and not self.guest


@dataclass(frozen=True, slots=True)
class FederatedCredential:
    """Whose tokens Entra takes for the app's: of this issuer, about this subject, made for this audience."""

    issuer: str
    subject: str
    audience: str = "api://AzureADTokenExchange"


@dataclass(slots=True)
class AppRegistration:
    """``secrets``: value to expiry (seconds since the epoch)."""

    client_id: str
    secrets: dict[str, float] = field(default_factory=dict)
    certificates: list[x509.Certificate] = field(default_factory=list)
    permissions: set[str] = field(default_factory=lambda: set(GRAPH_PERMISSIONS))
    public_client_flows: bool = True
    enabled: bool = True
    federated: list[FederatedCredential] = field(default_factory=list)


@dataclass(slots=True)
class Tenant:
    """``sharepoint_units``: resource units an app may spend a minute, by the tenant's licences."""

    id: str
    name: str
    domains: list[str]
    users: dict[str, SimUser] = field(default_factory=dict)
    deleted: dict[str, SimUser] = field(default_factory=dict)
    apps: dict[str, AppRegistration] = field(default_factory=dict)
    sharepoint_units: int = 1_200
    revoked_before: float = 0.0
    """Refresh tokens from before then are no longer good."""
    log: UserLog = field(default_factory=UserLog)
    _by_upn: dict[str, SimUser] = field(default_factory=dict)

    def add(self, user: SimUser) -> SimUser:
        self.users[user.id] = user
        self._by_upn[user.upn.lower()] = user
        return user

    def by_upn(self, upn: str) -> SimUser | None:
        return self._by_upn.get(upn.lower())

    def remove(self, user: SimUser, deleted_at: str | None = None) -> None:
        """Delete a user: into the recycle bin with a date (ISO 8601, kept there for 30 days), for good without."""
        self.users.pop(user.id, None)
        self._by_upn.pop(user.upn.lower(), None)
        if deleted_at is not None:
            user.deleted_at = deleted_at
            self.deleted[user.id] = user

    def restore(self, user: SimUser) -> None:
        """From the recycle bin."""
        self.deleted.pop(user.id)
        user.deleted_at = None
        self.add(user)

    def rename(self, user: SimUser, upn: str) -> None:
        self._by_upn.pop(user.upn.lower(), None)
        user.upn = upn
        self._by_upn[upn.lower()] = user


@dataclass(slots=True)
class Machine:
    """An Azure machine with managed identities: its ``own`` (system-assigned), and those ``assigned`` to it, by client
    id. ``header``: the secret by which App Service knows its programs.
    """

    tenant: Tenant
    header: str
    own: AppRegistration | None = None
    assigned: dict[str, AppRegistration] = field(default_factory=dict)


@dataclass(slots=True)
class Site:
    """``grants``: role by client id ("read", "write", "manage", "fullcontrol"), for Sites.Selected."""

    id: str
    path: str
    tenant_id: str
    title: str
    lists: dict[str, SharePointList] = field(default_factory=dict)
    grants: dict[str, str] = field(default_factory=dict)
    locale_id: int = 1033
    takes_iso_dates: bool = True
    utc_offset: timedelta = timedelta(hours=-8)

    def find(self, wanted: str) -> SharePointList | None:
        """A list by id or title, case aside."""
        known = self.lists.get(wanted.strip("{}").lower())
        return known or next((one for one in self.lists.values() if one.title.lower() == wanted.lower()), None)


@dataclass(frozen=True, slots=True)
class Truth:
    """What a faultless program would say of a row; ``kind``: what was done to it, "" if nothing."""

    codes: frozenset[str] = frozenset()
    suggestion: str | None = None
    object_id: str = ""
    tenant_id: str = ""
    kind: str = ""

    @property
    def status(self) -> str:
        warnings = {"upn_duplicate", "user_duplicate", "user_guest", "presence_unavailable", "name_mismatch"}
        if not self.codes:
            return "OK"
        return "Warning" if self.codes <= warnings else "Error"


@dataclass(slots=True)
class World:
    """``latency``: seconds added to every answer. ``limited``: whether Microsoft's limits hold."""

    seed: int = 1
    tenants: dict[str, Tenant] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)
    truth: dict[int, Truth] = field(default_factory=dict)
    accounts: list[tuple[str, Tenant, AppRegistration]] = field(default_factory=list)
    """(account id, tenant, app) as the settings for this world name them."""
    latency: float = 0.0
    limited: bool = True
    compress: bool = True
    moving: bool = False
    """Whether presence changes by itself."""
    token_lifetime: tuple[int, int] = (3_600, 5_400)
    clock: Callable[[], float] = time.time
    faults: Faults = field(default_factory=Faults)
    meter: Meter = field(default_factory=Meter)
    mint: Mint = field(default_factory=Mint)
    devices: Devices = field(default_factory=Devices)
    machine: Machine | None = None
    """The Azure machine that clients run on, where they run on one."""
    issuers: dict[str, RSAPublicKey] = field(default_factory=dict)
    """Who else signs tokens that Entra may be told to trust, by the issuer's address: a Kubernetes cluster, say."""
    other_origins: list[str] = field(default_factory=list)
    """Further resources that tokens may be asked for."""
    requests: Counter[str] = field(default_factory=Counter)
    heard: deque[Call] = field(default_factory=lambda: deque(maxlen=0))
    """The latest requests, a batch being one; whoever wants to see some puts a deque with room here."""
    origin: str = ""
    """Where the server is, as in https://127.0.0.1:8443; set when it starts."""
    trusted: Path | None = None
    """The authority whose certificates the addresses of subscribers may have; set with the origin."""
    subscriptions: Subscriptions = field(default_factory=Subscriptions)
    lenient_device_login: bool = False
    """Whether persons of other tenants get through a device sign-in, as with the authority /organizations."""
    random: random.Random = field(default_factory=lambda: random.Random(1))

    def tenant_of(self, wanted: str) -> Tenant | None:
        """A tenant by id or verified domain."""
        wanted = wanted.lower()
        known = self.tenants.get(wanted)
        return known or next((tenant for tenant in self.tenants.values() if wanted in tenant.domains), None)

    def user(self, user_id: str) -> SimUser | None:
        return next((t.users[user_id] for t in self.tenants.values() if user_id in t.users), None)
