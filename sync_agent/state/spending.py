"""Who spends from which of Microsoft's limits, and what was spent of a day's, for all services that use this database.

What is missing from a day's reserve (see pacing/reserve.py) flows back with time. One clock says how much: that of the
database's server, or of the machine that an SQLite file is on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from sync_agent.state.tables import day_spending, spenders

Beats = dict[tuple[str, str], int]
"""By budget and spender, a number that is another each time the spender shows that it lives."""


@dataclass(frozen=True, slots=True)
class DaySpent:
    """``units`` spent since they were last told; ``inflow``: units a second that flow back. ``of_the_silent``: what a
    service that fell silent may have spent since it last told.
    """

    units: float
    inflow: float
    of_the_silent: float


@dataclass(frozen=True, slots=True)
class DayTold:
    """By budget, what one service tells. ``here``: the time on its machine; ``since``: seconds since it last told, by a
    clock that only grows, None where it never did: no more time than that has passed, whatever other clocks say.
    """

    spent: Mapping[str, DaySpent]
    here: datetime
    since: float | None


def beat(connection: Connection, me: str, budgets: Collection[str], turn: int, silent: Collection[str]) -> Beats:
    """Write mine, remove those of ``silent`` spenders, and read everybody's of these budgets."""
    connection.execute(delete(spenders).where(spenders.c.spender.in_([me, *silent])))
    if budgets:
        rows = [{"budget": budget, "spender": me, "beat": turn} for budget in sorted(budgets)]
        connection.execute(insert(spenders), rows)
    found = connection.execute(select(spenders).where(spenders.c.budget.in_(list(budgets))))
    return {(budget, spender): number for budget, spender, number in found}


def spend(connection: Connection, told: DayTold, silent: Collection[str]) -> dict[str, float]:
    """By budget, how many units of its reserve are missing now. Comes before ``beat`` removes the ``silent``."""
    now = _time(connection, told.here)
    missing = {}
    for budget, spent in sorted(told.spent.items()):
        units = spent.units + spent.of_the_silent * _gone_silent(connection, budget, silent)
        missing[budget] = max(0.0, units + _missing(connection, budget, spent.inflow, now, told.since))
        connection.execute(delete(day_spending).where(day_spending.c.budget == budget))
        connection.execute(insert(day_spending).values(budget=budget, missing=missing[budget], at=now))
    return missing


def missing_now(connection: Connection, budget: str, inflow: float, here: datetime) -> float:
    """How many units of a reserve are missing, as far as services have told. ``inflow``: units a second."""
    return _missing(connection, budget, inflow, _time(connection, here), None)


def _missing(connection: Connection, budget: str, inflow: float, now: datetime, since: float | None) -> float:
    """Of what was missing, what has not flowed back since. A clock that was set back lets nothing flow."""
    found = connection.execute(select(day_spending).where(day_spending.c.budget == budget)).one_or_none()
    if found is None:
        return 0.0
    passed: float = max(0.0, (now - found.at).total_seconds())
    missing: float = found.missing
    return max(0.0, missing - inflow * (passed if since is None else min(passed, since)))


def _gone_silent(connection: Connection, budget: str, silent: Collection[str]) -> int:
    """How many of them spent from the budget, as far as nobody has removed them yet."""
    wanted = spenders.c.budget == budget, spenders.c.spender.in_(list(silent))
    return connection.execute(select(func.count()).select_from(spenders).where(*wanted)).scalar_one()


def _time(connection: Connection, here: datetime) -> datetime:
    if connection.dialect.name != "postgresql":
        return here
    told: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return told
