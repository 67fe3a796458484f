"""The settings by name, type and default. docs/settings.md says what each means; a test keeps it whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from sync_agent.model import APPROVAL_COLUMN, OurColumn
from sync_agent.settings.addresses import DatabaseUrl, Listen, ProxyUrl, Url
from sync_agent.settings.origin import DEFAULT_KEY, DEFAULT_KEY_VARIABLE
from sync_agent.settings.problems import Unfit
from sync_agent.settings.sealing import is_sealed
from sync_agent.settings.secret import Secret
from sync_agent.settings.site_address import SiteUrl
from sync_agent.settings.values import (
    Cron,
    Day,
    Days,
    Domain,
    Guid,
    Interval,
    IntervalOrAuto,
    LeaseLength,
    Name,
    Part,
    PathText,
    Pause,
    Share,
    Switch,
    TenantId,
    Upn,
)


class Group(BaseModel):
    """Settings that stand together under one name."""

    # Defaults are written as an operator writes them, so they go through validation like any other value.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_reference(cls, value: Any, info: ValidationInfo) -> Any:
        """Else ${env:LIST} would be taken for the list's title."""
        takes_one = Secret in get_args(cls.model_fields[info.field_name or ""].annotation)
        if isinstance(value, str) and ("${" in value or is_sealed(value)) and not takes_one:
            raise Unfit("the value itself", "only secrets, passwords and notify.urls can be looked up elsewhere")
        return value


def _default(written: Any) -> Any:
    """A default as it is written in the file; validation makes the value of it."""
    return Field(default=written)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where one account's cloud is. ``instance_discovery``: whether Microsoft knows the authority's host."""

    authority: str
    graph: str
    instance_discovery: bool = True
    ca_bundle: Path | None = None
    presence: bool = True


CLOUDS: Mapping[str, Endpoints] = {
    "global": Endpoints("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    "usgov": Endpoints("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    "usgov_dod": Endpoints("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    "china": Endpoints(
        "https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn", presence=False
    ),
}
"""Microsoft's clouds (learn.microsoft.com: national cloud deployments); China's Graph has no presence."""
SHAREPOINT_HOSTS: Mapping[str, str] = {
    "global": ".sharepoint.com",
    "usgov": ".sharepoint.us",
    "usgov_dod": ".sharepoint-mil.us",
    "china": ".sharepoint.cn",
}
"""How the hosts of sites end in each of them."""


class ColumnSettings(Group):
    """What the columns of the list are called, by internal or display name. Ours are named by their internal names.

    Written out, since a type checker reads aliases only as literals; a test holds them against OurColumn.
    """

    upn: Name = "UPN"
    name: Name = "Title"
    team: Name | None = None
    status: Name = Field(default="SyncStatus", alias="SyncStatus")
    anomalies: Name = Field(default="SyncAnomalies", alias="SyncAnomalies")
    account: Name = Field(default="SyncAccount", alias="SyncAccount")
    object_id: Name = Field(default="EntraObjectId", alias="EntraObjectId")
    presence: Name = Field(default="Presence", alias="Presence")
    activity: Name = Field(default="PresenceActivity", alias="PresenceActivity")
    presence_changed_at: Name = Field(default="PresenceChangedAt", alias="PresenceChangedAt")
    sync_changed_at: Name = Field(default="SyncChangedAt", alias="SyncChangedAt")
    approval: Name = Field(default=APPROVAL_COLUMN, alias="SyncApproveFix")

    @property
    def ours(self) -> Mapping[OurColumn, str]:
        """All of our columns; one that was not renamed has its internal name."""
        return {column: getattr(self, column.name.lower()) for column in OurColumn}


class SharePointSettings(Group):
    site_url: SiteUrl
    agent_list: Name
    account: Name
    api: Literal["graph", "rest"] | None = None
    columns: ColumnSettings = _default({})
    presence_list: Name | None = None
    anomaly_list: Name | None = None


class CertificateSettings(Group):
    path: PathText
    password: Secret | None = None


Auth = Literal["client_secret", "certificate", "device_code", "managed_identity", "workload_identity"]

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "client_secret": ("client_id", "client_secret"),
    "certificate": ("client_id", "certificate"),
    "device_code": ("client_id",),
    "managed_identity": (),
    "workload_identity": ("client_id",),
}
CREDENTIALS: Mapping[str, Auth] = {
    "client_secret": "client_secret",
    "client_secret_next": "client_secret",
    "client_secret_expires": "client_secret",
    "certificate": "certificate",
    "token_file": "workload_identity",
}
"""Settings that only one ``auth`` looks at."""


class AccountSettings(Group):
    """An app registration in one tenant."""

    id: Name
    tenant_id: TenantId
    auth: Auth  # before what it needs: a validator sees only the fields above its own
    client_id: Guid | None = None
    client_secret: Secret | None = None
    client_secret_next: Secret | None = None
    client_secret_expires: Day | None = None
    certificate: CertificateSettings | None = None
    token_file: PathText | None = None
    domains: Annotated[tuple[Domain, ...], Field(min_length=1)] | None = None
    canary: Upn | None = None
    cloud: Name = "global"

    @field_validator("client_id", "client_secret", "certificate")
    @classmethod
    def _is_there_where_needed(cls, value: Any, info: ValidationInfo) -> Any:
        auth = info.data.get("auth")
        if value is None and info.field_name in _NEEDED.get(auth or "", ()):
            raise Unfit(f"a value, which auth: {auth} needs")
        return value

    @field_validator("client_secret", "client_secret_next", "certificate")
    @classmethod
    def _knows_its_name(cls, value: Any, info: ValidationInfo) -> Any:
        """So that a secret which cannot be had is told by the name of its setting."""
        where = f"accounts.{info.data.get('id')}.{info.field_name}"
        if isinstance(value, Secret):
            return value.named(where)
        if isinstance(value, CertificateSettings) and value.password is not None:
            return value.model_copy(update={"password": value.password.named(f"{where}.password")})
        return value

    def sign_in_secrets(self) -> Iterator[Secret]:
        """Those that its ``auth`` uses."""
        if self.auth == "client_secret":
            yield from filter(None, (self.client_secret, self.client_secret_next))
        if self.auth == "certificate" and self.certificate is not None and self.certificate.password is not None:
            yield self.certificate.password

    def needed_secrets(self) -> list[Secret]:
        """Those without which nothing can sign in: the next one need not be there yet."""
        return [secret for secret in self.sign_in_secrets() if secret is not self.client_secret_next]


class CloudSettings(Group):
    authority: Url
    graph: Url
    ca_bundle: PathText | None = None


class ScheduleSettings(Group):
    read_list: Interval = _default("60s")
    read_whole_list: Interval = _default("15m")
    resolve_users: Interval = _default("15m")
    resolve_everybody: Interval = _default("6h")
    presence: IntervalOrAuto = _default("2s")
    write_back: Interval = _default("1s")
    report: Cron = "0 6 * * *"


class ValidationSettings(Group):
    domain_lookup: Switch = _default("true")
    name_mismatch: Switch = _default("false")


class PushSettings(Group):
    """``accounts``: ids; None: every account that a person signs in to."""

    notification_url: Url
    listen: Listen = "127.0.0.1:8091"
    accounts: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    most: int = Field(default=650, ge=1, le=650)


class PresenceSettings(Group):
    flap_damping: Pause = _default("5s")
    stale_after: Interval = _default("5m")
    unavailable_after: Interval = _default("24h")
    target_age: Pause = _default("5m")
    worst_age: Interval = _default("60s")
    push: PushSettings | None = None


class SafetySettings(Group):
    max_worsened: Part = _default("30%")
    max_worsened_floor: int = Field(default=10, ge=0, le=1_000_000)
    max_missing_rows: Part = _default("50%")
    max_wrong_at_first: Part = _default("50%")
    min_known_users: Part = _default("50%")
    verdict_stale_after: Interval = _default("24h")
    approved_fixes: bool = False
    max_fixes: Part = _default("10%")
    lease: LeaseLength = _default("60s")


class PacingSettings(Group):
    sharepoint_units_per_minute: int = Field(default=1200, ge=60, le=1_000_000)
    sharepoint_units_per_day: int | None = Field(default=None, ge=10_000, le=1_000_000_000)
    share: Share = _default("80%")

    @property
    def units_per_day(self) -> int:
        """As Microsoft's table has it for every size of tenant, unless the settings say otherwise."""
        return self.sharepoint_units_per_day or 1_000 * self.sharepoint_units_per_minute


class StateSettings(Group):
    database: DatabaseUrl = Field(default="sqlite:///state/sync-agent.db", repr=False)
    tokens: PathText = Path("state/tokens")
    reports: PathText = Path("state/reports")
    keep: Days = _default("180d")


class LogSettings(Group):
    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"


class WebSettings(Group):
    listen: Listen = "127.0.0.1:8090"


class SecretsSettings(Group):
    key: Secret | None = _default(DEFAULT_KEY)

    @field_validator("key")
    @classmethod
    def _is_not_encrypted_itself(cls, value: Secret | None) -> Secret | None:
        if value is not None and is_sealed(value.written):
            raise Unfit("where the key is, such as ${file:/etc/sync-agent/key}", "a key cannot open itself")
        return None if value is None else value.named("secrets.key")

    def chosen_key(self) -> Secret | None:
        """None where nobody has given one: the settings name none, and its usual place is empty."""
        if "key" in self.model_fields_set:
            return self.key
        return self.key if os.environ.get(DEFAULT_KEY_VARIABLE) else None


class NotifySettings(Group):
    """Each of ``urls`` is an address as Apprise has it, and a secret: who knows it can write to those people."""

    urls: tuple[Secret, ...] = _default([])
    severity: Literal["error", "warning"] = "warning"
    report_link: Name | None = None

    @field_validator("urls")
    @classmethod
    def _are_addresses_that_know_their_names(cls, value: tuple[Secret, ...]) -> tuple[Secret, ...]:
        if any(secret.is_plain and "://" not in secret.reveal() for secret in value):
            raise Unfit("addresses as Apprise has them, such as mailto://name:password@smtp.contoso.com")
        return tuple(secret.named(f"notify.urls.{number}") for number, secret in enumerate(value, 1))


class Settings(Group):
    """A whole settings.yaml. Relative paths in it start from its own folder."""

    sharepoint: SharePointSettings
    accounts: Annotated[tuple[AccountSettings, ...], Field(min_length=1)]
    clouds: Mapping[Name, CloudSettings] = {}
    schedule: ScheduleSettings = _default({})
    validation: ValidationSettings = _default({})
    presence: PresenceSettings = _default({})
    safety: SafetySettings = _default({})
    pacing: PacingSettings = _default({})
    state: StateSettings = _default({})
    secrets: SecretsSettings = _default({})
    log: LogSettings = _default({})
    web: WebSettings = _default({})
    notify: NotifySettings = _default({})
    proxy: ProxyUrl | None = Field(default=None, repr=False)

    def list_api(self) -> Literal["graph", "rest"]:
        """SharePoint's own API where the account can use it: it takes no app-only token that was got with a secret."""
        if self.sharepoint.api is not None:
            return self.sharepoint.api
        return "rest" if self.account(self.sharepoint.account).auth in ("certificate", "device_code") else "graph"

    def account(self, id_: str) -> AccountSettings:
        return next(account for account in self.accounts if account.id == id_)

    def sign_in_secrets(self) -> Iterator[Secret]:
        """Every secret that the accounts sign in with."""
        for account in self.accounts:
            yield from account.sign_in_secrets()

    def plain_secrets(self) -> list[str]:
        """The names of settings that hold a secret as it is."""
        every = [*self.sign_in_secrets(), *self.notify.urls, *filter(None, [self.secrets.key])]
        return [secret.where for secret in every if secret.is_plain]

    def endpoints(self, account: AccountSettings) -> Endpoints:
        own = self.clouds.get(account.cloud)
        if own is None:
            return CLOUDS[account.cloud]
        return Endpoints(own.authority, own.graph, instance_discovery=False, ca_bundle=own.ca_bundle)
