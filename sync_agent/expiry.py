"""When the credentials of accounts end, and when that is worth a warning: 30, 14 and 3 days ahead, and once it is over.

A secret or certificate that ends without a word stops everything at once, two years after somebody made it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

WARNED_AT = (30, 14, 3, 0)
"""Days before the end."""


@dataclass(frozen=True, slots=True)
class CredentialEnd:
    """``setting`` is what holds the credential, as in "client_secret" or "certificate"; ``ends`` is in UTC.

    ``known_from``: where the end is known from, as in "the app registration".
    """

    account: str
    setting: str
    ends: datetime
    known_from: str


@dataclass(frozen=True, slots=True)
class Warned:
    """A credential whose end is near. ``stage``: the least of `WARNED_AT` that has been reached."""

    end: CredentialEnd
    stage: int
    days: int
    """Whole days left; negative once it is over."""

    @property
    def name(self) -> str:
        """The same until the next stage, so that each is told once."""
        return f"accounts.{self.end.account}.{self.end.setting} {self.end.ends.isoformat()} {self.stage}"

    @property
    def sentence(self) -> str:
        what = _CALLED.get(self.end.setting, self.end.setting)
        day = f"{self.end.ends:%Y-%m-%d}"
        when = f"has ended on {day}" if self.days < 0 else f"ends on {day}, {_in_days(self.days)}"
        known = f"by {self.end.known_from}"
        return f"Account {self.end.account}: the {what} {when} ({known}); {_TODO.get(self.end.setting, _RENEW)}"


def warned(ends: Iterable[CredentialEnd], now: datetime) -> list[Warned]:
    """Those that end within 30 days or have ended, the nearest end first."""
    found = []
    for end in sorted(ends, key=lambda each: (each.ends, each.account, each.setting)):
        left = end.ends - now
        reached = [days for days in WARNED_AT if left <= timedelta(days=days)]
        if reached:
            found.append(Warned(end, min(reached), left // timedelta(days=1)))
    return found


def _in_days(days: int) -> str:
    return {0: "today", 1: "in 1 day"}.get(days, f"in {days} days")


_CALLED = {
    "client_secret": "client secret",
    "client_secret_next": "next client secret",
    "certificate": "certificate",
}
_RENEW = "renew it in time"
_TODO = {
    "client_secret": (
        "make a new one in the app registration and put it into client_secret_next, then into client_secret"
    ),
    "client_secret_next": "make a new one in the app registration and put it there",
    "certificate": "make a new one, upload it to the app registration beside the old one, and replace the file",
}
