"""What the tests of signing in share: settings, accounts and a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sync_agent.microsoft365.accounts import Account, Announce, Prompt, open_accounts
from sync_agent.microsoft365.errors import SignInFailed
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import Transport
from sync_agent.settings import Settings

GRAPH = "https://graph.example"
SHAREPOINT = "https://contoso.sharepoint.example"


def settings_for(folder: Path, authority: str, accounts: Sequence[dict[str, Any]]) -> Settings:
    sharepoint = {"site_url": f"{SHAREPOINT}/sites/ucc", "agent_list": "Agents", "account": accounts[0]["id"]}
    return Settings.model_validate(
        {
            "sharepoint": sharepoint,
            "clouds": {"lab": {"authority": authority, "graph": GRAPH}},
            "accounts": [{"cloud": "lab", **account} for account in accounts],
            "state": {"tokens": str(folder / "state" / "tokens")},
        }
    )


class Clock:
    """Stands still until a test moves it; who sleeps by it wakes when his time has come."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []
        self._slept = asyncio.Event()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        wake = asyncio.Event()
        self._sleepers.append((self.now + seconds, wake))
        self._slept.set()
        await wake.wait()

    async def asleep(self) -> None:
        """Until somebody sleeps."""
        await asyncio.wait_for(self._slept.wait(), 10)

    async def advance(self, seconds: float) -> None:
        """Let time pass, once somebody sleeps."""
        await self.asleep()
        self.now += seconds
        due = [wake for until, wake in self._sleepers if until <= self.now]
        self._sleepers = [(until, wake) for until, wake in self._sleepers if until > self.now]
        if not self._sleepers:
            self._slept.clear()
        for wake in due:
            wake.set()


@dataclass(slots=True)
class Announced:
    """Every prompt so far."""

    prompts: list[Prompt] = field(default_factory=list)

    def __call__(self, prompt: Prompt) -> None:
        self.prompts.append(prompt)

    @property
    def codes(self) -> list[str]:
        return [prompt.code for prompt in self.prompts]


@asynccontextmanager
async def opened(
    settings: Settings, ca_bundle: Path, announce: Announce | None = None, clock: Clock | None = None
) -> AsyncIterator[dict[str, Account]]:
    clock = clock or Clock()
    transport = Transport(ca_bundles=[ca_bundle], retrying=Retrying(attempts=2, base=0.001))
    accounts = open_accounts(settings, transport, announce, clock=clock, sleep=clock.sleep)
    try:
        yield accounts
    finally:
        for account in accounts.values():
            await account.aclose()
        await transport.aclose()


async def refusal(account: Account, resource: str = GRAPH) -> SignInFailed:
    with pytest.raises(SignInFailed) as caught:
        await account.tokens(resource).token()
    assert "\n" not in caught.value.reason
    return caught.value
