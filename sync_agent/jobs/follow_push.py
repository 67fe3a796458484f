"""Presence that Graph tells by itself, of the users that matter most, beside the rounds in which everybody is asked
for.

A notification is a hint, not the truth: it is shown at once, and whoever was told of is asked for within seconds,
since Graph may send late what it could not send in time. Whatever becomes of the subscriptions, the rounds go on.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from sync_agent.jobs.context import Context
from sync_agent.jobs.keep_subscription import KeepSubscription, ended
from sync_agent.jobs.take_notifications import TakeNotifications
from sync_agent.microsoft365.errors import ServiceError, SignInPending
from sync_agent.microsoft365.notification_keys import KeyRing
from sync_agent.microsoft365.notifications import Notifications
from sync_agent.microsoft365.pacing import Priority, going_at
from sync_agent.pushing import chosen

_log = structlog.get_logger()

_LOOK = 2.0
_CHOSEN_EVERY = 60.0
_CONFIRMED_EVERY = 10.0
_MOST_WAITING = 200
"""Requests of Graph that wait to be looked at; beyond that it is told to come again."""
_TOLD_EVERY = 600.0
_LONGEST_END = 2.0
"""Seconds, for what is under way and for ending the subscriptions each."""


class FollowPush:
    """``most``: users of one subscription."""

    def __init__(self, context: Context, subscribers: Sequence[KeepSubscription], keys: KeyRing, most: int) -> None:
        self.subscribers = subscribers
        self.taken: Counter[str] = Counter()
        """Changes by what came of them: ``news``, or ``known`` already."""
        self._context = context
        self._notifications = TakeNotifications(subscribers, keys)
        self._most = most
        self._inbox: asyncio.Queue[tuple[Notifications, datetime]] = asyncio.Queue(_MOST_WAITING)
        self._choices: dict[str, _Choice] = {}
        """By tenant id."""
        self._told_of: set[str] = set()
        """Users of whom Graph told since they were last asked for."""
        self._complained = 0.0
        self._complained_of: Counter[str] = Counter()

    @property
    def refused(self) -> Counter[str]:
        """How many notifications were not believed, by reason, and requests that were none."""
        return self._notifications.refused

    def refuse(self, why: str) -> None:
        """Of a request that was not even looked at."""
        self.refused[why] += 1
        self._complain()

    def offer(self, notifications: Notifications) -> bool:
        """Whether there is room to look at them later: what strangers send takes none."""
        ours = self._notifications.ours(notifications)
        if ours is None:
            self._complain()
            return True
        try:
            self._inbox.put_nowait((ours, self._context.clock()))
        except asyncio.QueueFull:
            return False
        return True

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; then the subscriptions are ended. Raises what is our own fault, in a group."""
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(each) for each in (self._take(), self._confirm())]
            keeping = [group.create_task(self._keep(each, stop)) for each in self.subscribers]
            await stop.wait()
            # A subscription that Graph is just making must be known, so that it can be ended.
            for subscriber in self.subscribers:
                subscriber.wake.set()
            await asyncio.wait(keeping, timeout=_LONGEST_END)
            for task in (*work, *keeping):
                task.cancel()
        await ended(list(self.subscribers), _LONGEST_END)

    async def _keep(self, subscriber: KeepSubscription, stop: asyncio.Event) -> None:
        while not stop.is_set():
            pause = await self._turn(subscriber)
            with suppress(TimeoutError):
                await asyncio.wait_for(subscriber.wake.wait(), 0.0 if stop.is_set() else pause)
            subscriber.wake.clear()

    async def _turn(self, subscriber: KeepSubscription) -> float:
        """The seconds until the next."""
        try:
            if not self._context.may_write():
                await subscriber.end()  # another service is told now: Graph tells one
                return _LOOK
            begins = await subscriber.look(self._wanted(subscriber))
            if begins or subscriber.missed:
                subscriber.missed = False
                await self._ask(subscriber.tenant_id, subscriber.users)
        except SignInPending:
            return _LOOK  # the person was asked already
        except ServiceError as failure:
            return subscriber.failed(failure)
        subscriber.went_well()
        return _LOOK

    def _wanted(self, subscriber: KeepSubscription) -> frozenset[str]:
        """As they are, while it changes from look to look who is watched: as when the tenants are first asked."""
        watched = self._context.observed.watched.get(subscriber.tenant_id, ())
        choice = self._choices.setdefault(subscriber.tenant_id, _Choice())
        if watched is not choice.watched:
            choice.watched, choice.made_at = watched, None
            return subscriber.users
        if choice.made_at is None or time.monotonic() - choice.made_at >= _CHOSEN_EVERY:
            choice.made_at, choice.by_account = time.monotonic(), self._chosen(subscriber.tenant_id, watched)
        return choice.by_account[subscriber.account]

    def _chosen(self, tenant_id: str, watched: Sequence[str]) -> dict[str, frozenset[str]]:
        observed, now = self._context.observed, self._context.clock()
        expected = {}
        for id_ in watched:
            known = observed.presences.get(id_)
            availability = None if known is None else known.availability
            unchanged = 0.0 if known is None else (now - known.since).total_seconds()
            expected[id_] = observed.restlessness.expected(id_, availability, unchanged, now.timestamp())
        before = {each.account: each.users for each in self.subscribers if each.tenant_id == tenant_id}
        return chosen(expected, before, self._most)

    async def _take(self) -> None:
        while True:
            notifications, at = await self._inbox.get()
            told = await self._notifications.presences(notifications)
            if told:
                news = self._context.observed.put_pushed(told, at)
                self._context.edges.presence.note_told(told, at)
                self.taken.update(news=news, known=len(told) - news)
                self._told_of.update(told)
            self._complain()

    async def _confirm(self) -> None:
        """Each tenant by itself: one that is slow, and is asked again when it has answered, keeps no other waiting."""
        asked: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tenants:
            while True:
                await asyncio.sleep(_CONFIRMED_EVERY)
                told_of, self._told_of = self._told_of, set()
                for tenant_id, watched in self._context.observed.watched.items() if told_of else ():
                    theirs = told_of.intersection(watched)
                    if tenant_id in asked and not asked[tenant_id].done():
                        self._told_of |= theirs
                    elif theirs:
                        asked[tenant_id] = tenants.create_task(self._ask(tenant_id, theirs))

    async def _ask(self, tenant_id: str, user_ids: frozenset[str] | set[str]) -> None:
        """At once, beside the rounds; where that fails, their turn comes."""
        if user_ids:
            with going_at(Priority.URGENT):
                await self._context.edges.presence.at_once(
                    tenant_id, sorted(user_ids), self._context.observed.put_beside
                )

    def _complain(self) -> None:
        """Of what was not believed, by reason: at first, and then now and again."""
        new = self.refused - self._complained_of
        if not new or (set(new) <= set(self._complained_of) and time.monotonic() - self._complained < _TOLD_EVERY):
            return
        self._complained, self._complained_of = time.monotonic(), Counter(self.refused)
        _log.warning("push_not_believed", **{"how_many": sum(new.values()), "because": dict(new)})


@dataclass(slots=True)
class _Choice:
    watched: Sequence[str] = ()
    made_at: float | None = None
    by_account: dict[str, frozenset[str]] = field(default_factory=dict)
