"""Which changes that a log tells of are our own writes, where the log tells only that a row changed, not how.

A row that the log names no more often than we wrote it needs no reading. Whatever is in doubt counts as somebody
else's: of a write that was under way while the log was read it is not known on which side of the token it fell. Should
a service log two changes as one, a person's could hide behind ours; the next whole reading finds it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from sync_agent.microsoft365.list_answers import Outcome, Written
from sync_agent.model import Change


class OwnWrites:
    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._turn = 0
        """Moves when a reading of the log begins and when it ends: odd while one is under way."""

    async def noted(
        self, write: Callable[[Sequence[Change]], Awaitable[list[Outcome]]], changes: Sequence[Change]
    ) -> list[Outcome]:
        begun = self._turn
        outcomes = await write(changes)
        if begun == self._turn and begun % 2 == 0:
            self._counts.update(outcome.row_id for outcome in outcomes if isinstance(outcome, Written))
        return outcomes

    @contextmanager
    def while_log_is_read(self) -> Iterator[Mapping[int, int]]:
        """How often each row was written since the log was last read; counting then begins anew."""
        self._turn += 1
        counts, self._counts = self._counts, Counter()
        try:
            yield counts
        finally:
            self._turn += 1
