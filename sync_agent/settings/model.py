"""The settings by name, type and default. docs/settings.md says what each means; a test keeps it whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from sync_agent.model import OurColumn
from sync_agent.settings.problems import Unfit
from sync_agent.settings.secret import Secret
from sync_agent.settings.site_address import SiteUrl
from sync_agent.settings.values import (
    Cron,
    DatabaseUrl,
    Domain,
    Guid,
    Interval,
    Listen,
    Name,
    Part,
    PathText,
    Pause,
    ProxyUrl,
    Share,
    TenantId,
    Url,
)


class Group(BaseModel):
    """Settings that stand together under one name."""

    # Defaults are written as an operator writes them, so they go through validation like any other value.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)


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


class ColumnSettings(Group):
    """What the columns of the list are called, by internal or display name. Ours are named by their internal names.

    Written out, since a type checker reads aliases only as literals; a test holds them against OurColumn.
    """

    upn: Name = "UPN"
    name: Name = "Title"
    status: Name = Field(default="SyncStatus", alias="SyncStatus")
    anomalies: Name = Field(default="SyncAnomalies", alias="SyncAnomalies")
    account: Name = Field(default="SyncAccount", alias="SyncAccount")
    object_id: Name = Field(default="EntraObjectId", alias="EntraObjectId")
    presence: Name = Field(default="Presence", alias="Presence")
    activity: Name = Field(default="PresenceActivity", alias="PresenceActivity")
    presence_changed_at: Name = Field(default="PresenceChangedAt", alias="PresenceChangedAt")
    sync_changed_at: Name = Field(default="SyncChangedAt", alias="SyncChangedAt")

    @property
    def ours(self) -> Mapping[OurColumn, str]:
        """All of our columns; one that was not renamed has its internal name."""
        return {column: getattr(self, column.name.lower()) for column in OurColumn}


class SharePointSettings(Group):
    site_url: SiteUrl
    agent_list: Name
    account: Name
    api: Literal["graph", "rest"] | None = None
    columns: ColumnSettings = ColumnSettings()
    presence_list: Name | None = None


class CertificateSettings(Group):
    path: PathText
    password: Secret | None = None


Auth = Literal["client_secret", "certificate", "device_code", "managed_identity"]

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "client_secret": ("client_id", "client_secret"),
    "certificate": ("client_id", "certificate"),
    "device_code": ("client_id",),
    "managed_identity": (),
}


class AccountSettings(Group):
    """An app registration in one tenant."""

    id: Name
    tenant_id: TenantId
    auth: Auth  # before what it needs: a validator sees only the fields above its own
    client_id: Guid | None = None
    client_secret: Secret | None = None
    certificate: CertificateSettings | None = None
    domains: Annotated[tuple[Domain, ...], Field(min_length=1)] | None = None
    cloud: Name = "global"

    @field_validator("client_id", "client_secret", "certificate")
    @classmethod
    def _is_there_where_needed(cls, value: Any, info: ValidationInfo) -> Any:
        auth = info.data.get("auth")
        if value is None and info.field_name in _NEEDED.get(auth or "", ()):
            raise Unfit(f"a value, which auth: {auth} needs")
        return value


class CloudSettings(Group):
    authority: Url
    graph: Url
    ca_bundle: PathText | None = None


def _written(text: str) -> Any:
    """A default as it is written in the file; validation makes the value of it."""
    return Field(default=text)


class ScheduleSettings(Group):
    read_list: Interval = _written("60s")
    resolve_users: Interval = _written("15m")
    presence: Interval = _written("2s")
    write_back: Interval = _written("1s")
    report: Cron = "0 6 * * *"


class PresenceSettings(Group):
    flap_damping: Pause = _written("5s")
    stale_after: Interval = _written("5m")


class SafetySettings(Group):
    max_worsened: Part = _written("30%")
    max_worsened_floor: int = Field(default=10, ge=0, le=1_000_000)
    max_missing_rows: Part = _written("50%")


class PacingSettings(Group):
    sharepoint_units_per_minute: int = Field(default=1200, ge=60, le=1_000_000)
    share: Share = _written("80%")


class StateSettings(Group):
    database: DatabaseUrl = Field(default="sqlite:///state/sync-agent.db", repr=False)  # may hold a password
    tokens: PathText = Path("state/tokens")
    reports: PathText = Path("state/reports")


class LogSettings(Group):
    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"


class WebSettings(Group):
    listen: Listen = "127.0.0.1:8090"


class Settings(Group):
    """A whole settings.yaml. Relative paths in it start from its own folder."""

    sharepoint: SharePointSettings
    accounts: Annotated[tuple[AccountSettings, ...], Field(min_length=1)]
    clouds: Mapping[Name, CloudSettings] = {}
    schedule: ScheduleSettings = ScheduleSettings()
    presence: PresenceSettings = PresenceSettings()
    safety: SafetySettings = SafetySettings()
    pacing: PacingSettings = PacingSettings()
    state: StateSettings = StateSettings()
    log: LogSettings = LogSettings()
    web: WebSettings = WebSettings()
    notify: Mapping[str, Any] = Field(default={}, repr=False)  # addresses of web hooks are secrets
    proxy: ProxyUrl | None = Field(default=None, repr=False)  # may hold a password

    def list_api(self) -> Literal["graph", "rest"]:
        """SharePoint's own API where the account can use it: it takes no app-only token that was got with a secret."""
        if self.sharepoint.api is not None:
            return self.sharepoint.api
        return "rest" if self.account(self.sharepoint.account).auth in ("certificate", "device_code") else "graph"

    def account(self, id_: str) -> AccountSettings:
        return next(account for account in self.accounts if account.id == id_)

    def secrets(self) -> Iterator[Secret]:
        """Every secret of the accounts."""
        for account in self.accounts:
            if account.client_secret is not None:
                yield account.client_secret
            if account.certificate is not None and account.certificate.password is not None:
                yield account.certificate.password

    def endpoints(self, account: AccountSettings) -> Endpoints:
        own = self.clouds.get(account.cloud)
        if own is None:
            return CLOUDS[account.cloud]
        return Endpoints(own.authority, own.graph, instance_discovery=False, ca_bundle=own.ca_bundle)
