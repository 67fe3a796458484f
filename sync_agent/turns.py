"""Which rows are being written, turn by turn, where several turns of writes go on side by side.

A turn takes its rows when they are chosen, begins each as there is room for it on the wire, and lets it go when it is
known what came of it. Until then no other turn may take the row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sync_agent.model import Change
from sync_agent.plan import judged_values


@dataclass(slots=True)
class Turns:
    """All that run, of one list. Rows by id."""

    taken: dict[int, Change] = field(default_factory=dict)
    """With what each is to be written, as the fuses have seen it."""
    in_flight: set[int] = field(default_factory=set)
    """Of these, rows on the wire: what they show is about to change."""

    @property
    def promised(self) -> int:
        """Rows that are to be written and of which no budget knows yet."""
        return len(self.taken) - len(self.in_flight)

    def take(self, changes: Iterable[Change]) -> Turn:
        """Raises ValueError where a row is taken."""
        todo = {change.row.id: change for change in changes}
        if twice := todo.keys() & self.taken.keys():
            raise ValueError(f"rows are being written already: {sorted(twice)}")
        self.taken |= todo
        return Turn(self, todo)

    def has_judged(self, change: Change) -> bool:
        """Whether a turn is about to write just this, as far as fuses are concerned: it is not counted again."""
        known = self.taken.get(change.row.id)
        return known is not None and judged_values(known) == judged_values(change)


@dataclass(slots=True)
class Turn:
    """One of them; ``changes``: what it took, whatever became of it by now."""

    _turns: Turns
    changes: dict[int, Change]
    _begun: dict[int, Change] = field(default_factory=dict)
    _open: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self._open = set(self.changes)

    @property
    def unanswered(self) -> frozenset[int]:
        """Rows on the wire."""
        return frozenset(self._open & self._begun.keys())

    @property
    def not_begun(self) -> frozenset[int]:
        return frozenset(self._open - self._begun.keys())

    @property
    def wrote(self) -> bool:
        """Whether any row was begun."""
        return bool(self._begun)

    def begin(self, change: Change) -> None:
        """The row goes out, as it was planned at the last moment."""
        self._begun[change.row.id] = change
        self._turns.in_flight.add(change.row.id)

    def answered(self, row_id: int) -> Change:
        """It is known what came of the row. What was sent."""
        self.let_go(row_id)
        return self._begun[row_id]

    def let_go(self, row_id: int) -> None:
        self._open.remove(row_id)
        self._turns.in_flight.discard(row_id)
        del self._turns.taken[row_id]

    def end(self) -> None:
        """Let all go that is left."""
        for row_id in list(self._open):
            self.let_go(row_id)
