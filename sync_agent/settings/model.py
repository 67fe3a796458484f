"""The settings by name, type, default and meaning. docs/settings.md has them all; a test keeps it so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from sync_agent.model import OurColumn
from sync_agent.settings.values import Seconds, Secret, Share

_GUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
_BUILT_IN = ("global", "usgov", "usgov_dod", "china")


def _matching(pattern: str, expected: str) -> AfterValidator:
    def check(value: str) -> str:
        if re.fullmatch(pattern, value) is None:
            raise ValueError(f"expected {expected}")
        return value.lower()

    return AfterValidator(check)


def _https(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("expected an address that begins with https:// and has no ? or #")
    return value.rstrip("/")


Guid = Annotated[str, _matching(_GUID, "an id such as 11111111-2222-3333-4444-555555555555")]
TenantId = Annotated[str, _matching(f"{_GUID}|{_DOMAIN}", "a tenant id (a GUID), or a verified domain of the tenant")]
Domain = Annotated[str, _matching(_DOMAIN, "a domain such as contoso.com")]
Url = Annotated[str, AfterValidator(_https)]
Name = Annotated[str, Field(min_length=1, max_length=255)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


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


class ColumnSettings(_Part):
    """Where things are in the list. Ours are ``ours``, by internal name, for columns that were renamed."""

    upn: Name = "UPN"
    name: Name = "Title"
    ours: Mapping[OurColumn, Name] = {}

    @model_validator(mode="before")
    @classmethod
    def _gather_ours(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        ours = {column: value[column] for column in OurColumn if column in value}
        rest = {key: text for key, text in value.items() if key not in set(OurColumn)}
        return {**rest, "ours": {**{column: column.value for column in OurColumn}, **ours}}


class SharePointSettings(_Part):
    site_url: Url
    agent_list: Name
    account: Name
    api: Literal["graph", "rest"] | None = None
    columns: ColumnSettings = Field(default_factory=lambda: ColumnSettings.model_validate({}))
    presence_list: str | None = None

    @field_validator("site_url")
    @classmethod
    def _is_a_site(cls, value: str) -> str:
        path = urlsplit(value).path
        site = re.match(r"(/(?:sites|teams)/[^/]+)?", path)
        assert site is not None
        if re.search(r"/Lists/|\.aspx$|/Forms/", path):
            origin = value[: len(value) - len(path)]
            raise ValueError(f"expected the address of the site, not of a page in it: write {origin}{site[0]}")
        return value


class CertificateSettings(_Part):
    path: Path
    password: Secret | None = None


class AccountSettings(_Part):
    """An app registration in one tenant."""

    id: Name
    tenant_id: TenantId
    client_id: Guid | None = None
    auth: Literal["client_secret", "certificate", "device_code", "managed_identity"]
    client_secret: Secret | None = None
    certificate: CertificateSettings | None = None
    domains: tuple[Domain, ...] | None = None
    cloud: Name = "global"

    @model_validator(mode="after")
    def _has_what_its_auth_needs(self) -> Self:
        needed = {
            "client_secret": ("client_id", "client_secret"),
            "certificate": ("client_id", "certificate"),
            "device_code": ("client_id",),
            "managed_identity": (),
        }[self.auth]
        missing = [name for name in needed if getattr(self, name) is None]
        if missing:
            raise ValueError(f"expected {' and '.join(missing)} as well, for auth: {self.auth}")
        return self


class CloudSettings(_Part):
    authority: Url
    graph: Url
    ca_bundle: Path | None = None


def _five_fields(value: str) -> str:
    try:
        CronTrigger.from_crontab(value)
    except ValueError as error:
        raise ValueError('expected five cron fields, such as "0 6 * * *" for every day at six (UTC)') from error
    return value


def _seconds(text: str) -> Any:
    return Field(default=text, validate_default=True)


class ScheduleSettings(_Part):
    read_list: Seconds = _seconds("60s")
    resolve_users: Seconds = _seconds("15m")
    presence: Seconds = _seconds("2s")
    write_back: Seconds = _seconds("1s")
    report: Annotated[str, AfterValidator(_five_fields)] = "0 6 * * *"


class PresenceSettings(_Part):
    flap_damping: Seconds = _seconds("5s")
    stale_after: Seconds = _seconds("5m")


class SafetySettings(_Part):
    max_worsened: Share = _seconds("30%")
    max_worsened_floor: int = Field(default=10, ge=0)
    max_missing_rows: Share = _seconds("50%")


class PacingSettings(_Part):
    sharepoint_units_per_minute: int = Field(default=1200, ge=60, le=1_000_000)
    share: Share = _seconds("80%")


class StateSettings(_Part):
    database: str = "sqlite:///state/sync-agent.db"
    tokens: Path = Path("state/tokens")
    reports: Path = Path("state/reports")


class LogSettings(_Part):
    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"


class WebSettings(_Part):
    listen: str = "127.0.0.1:8090"


class Settings(_Part):
    """A whole settings.yaml. Relative paths in it start from its own folder."""

    sharepoint: SharePointSettings
    accounts: tuple[AccountSettings, ...]
    clouds: Mapping[str, CloudSettings] = {}
    schedule: ScheduleSettings = ScheduleSettings()
    presence: PresenceSettings = PresenceSettings()
    safety: SafetySettings = SafetySettings()
    pacing: PacingSettings = PacingSettings()
    state: StateSettings = StateSettings()
    log: LogSettings = LogSettings()
    web: WebSettings = WebSettings()
    notify: Mapping[str, Any] = {}
    proxy: str | None = None

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


def known_clouds(settings: Settings) -> tuple[str, ...]:
    return (*_BUILT_IN, *settings.clouds)
