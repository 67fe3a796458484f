"""Who spends from which of Microsoft's limits, where all services can see it that use this database."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, insert, select

from sync_agent.state.tables import spenders

Beats = dict[tuple[str, str], int]
"""By budget and spender, a number that is another each time the spender shows that it lives."""


def beat(connection: Connection, me: str, budgets: Collection[str], turn: int, silent: Collection[str]) -> Beats:
    """Write mine, remove those of ``silent`` spenders, and read everybody's of these budgets."""
    connection.execute(delete(spenders).where(spenders.c.spender.in_([me, *silent])))
    if budgets:
        rows = [{"budget": budget, "spender": me, "beat": turn} for budget in sorted(budgets)]
        connection.execute(insert(spenders), rows)
    found = connection.execute(select(spenders).where(spenders.c.budget.in_(list(budgets))))
    return {(budget, spender): number for budget, spender, number in found}
