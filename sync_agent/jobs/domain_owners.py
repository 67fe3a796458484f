"""Whose a domain is, by the public look-up, remembered for an hour: the list names the same domains in every pass."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from sync_agent.model import CouldNotAsk

Owner = str | CouldNotAsk | None
"""A tenant's id; None: nobody's."""

MOST_LOOKUPS = 100
"""At a time; the others follow in later passes. A list that names more unknown domains has another problem."""
_REMEMBERED = timedelta(hours=1)


class DomainOwners:
    """``look_up`` asks the public look-up about one domain; None: it is not to be asked (validation.domain_lookup)."""

    def __init__(self, look_up: Callable[[str], Awaitable[Owner]] | None, clock: Callable[[], datetime]) -> None:
        self._look_up = look_up
        self._clock = clock
        self._known: dict[str, tuple[str | None, datetime]] = {}

    @property
    def asked(self) -> bool:
        """Whether the public look-up is used at all."""
        return self._look_up is not None

    async def of(self, domains: Iterable[str]) -> dict[str, Owner]:
        """The owner of each domain; CouldNotAsk where the look-up failed or there were too many to look up."""
        now = self._clock()
        if self._look_up is None:
            return dict.fromkeys(domains, CouldNotAsk("whose a domain is, is not looked up: domain_lookup is off", now))
        self._known = {domain: known for domain, known in self._known.items() if now - known[1] < _REMEMBERED}
        wanted = sorted(domains)
        new = [domain for domain in wanted if domain not in self._known][:MOST_LOOKUPS]
        found = dict(zip(new, await asyncio.gather(*map(self._look_up, new)), strict=True))
        self._known |= {domain: (owner, now) for domain, owner in found.items() if not isinstance(owner, CouldNotAsk)}
        too_many = CouldNotAsk("there are too many unknown domains to look them all up at once", now)
        known = {domain: owner for domain, (owner, _) in self._known.items()} | found
        return {domain: known.get(domain, too_many) for domain in wanted}
