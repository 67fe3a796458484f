"""What is found against what is true, on a messy list of 15,000 rows in 4 tenants: codes, suggestions, requests."""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sync_agent.cli.session import loaded, with_service
from sync_agent.model import Code, Verdict
from sync_agent.outcome import Outcome
from sync_agent.progress import Stage
from sync_agent.service import Service
from sync_agent.simulator.in_doubt import ANOTHER_NAME
from sync_agent.simulator.lab import write_settings
from sync_agent.simulator.later import rename_some
from sync_agent.simulator.messy import SITE_PATH, build
from sync_agent.simulator.server import Simulator
from sync_agent.simulator.staff import Staff
from sync_agent.simulator.world import Truth, World

NOTHING = "nothing"
_PLENTY = 1_000_000
_MOST_HEARD = 1_000_000
_ASKING = ("Asking the tenants", "Looking for who is meant")


@dataclass(slots=True)
class Suggestions:
    """Of the rows of one kind. ``wanted``: those with a right answer; ``false``: suggested, but not that."""

    rows: int = 0
    wanted: int = 0
    right: int = 0
    false: int = 0


@dataclass(slots=True)
class Confusion:
    """``codes``: how often each (wanted, found) pair came; what stands alone is paired with "nothing"."""

    codes: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_kind: dict[str, Suggestions] = field(default_factory=dict)

    @property
    def off_diagonal(self) -> dict[tuple[str, str], int]:
        return {pair: count for pair, count in self.codes.items() if pair[0] != pair[1]}

    @property
    def false_suggestions(self) -> int:
        return sum(each.false for each in self.by_kind.values())

    @property
    def missed_suggestions(self) -> int:
        return sum(each.wanted - each.right for each in self.by_kind.values())

    def add(self, truth: Truth, verdict: Verdict) -> None:
        found = {anomaly.code.value for anomaly in verdict.anomalies}
        self.codes.update(_pairs(set(truth.codes), found))
        said = {anomaly.suggestion for anomaly in verdict.anomalies} - {None}
        kind = self.by_kind.setdefault(truth.kind, Suggestions())
        kind.rows += 1
        kind.wanted += truth.suggestion is not None
        kind.right += truth.suggestion is not None and said == {truth.suggestion}
        kind.false += bool(said - {truth.suggestion})


def compare(truth: Mapping[int, Truth], verdicts: Mapping[int, Verdict]) -> Confusion:
    confusion = Confusion()
    for row_id, true in truth.items():
        confusion.add(true, verdicts[row_id])
    return confusion


def _pairs(wanted: set[str], found: set[str]) -> Iterator[tuple[str, str]]:
    yield from ((code, code) for code in wanted & found)
    missed, added = sorted(wanted - found), sorted(found - wanted)
    for place in range(max(len(missed), len(added))):
        yield (
            missed[place] if place < len(missed) else NOTHING,
            added[place] if place < len(added) else NOTHING,
        )
    if not wanted and not found:
        yield NOTHING, NOTHING


class _Counting:
    """Requests of each stage, as the embedded Microsoft 365 hears them: a batch is one."""

    def __init__(self, world: World) -> None:
        self._world = world
        world.heard = deque(maxlen=_MOST_HEARD)
        self.requests: Counter[str] = Counter()

    def stage(self, name: str, total: int | None = None) -> Stage:
        return _CountedStage(self, name, self.now)

    @property
    def now(self) -> int:
        return len(self._world.heard)


@dataclass(slots=True)
class _CountedStage:
    of: _Counting
    name: str
    before: int

    def advance(self, count: int = 1) -> None:
        pass

    def done(self, note: str = "") -> None:
        self.of.requests[self.name] += self.of.now - self.before


def _synced(world: World, settings: Path, *, dry_run: bool = False) -> tuple[Outcome, Counter[str]]:
    async def work(service: Service) -> Outcome:
        await service.context.edges.agent_list.provision(dry_run=False)
        return await service.sync(dry_run=dry_run)

    counting = _Counting(world)
    outcome = with_service(loaded(settings, quiet=True), work, progress=counting)
    if outcome.error is not None:
        raise SystemExit(outcome.error)
    return outcome, counting.requests


@contextmanager
def _served(world: World) -> Iterator[Path]:
    for tenant in world.tenants.values():
        tenant.sharepoint_units = _PLENTY
    with tempfile.TemporaryDirectory() as folder, Simulator(world, folder=Path(folder)):
        settings = write_settings(world, Path(folder), "rest")
        settings.write_text(settings.read_text() + "validation: {name_mismatch: true}\n")
        yield settings


def _built(rows: int, tenants: int, others: int) -> World:
    """``others``: how many more people work there, who have no row."""
    world = build(rows, tenants)
    Staff(world, random.Random(rows)).hire(others)
    return world


def _without_mistakes(world: World) -> int:
    """Requests to the tenants about the same list without the rows that are wrong."""
    (agents,) = world.sites[SITE_PATH].lists.values()
    for row_id, truth in world.truth.items():
        if truth.codes:
            agents.delete(row_id)
    with _served(world) as settings:
        _, requests = _synced(world, settings, dry_run=True)
    return _asked(requests)


def _asked(requests: Counter[str]) -> int:
    return sum(requests[stage] for stage in _ASKING)


def main(rows: int = 15_000, tenants: int = 4, others: int = 0) -> None:
    plain = _without_mistakes(_built(rows, tenants, others))
    world = _built(rows, tenants, others)
    for row_id, truth in world.truth.items():
        if truth.kind == ANOTHER_NAME:
            world.truth[row_id] = replace(truth, codes=truth.codes | {"name_mismatch"})
    with _served(world) as settings:
        users = sum(len(tenant.users) for _, tenant, _ in world.accounts)
        print(f"{rows:,} rows, {users:,} users in {tenants} tenants, synced for the first time")
        outcome, requests = _synced(world, settings)
        confusion = compare(world.truth, outcome.verdicts)
        _show_codes(confusion)
        _show_suggestions(confusion, "")
        wrong, more = sum(1 for truth in world.truth.values() if truth.codes), _asked(requests) - plain
        print(f"\nrequests to the tenants: {plain} without the {wrong:,} wrong rows, {more} more with them: ", end="")
        print(f"{more / max(wrong, 1):.3f} a wrong row")
        rename_some(world, rows // 100)
        print(f"\nSynced again after {rows // 100} people were renamed")
        outcome, _ = _synced(world, settings)
        confusion = compare(world.truth, outcome.verdicts)
        _show_codes(confusion)
        _show_suggestions(confusion, "renamed")


def _show_codes(confusion: Confusion) -> None:
    """A row a wanted code, a column a found one, in the same order."""
    seen = {code for pair in confusion.codes for code in pair}
    names = [*(code.value for code in Code if code.value in seen), NOTHING]
    print(f"\n{'wanted / found':26}" + "".join(f"{place:>7}" for place, _ in enumerate(names, 1)))
    for place, wanted in enumerate(names, 1):
        counts = (confusion.codes[wanted, found] for found in names)
        print(f"{place:>2} {wanted:23}" + "".join(f"{count or '·':>7}" for count in counts))
    print(f"off the diagonal: {sum(confusion.off_diagonal.values())}")


def _show_suggestions(confusion: Confusion, only: str) -> None:
    print(f"\n{'kind of mistake':38}{'rows':>6}{'right UPN known':>17}{'suggested':>11}{'false':>7}")
    for kind in sorted(kind for kind in confusion.by_kind if kind.startswith(only)):
        each = confusion.by_kind[kind]
        print(f"{kind or 'none':38}{each.rows:>6}{each.wanted:>17}{each.right:>11}{each.false:>7}")
    wanted = sum(each.wanted for each in confusion.by_kind.values())
    right = wanted - confusion.missed_suggestions
    share = 100 * right / max(wanted, 1)
    print(f"{'all':38}{'':6}{wanted:>17}{right:>11}{confusion.false_suggestions:>7}   {share:.1f} %")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
