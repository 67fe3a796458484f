"""Values as people write them in settings: durations, percentages, names, paths, times of the day."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator, BeforeValidator, PlainValidator, StringConstraints, ValidationInfo

from sync_agent.settings.origin import origin_of
from sync_agent.settings.problems import Unfit

_GUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_LONGEST = 3_650 * _UNITS["d"]


def _duration(least: str, *, none: bool = False) -> Callable[[Any], Any]:
    shortest = in_seconds(least)
    assert shortest is not None

    def read(value: Any) -> float:
        text = str(value)
        seconds = in_seconds(text)
        if seconds is None:
            meant = in_seconds(f"{text}s")
            hint = f"write {text}s for seconds" if meant is not None and fits(meant) else ""
            raise Unfit("a duration such as 500ms, 2s, 15m, 1h or 1d", hint)
        if not fits(seconds):
            raise Unfit(f"a duration from {least} to 3650d")
        return seconds

    def fits(seconds: float) -> bool:
        return (none and seconds == 0) or shortest <= seconds <= _LONGEST

    return read


def in_seconds(text: str) -> float | None:
    """Of a duration such as 500ms, 2s, 15m, 1h or 1d; None where it is none."""
    found = re.fullmatch(rf"({_NUMBER})\s*(ms|s|m|h|d)", text)
    return None if found is None else float(found[1]) * _UNITS[found[2]]


Interval = Annotated[float, BeforeValidator(_duration("10ms"))]
"""Seconds; written as 500ms, 2s, 15m, 1h or 1d."""


class Auto(float):
    """Seconds, at best: as often as the limits allow, those most whose presence changes most."""


def _duration_or_auto(value: Any) -> float:
    if value == "auto":
        return Auto(_BEST)
    try:
        return float(_duration("10ms")(value))
    except Unfit as unfit:
        raise Unfit(f"{unfit.expected}, or auto", unfit.hint) from None


_BEST = 0.5

IntervalOrAuto = Annotated[float, PlainValidator(_duration_or_auto)]
"""The same, or `auto`."""

Pause = Annotated[float, BeforeValidator(_duration("10ms", none=True))]
"""The same, and 0s for none."""

LeaseLength = Annotated[float, BeforeValidator(_duration("1s", none=True))]
"""The same, a second at least: it is renewed several times in its length."""

Days = Annotated[float, BeforeValidator(_duration("1d"))]
"""The same, a day at least: 90, meant for days, must not become 90 seconds."""


def _day(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    expected = "a day such as 2027-01-31"
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", str(value)) is None:
        raise Unfit(expected)
    try:
        return datetime.strptime(str(value), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Unfit(expected, "there is no such day") from None


Day = Annotated[datetime, BeforeValidator(_day)]
"""Its beginning, in UTC; written as 2027-01-31."""


def _percentage(least: float) -> Callable[[Any], Any]:
    def read(value: Any) -> float:
        text = str(value)
        percent = _percent(text)
        if percent is None or not least <= percent <= 100:
            meant = _with_percent_sign(text)
            meant_percent = _percent(meant)
            fits = meant_percent is not None and least <= meant_percent <= 100
            raise Unfit(f"a percentage from {least:g}% to 100%", f"write {meant}" if fits else "")
        return percent / 100

    return read


def _percent(text: str) -> float | None:
    found = re.fullmatch(rf"({_NUMBER})\s*%", text)
    return None if found is None else float(found[1])


def _with_percent_sign(text: str) -> str:
    """What was meant by 30 and by 0.3."""
    return f"{float(text) * 100:g}%" if re.fullmatch(r"0?\.[0-9]{1,9}", text) else f"{text}%"


Share = Annotated[float, BeforeValidator(_percentage(10))]
"""0.8; written as 80%. Not so small that one request would not fit into what is left of a limit."""

Part = Annotated[float, BeforeValidator(_percentage(1))]
"""0.3; written as 30%."""


def _switch(value: Any) -> bool:
    """Not `yes` or `off`: which words YAML takes for a truth depends on its version."""
    text = str(value).lower()
    if text not in ("true", "false"):
        meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(text)
        raise Unfit("true or false", f"write {meant}" if meant else "")
    return text == "true"


Switch = Annotated[bool, BeforeValidator(_switch)]
"""Written as true or false."""


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
Upn = Annotated[str, _matching(rf"[^@\s]{{1,64}}@{_DOMAIN}", "the UPN of a user, such as canary@contoso.com")]


def _path(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str) and value.strip():
        value = Path(value)
    if not isinstance(value, Path):
        raise Unfit("the path of a file or folder")
    return origin_of(info).folder / value


PathText = Annotated[Path, BeforeValidator(_path)]
"""Relative ones start from the folder of the settings file."""


def _five_fields(value: str) -> str:
    """APScheduler counts the days of the week from Monday as 0, crontab from Sunday: numbers may mean the wrong day."""
    expected = 'five cron fields, such as "0 6 * * *" for every day at six (UTC)'
    fields = value.split()
    if len(fields) == 5 and re.search(r"(^|[,-])[0-9]|\*/", fields[4]):
        raise Unfit(expected, "name the days of the week: sun, mon, tue, wed, thu, fri, sat")
    try:
        CronTrigger.from_crontab(value, timezone="UTC")
    except ValueError:
        raise Unfit(expected) from None
    return value


Cron = Annotated[str, AfterValidator(_five_fields)]
