"""The service's presence reader by itself, with tokens that need no sign-in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.presence import PresenceReader
from sync_agent.microsoft365.transport import Transport


class _Known:
    def __init__(self, account: str) -> None:
        self.account = account
        self._token = account + "t" * 1_800

    async def token(self) -> str:
        return self._token

    async def renew(self, rejected: str) -> None:
        pass


def presence_reader(
    urls: str | Sequence[str], ca_bundle: str | Path, registrations: int, *, name: str = "a"
) -> tuple[PresenceReader, Transport]:
    """Of one tenant with so many registrations, dealt over the servers at ``urls``; each has Microsoft's limit."""
    places = [urls] if isinstance(urls, str) else urls
    transport = Transport(ca_bundles=[Path(ca_bundle)])

    def session(number: int) -> Graph:
        account = f"{name}{number}"
        budget = Budget(f"presence of {account}", 1_500, 30)
        return Graph(transport, _Known(account), places[number % len(places)], budget, "presence")

    sessions = {f"{name}{number}": session(number) for number in range(registrations)}
    return PresenceReader({"tenant": sessions}, partial(datetime.now, UTC)), transport
