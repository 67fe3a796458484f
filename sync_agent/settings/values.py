"""Values as people write them in settings: durations, percentages, addresses, names."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator, BeforeValidator, StringConstraints
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from sync_agent.settings.problems import Unfit

_GUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_SHORTEST, _LONGEST = 0.01, 3_650 * _UNITS["d"]


def _seconds(value: Any) -> Any:
    found = re.fullmatch(rf"({_NUMBER})\s*(ms|s|m|h|d)", str(value))
    if found is None:
        hint = f"write {value}s for seconds" if re.fullmatch(_NUMBER, str(value)) else ""
        raise Unfit("a duration such as 500ms, 2s, 15m, 1h or 1d", hint)
    return float(found[1]) * _UNITS[found[2]]


def _is_interval(seconds: float) -> float:
    if not _SHORTEST <= seconds <= _LONGEST:
        raise Unfit("a duration from 10ms to 3650d")
    return seconds


def _is_pause(seconds: float) -> float:
    return seconds if seconds == 0 else _is_interval(seconds)


Interval = Annotated[float, BeforeValidator(_seconds), AfterValidator(_is_interval)]
"""Seconds; written as 500ms, 2s, 15m, 1h or 1d."""

Pause = Annotated[float, BeforeValidator(_seconds), AfterValidator(_is_pause)]
"""The same, and 0s for none."""


def _percentage(least: float) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        found = re.fullmatch(rf"({_NUMBER})\s*%", str(value))
        if found is None or not least <= float(found[1]) <= 100:
            raise Unfit(f"a percentage from {least:g}% to 100%", _with_percent_sign(str(value)))
        return float(found[1]) / 100

    return read


def _with_percent_sign(text: str) -> str:
    if re.fullmatch(r"0?\.[0-9]{1,9}", text):
        return f"write {float(text) * 100:g}%"
    return f"write {text}%" if re.fullmatch(_NUMBER, text) else ""


Share = Annotated[float, BeforeValidator(_percentage(10))]
"""0.8; written as 80%. Not so small that one request would not fit into what is left of a limit."""

Part = Annotated[float, BeforeValidator(_percentage(1))]
"""0.3; written as 30%."""


def _matching(pattern: str, expected: str, hint: str = "") -> AfterValidator:
    def check(value: str) -> str:
        if re.fullmatch(pattern, value) is None:
            raise Unfit(expected, hint)
        return value.lower()

    return AfterValidator(check)


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Guid = Annotated[str, _matching(_GUID, "an id such as 11111111-2222-3333-4444-555555555555")]
TenantId = Annotated[
    str,
    _matching(
        f"{_GUID}|{_DOMAIN}",
        "the tenant's id or a verified domain of it",
        "the Entra admin centre shows it as Directory (tenant) ID",
    ),
]
Domain = Annotated[str, _matching(_DOMAIN, "a domain such as contoso.com")]


def _split(value: str, schemes: tuple[str, ...], expected: str) -> SplitResult:
    """Parts of an address that has a host, a port that can be, and no ? or #."""
    try:
        parts = urlsplit(value)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or parts.scheme not in schemes or parts.query or parts.fragment or re.search(r"\s", value):
        raise Unfit(expected)
    return parts


def _service(value: str) -> str:
    expected = "an address that begins with https:// and has no ? or #"
    if "@" in _split(value, ("https",), expected).netloc:
        raise Unfit(expected, "leave out the name and password before the @")
    return value.rstrip("/")


def _proxy(value: str) -> str:
    parts = _split(value, ("http", "https"), "the address of a proxy, such as http://proxy.contoso.com:8080")
    if parts.path.strip("/"):
        raise Unfit("the address of a proxy, such as http://proxy.contoso.com:8080", "leave out what follows the port")
    return value


def _listen(value: str) -> str:
    found = re.fullmatch(r"([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})", value)
    if found is None or not 0 < int(found[2]) < 65_536:
        raise Unfit("an address and a port, such as 127.0.0.1:8090")
    return value


Url = Annotated[str, AfterValidator(_service)]
ProxyUrl = Annotated[str, AfterValidator(_proxy)]
Listen = Annotated[str, AfterValidator(_listen)]


def _database(value: str) -> str:
    expected = "sqlite:///state/sync-agent.db, or postgresql://user:password@host/database"
    try:
        kind = make_url(value).get_backend_name()
    except (ArgumentError, ValueError):
        kind = ""
    if kind not in ("sqlite", "postgresql"):
        raise Unfit(expected)
    return value


DatabaseUrl = Annotated[str, AfterValidator(_database)]


def _path(value: Any) -> Any:
    if isinstance(value, str) and value.strip():
        return Path(value)
    if isinstance(value, Path):
        return value
    raise Unfit("the path of a file or folder")


PathText = Annotated[Path, BeforeValidator(_path)]
"""Relative ones start from the folder of the settings file, once loaded."""


def _five_fields(value: str) -> str:
    """APScheduler counts the days of the week from Monday as 0, crontab from Sunday: numbers may mean the wrong day."""
    expected = 'five cron fields, such as "0 6 * * *" for every day at six (UTC)'
    fields = value.split()
    if len(fields) == 5 and re.search(r"(^|[,-])[0-9]", fields[4]):
        raise Unfit(expected, "name the days of the week: sun, mon, tue, wed, thu, fri, sat")
    try:
        CronTrigger.from_crontab(value, timezone="UTC")
    except ValueError:
        raise Unfit(expected) from None
    return value


Cron = Annotated[str, AfterValidator(_five_fields)]
