"""Sign-ins that wait for a person: which codes can be entered now, and how people are asked to."""

from __future__ import annotations

from collections.abc import Mapping

from sync_agent.microsoft365.accounts import Account, Prompt


class SignIns:
    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = accounts

    def prompts(self) -> list[Prompt]:
        """The device codes that people can enter now."""
        return [account.prompt for account in self._accounts.values() if account.prompt is not None]

    def troubles(self) -> dict[str, str]:
        """A sentence for each, by a name that stays while somebody is waited for, though the code changes."""
        return {_name(each.account): _asked_for(each) for each in self.prompts()}

    def signed_in(self) -> list[str]:
        """The names of those that wait for nobody. Between two codes there is none for a moment, and yet one waits."""
        return [_name(id_) for id_, account in self._accounts.items() if account.trouble is None]


def _name(account: str) -> str:
    return f"sign-in {account}"


def _asked_for(prompt: Prompt) -> str:
    until = f"the code is good until {prompt.expires_at:%H:%M} UTC"
    then = f"the next is in the service's log, or run `sync-agent login {prompt.account}`"
    return f"Account {prompt.account} needs a person to sign in: {prompt.what_to_do}; {until}; {then}."
