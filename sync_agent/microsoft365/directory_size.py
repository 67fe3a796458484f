"""How large a tenant is: its limit goes by that, and whether reading it whole is worth it."""

from __future__ import annotations

from sync_agent.microsoft365.graph import Graph

_SMALLEST = 3_500.0
"""Resource units of the directory in ten seconds, for an app in a tenant of less than 50 users; what is assumed of a
tenant until its users have been counted.
"""


def directory_units(users: int) -> float:
    """By the number of users (learn.microsoft.com: throttling-limits, identity and access)."""
    return _SMALLEST if users < 50 else 5_000.0 if users <= 500 else 8_000.0


async def count_users(graph: Graph) -> int:
    """Its budget goes by the number from then on. Raises ServiceError."""
    users = await graph.count("/users/$count")
    graph.budget.resize(directory_units(users))
    return users
