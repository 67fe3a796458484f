"""What was observed: plain values, made by whoever asked and judged by the other modules of this package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

NOTIFY = "notify"
"""What concerns those who are told, and no account."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why no answer came, or not the one that was asked for. ``kind``: a fault's id, or "refused" (401, 403),
    "absent" (404), "other". ``words`` complete a sentence.
    """

    kind: str
    words: str
    status: int = 0


@dataclass(frozen=True, slots=True)
class HostSeen:
    """``setting``: what says where it is. ``accounts``: that need it. ``ahead``: seconds by which our clock is ahead of
    the host's, None where it told none.
    """

    host: str
    setting: str
    accounts: tuple[str, ...]
    trouble: Trouble | None = None
    ahead: float | None = None


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A certificate's file. ``state``: usable, unusable, expired or not_yet; ``ends``: of the certificate, UTC."""

    path: str
    state: str = "usable"
    why: str = ""
    ends: datetime | None = None
    begins: datetime | None = None
    mode: int = 0o600


@dataclass(frozen=True, slots=True)
class SignInSeen:
    """``way``: auth of the settings. ``number``, ``means``, ``todo``: Entra's refusal, in words. ``outcome``:
    signed_in, refused, nobody, no_identity, unanswered, or "" where nobody was asked. ``granted``: the permissions in
    the token for Graph, None where it does not tell.
    """

    account: str
    way: str
    host: str
    tenant_id: str
    outcome: str = ""
    number: int | None = None
    means: str = ""
    todo: str = ""
    why: str = ""
    got_tenant: str = ""
    granted: frozenset[str] | None = None
    key_file: KeyFile | None = None
    notice: str = ""
    """What is to be said of a sign-in that works all the same, in a clause: that the next secret is in use, and why."""
    ends: Sequence[tuple[str, datetime]] = ()
    """Credentials of the registration and when they end, as far as it tells: ("client_secret", when)."""

    @property
    def by_person(self) -> bool:
        return self.way == "device_code"


@dataclass(frozen=True, slots=True)
class AccessSeen:
    """What came of asking one account's tenant one cheap question. ``what``: users, presence, domains."""

    account: str
    what: str
    host: str
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class SitePermissions:
    """The permissions in the token that the site is opened with. ``service``: Microsoft Graph or SharePoint."""

    account: str
    service: str
    by_person: bool
    granted: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class ColumnSeen:
    """One column that the settings name. ``role``: upn, name, team, or ours by its contract name; ``state``: found,
    missing or ambiguous. ``needed``: the type that ours must have, "" where it has it; ``near``: names to offer.
    """

    role: str
    wanted: str
    state: str = "found"
    display: str = ""
    internal: str = ""
    kind: str = ""
    fits: bool = True
    needed: str = ""
    lacking: tuple[str, ...] = ()
    near: str = ""
    read_only: bool = False
    required: bool = False
    unique: bool = False
    validated: bool = False
    indexed: bool = False

    @property
    def ours(self) -> bool:
        return self.role not in ("upn", "name", "team")


@dataclass(frozen=True, slots=True)
class RowsSeen:
    """``domains``: rows by the domain of their UPN; ``whole``: whether every row was read."""

    count: int
    whole: bool
    domains: Mapping[str, int]
    without_upn: int = 0
    versions: bool = False
    """Whether some row has more than one version."""
    lacking: tuple[str, ...] = ()
    """Columns of people that require a value which some row lacks."""


@dataclass(frozen=True, slots=True)
class WriteSeen:
    """``outcome``: proven, not_granted, refused or unanswered."""

    row: int
    outcome: str
    why: str = ""
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class ListSeen:
    """The Agent list. ``keeps_versions`` and the like: None where the API does not tell."""

    account: str
    host: str
    api: str
    site: str
    wanted: str
    by_secret: bool = False
    has_presence_list: bool = False
    stage: str = ""
    """How far one got where there was trouble: site or list; "" to the end."""
    trouble: Trouble | None = None
    near: str = ""
    title: str = ""
    columns: Sequence[ColumnSeen] = ()
    unfinished: tuple[str, ...] = ()
    """What provision would still make beside columns."""
    keeps_versions: bool | None = None
    approves: bool = False
    validated: bool = False
    rows: RowsSeen | None = None
    write: WriteSeen | None = None


@dataclass(frozen=True, slots=True)
class OwnListSeen:
    """A list of the service's own. ``setting``: that names it; ``lacking``: what provision would make, ``unfinished``
    what it would make beside, without which the list serves.
    """

    account: str
    setting: str
    lacking: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    unfit: str = ""
    trouble: Trouble | None = None
    host: str = ""


@dataclass(frozen=True, slots=True)
class DomainsSeen:
    """By account: the domains of its tenant, None where they are not known. ``owners``: of domains that no account is
    known to have, the tenant's id, "" where nobody has it; a domain is left out where that could not be asked.
    """

    of_accounts: Mapping[str, frozenset[str] | None]
    tenants: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    looked_up: bool = True


@dataclass(frozen=True, slots=True)
class TenantLimit:
    """``held`` and ``wanted``: seconds between two readings."""

    tenant: str
    held: float
    wanted: float
    used: float
    todo: str


@dataclass(frozen=True, slots=True)
class LimitsSeen:
    """``sharepoint``: what is nearest of SharePoint's limits, as (name, share used, what to do); None where it does not
    even suffice to read. ``stated``: units a minute that SharePoint itself named.
    """

    rows: int
    tenants: Sequence[TenantLimit]
    sharepoint: tuple[str, float, str] | None
    set_units: int
    stated: float | None = None
    day: DaySeen | None = None
    more: bool = False
    """Whether the list has more rows, nobody knows how many."""


@dataclass(frozen=True, slots=True)
class DaySeen:
    """``units`` of 24 hours that may be spent at once; ``missing``: of them, now; ``inflow``: units a second."""

    units: float
    missing: float
    inflow: float


@dataclass(frozen=True, slots=True)
class FolderSeen:
    """``why``: it cannot be written to, "" where it can (or could be made). ``parent``: the folder that it is in."""

    path: str
    why: str = ""
    mode: int | None = None
    free: int | None = None
    """Bytes."""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class DatabaseSeen:
    """``state``: ready, unwritable, unavailable, damaged or newer. ``parent``: the folder that the file is in."""

    state: str
    why: str = ""
    file: str = ""
    found: str = ""
    known: str = ""
    free: int | None = None
    parent: str = ""


@dataclass(frozen=True, slots=True)
class PortSeen:
    """``state``: free, ours, unwell, taken or elsewhere (no address of this machine)."""

    setting: str
    listen: str
    state: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class NotifySeen:
    """``fault``: notify_secret_unavailable, notify_url_unusable, or ""."""

    setting: str
    fault: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class SettingsSeen:
    """``plain``, ``unused``: names of settings. ``unavailable``: setting, account and why of secrets that cannot be
    had.
    """

    file: str
    accounts: int
    plain: Sequence[str] = ()
    unused: Sequence[str] = ()
    unavailable: Sequence[tuple[str, str, str]] = ()
    no_key: str = ""
    """Why the key that opens encrypted secrets cannot be had, where one is needed."""
    in_need_of_key: Sequence[str] = ()
    """Accounts, and NOTIFY."""
    next_unavailable: Sequence[tuple[str, str, str]] = ()
    """As ``unavailable``, of secrets that are not needed yet."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A file of CA certificates that cannot be used. ``hosts``: of the cloud that names it."""

    setting: str
    file: str
    why: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Slow:
    """What was given up."""

    what: str
    seconds: float
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything. A part that was not looked at, since another one failed before it, is empty."""

    now: datetime
    settings: SettingsSeen
    bundles: Sequence[Bundle] = ()
    no_proxy: bool = False
    """The environment names one that cannot be used, so nobody was asked anything."""
    hosts: Sequence[HostSeen] = ()
    sign_ins: Sequence[SignInSeen] = ()
    site_sign_in: SignInSeen | None = None
    """With a token for the service that the list is read by, which may be another than Graph."""
    access: Sequence[AccessSeen] = ()
    site_permissions: SitePermissions | None = None
    no_presence: Sequence[tuple[str, str]] = ()
    """Accounts, each with its cloud, that has no presence."""
    agent_list: ListSeen | None = None
    own_lists: Sequence[OwnListSeen] = ()
    domains: DomainsSeen | None = None
    limits: LimitsSeen | None = None
    tokens: FolderSeen | None = None
    reports: FolderSeen | None = None
    database: DatabaseSeen | None = None
    ports: Sequence[PortSeen] = ()
    notify: Sequence[NotifySeen] = ()
    slow: Sequence[Slow] = ()
