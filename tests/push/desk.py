"""One account's subscription at the embedded Graph, without a service around it, in a time that a test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from sync_agent.jobs.keep_subscription import KeepSubscription
from sync_agent.jobs.take_notifications import TakeNotifications
from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.notification_keys import KeyRing
from sync_agent.microsoft365.notification_proof import Proof
from sync_agent.microsoft365.notifications import notifications_in
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.presence import Reading
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.subscriptions import Subscriptions
from sync_agent.microsoft365.transport import Transport
from sync_agent.simulator.notifying import collection
from sync_agent.simulator.subscriptions import Subscription
from sync_agent.simulator.world import SimUser
from tests.doors import Taker, https_door, taking
from tests.microsoft365.contoso import Signed
from tests.simulator.office import CLIENT, TENANT, Office


@dataclass(frozen=True, slots=True)
class Desk:
    office: Office
    taker: Taker
    keep: KeepSubscription
    take: TakeNotifications
    jane: SimUser
    bob: SimUser
    url: str

    @property
    def at_graph(self) -> list[Subscription]:
        subscriptions = self.office.world.subscriptions
        subscriptions.expire(self.office.clock())
        return list(subscriptions.alive.values())

    async def looked(self, *users: SimUser) -> bool:
        return await self.keep.look(frozenset(user.id for user in users))

    def told(self, user: SimUser, availability: str = "Busy", activity: str = "InACall") -> dict[str, Any]:
        """What Graph sends when somebody has changed."""
        (one,) = self.at_graph
        return collection(self.office.world, one, {user.id: (availability, activity)})

    async def takes(self, told: dict[str, Any]) -> dict[str, Reading]:
        return await self.take.presences(notifications_in(orjson.dumps(told)))

    def passes(self, seconds: float) -> None:
        self.office.clock.now += seconds


@asynccontextmanager
async def desk(office: Office, *permissions: str) -> AsyncIterator[Desk]:
    world = office.world
    assert world.trusted is not None
    taker = Taker()
    world.token_lifetime = (864_000, 864_000)
    token = office.token(*(permissions or ("Presence.Read.All",)), person=office.user("listener@contoso.com"))
    transport = Transport(ca_bundles=[world.trusted], retrying=Retrying(attempts=2, base=0.001))
    graph = Graph(transport, Signed(token, "listener"), world.origin, Budget("push", 1_000, 10), "push")

    def now() -> datetime:
        return datetime.fromtimestamp(office.clock(), UTC)

    with taking(taker) as port, https_door(world.trusted.parent, port) as door:
        url, keys = f"https://127.0.0.1:{door.port}/graph", KeyRing()
        proof = Proof(transport, world.origin, TENANT, CLIENT, now)
        keep = KeepSubscription("listener", TENANT, Subscriptions("listener", graph, url), proof, keys, now)
        take = TakeNotifications([keep], keys)
        try:
            yield Desk(office, taker, keep, take, office.user("jane@contoso.com"), office.user("bob@contoso.com"), url)
        finally:
            world.subscriptions.alive.clear()
            await transport.aclose()
