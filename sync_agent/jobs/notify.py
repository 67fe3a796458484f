"""Tell people what is new and what is over since they were last told: one message a target and turn, or none.

A target that cannot be reached holds nobody up: what it missed is kept for its next turn, and the others are not told
again. While none can be reached, the digest waits. A message whose answer was lost, or that the service was stopped
before noting, comes a second time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from sync_agent.fuses import Held
from sync_agent.model import Severity
from sync_agent.notify.digest import due
from sync_agent.notify.message import message
from sync_agent.notify.target import NotDelivered, Target, deliver
from sync_agent.settings import Settings
from sync_agent.state.records import Digest
from sync_agent.state.store import Store

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Told:
    """Targets: how many took a message, and how many could not be reached. The others had nothing to hear."""

    reached: int
    failed: int


def targets(settings: Settings) -> list[Target]:
    """What a target missed is kept under its reference, which may move in the list, or else under its place there."""
    return [
        Target(f"notify.urls.{number}", str(number) if url.is_plain else repr(url), url, settings.proxy)
        for number, url in enumerate(settings.notify.urls, 1)
    ]


def troubles(account_states: Mapping[str, str], *held: Held | None) -> dict[str, str]:
    """What keeps the list from being right whatever its rows hold: by a name that stays while it lasts, in words."""
    found = {f"account {id_}": f"Account {id_}: {state}" for id_, state in account_states.items() if state != "ok"}
    for each in filter(None, held):
        told = f"Held by the fuse {each.fuse}, for {each.cause}."
        found[f"held {each.fuse}"] = f"{told} {each.todo[:1].upper()}{each.todo[1:]}".strip()
    return found


class Notifier:
    """Remembers which troubles each target was told of, so that each is told once."""

    def __init__(self, settings: Settings) -> None:
        self._list_title = settings.sharepoint.agent_list
        self._targets = targets(settings)
        self._least = Severity(settings.notify.severity)
        self._report_link = settings.notify.report_link
        self._told: dict[str, frozenset[str]] = {}

    async def tell(self, store: Store, report: str, troubles: Mapping[str, str]) -> Told:
        """``report``: where everything is told, unless the settings say; ``troubles``: as the function gives them.

        Raises StateUnavailable. Targets that could not be reached are logged.
        """
        if not self._targets:
            return Told(0, 0)
        fresh = await asyncio.to_thread(store.digest, self._list_title)
        missed = await asyncio.to_thread(store.missed, self._list_title)
        heard = await asyncio.gather(
            *(
                self._tell(target, due(fresh, missed.get(target.key), self._least), report, troubles)
                for target in self._targets
            )
        )
        failed = [target.key for target, took in zip(self._targets, heard, strict=True) if took is False]
        if len(failed) < len(self._targets):
            owed = {key: due(fresh, missed.get(key)) for key in failed}
            await asyncio.to_thread(store.digest_sent, self._list_title, fresh, owed)
        return Told(heard.count(True), len(failed))

    def over(self, name: str) -> None:
        """A trouble has ended: when it begins again, it is told again, though no report came between."""
        self._told = {key: names - {name} for key, names in self._told.items()}

    async def _tell(self, target: Target, digest: Digest, report: str, troubles: Mapping[str, str]) -> bool | None:
        """Whether the target took it; None where there is nothing to tell."""
        before, self._told[target.key] = self._told.get(target.key, frozenset()), frozenset(troubles)
        if not (digest.new or digest.resolved or troubles.keys() - before):
            return None
        told = message(self._list_title, digest, list(troubles.values()), self._report_link or report)
        try:
            await deliver(target, told)
        except NotDelivered as failure:
            self._told[target.key] = before
            _log.warning("not_notified", target=target.name, reason=str(failure), effect="told at the next turn")
            return False
        _log.info("notified", target=target.name, new=len(digest.new), resolved=len(digest.resolved))
        return True
