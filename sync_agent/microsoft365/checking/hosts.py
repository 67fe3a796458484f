"""Whether a host answers, and what time it is there: one request without a sign-in, the way all others go."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from sync_agent.check.observed import Bundle, HostSeen, Trouble
from sync_agent.microsoft365.checking.trouble import trouble_of
from sync_agent.microsoft365.engine import ssl_context
from sync_agent.microsoft365.errors import Garbled, ServiceError
from sync_agent.microsoft365.retrying import http_date
from sync_agent.microsoft365.transport import Answer, Request, Transport
from sync_agent.settings import Settings


@dataclass(frozen=True, slots=True)
class Place:
    """``speaks_json``: whether it answers in JSON even to strangers."""

    url: str
    setting: str
    accounts: tuple[str, ...]
    speaks_json: bool = True

    @property
    def host(self) -> str:
        return host_of(self.url)


def host_of(url: str) -> str:
    return urlsplit(url).netloc


def places(settings: Settings) -> list[Place]:
    """Every host that the accounts need, once."""
    found: dict[str, Place] = {}
    for account in settings.accounts:
        ends = settings.endpoints(account)
        setting = f"clouds.{account.cloud}" if account.cloud in settings.clouds else f"accounts.{account.id}.cloud"
        urls = {
            f"{ends.authority}/{account.tenant_id}/v2.0/.well-known/openid-configuration": ends.authority,
            f"{ends.graph}/v1.0/organization?$select=id": ends.graph,
        }
        for url, origin in urls.items():
            known = found.get(origin)
            accounts = (*known.accounts, account.id) if known else (account.id,)
            if known is not None and known.setting != setting:
                setting = "accounts.*.cloud"
            found[origin] = Place(known.url if known else url, setting, accounts)
    if settings.list_api() == "rest":
        site = settings.sharepoint.site_url.rstrip("/")
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(site))
        place = Place(f"{site}/_api/web?$select=Id", "sharepoint.site_url", (settings.sharepoint.account,), False)
        found.setdefault(origin, place)
    return list(found.values())


async def see_host(transport: Transport, place: Place) -> HostSeen:
    seen = HostSeen(place.host, place.setting, place.accounts)
    before = time.time()
    try:
        answer = await transport.send(Request("GET", place.url, headers={"Accept": "application/json"}, kind="check"))
    except ServiceError as failure:
        return replace(seen, trouble=trouble_of(failure))
    ahead = _ahead(answer.headers, (before + time.time()) / 2)
    return replace(seen, ahead=ahead, trouble=_not_microsofts(answer) if place.speaks_json else None)


def _not_microsofts(answer: Answer) -> Trouble | None:
    try:
        answer.json(dict)
    except Garbled as failure:
        return Trouble("not_microsofts", failure.reason.partition(" answered with ")[2] or failure.reason)
    return None


def _ahead(headers: Mapping[str, str], now: float) -> float | None:
    """Dates are told in whole seconds, rounded down."""
    told = http_date(headers.get("date"))
    return None if told is None else now - told.timestamp() - 0.5


def bundles(settings: Settings) -> tuple[list[Path], list[Bundle]]:
    """The files of CA certificates that can be used, and those that cannot."""
    usable, unusable = [], []
    for name, cloud in sorted(settings.clouds.items()):
        if cloud.ca_bundle is None:
            continue
        try:
            ssl_context([cloud.ca_bundle])
            usable.append(cloud.ca_bundle)
        except ServiceError as failure:
            why = failure.reason.rpartition("cannot be used: ")[2]
            hosts = tuple(_unique([host_of(cloud.authority), host_of(cloud.graph)]))
            unusable.append(Bundle(f"clouds.{name}.ca_bundle", str(cloud.ca_bundle), why, hosts))
    return usable, unusable


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
