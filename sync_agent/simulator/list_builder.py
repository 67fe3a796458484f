"""Rows for a messy list, each with what is true of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from sync_agent.simulator.lists import SharePointList
from sync_agent.simulator.staff import Employed, Staff
from sync_agent.simulator.world import Truth, World


@dataclass(slots=True)
class Builder:
    """``typed``: the UPN cells so far."""

    world: World
    random: random.Random
    agents: SharePointList
    today: datetime
    staff: Staff
    typed: set[str] = field(default_factory=set)

    def row(self, upn: str | None, title: str, truth: Truth) -> None:
        fields = {"Title": title, "Team": self.random.choice(("Sales", "Service", "Billing", "Retention"))}
        fields["Extension"] = str(self.random.randint(2_000, 9_999))
        if upn is not None:
            fields["UPN"] = upn
            self.typed.add(upn)
        self.world.truth[self.agents.add(fields)] = truth

    def matched(self, whose: Employed, *codes: str, cell: str = "", title: str = "", meant: str | None = None) -> None:
        """A row whose UPN is somebody's; without ``codes``, a right one."""
        tenant, user = whose
        self.row(cell or user.upn, title or user.display_name, Truth(frozenset(codes), meant, user.id, tenant.id))

    def wrong(self, upn: str | None, name: str, *codes: str, meant: str | None = None) -> None:
        """A row whose UPN is nobody's; ``meant``: the UPN that a faultless program would suggest."""
        self.row(upn, name, Truth(frozenset(codes), meant))

    def desk(self) -> str:
        """A title that tells nothing of a person."""
        return f"Desk {self.random.randint(10, 99)}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of mistake. ``rows``: how many ``make`` adds; ``tenants``: how many it takes."""

    name: str
    make: Callable[[Builder], None]
    rows: int = 1
    tenants: int = 1

    def add(self, builder: Builder) -> None:
        first, truth = builder.agents.next_id, builder.world.truth
        self.make(builder)
        truth.update({id_: replace(truth[id_], kind=self.name) for id_ in range(first, builder.agents.next_id)})
