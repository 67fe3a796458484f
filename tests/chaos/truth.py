"""What is true of a row, said as plainly as can be, without a line of the product's. Suggestions are left out.

``absent`` stands for all codes of rows that lead to nobody: which of them it is depends on more than can be told here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync_agent.simulator.world import SimUser, Tenant

ABSENT = "absent"
_OF_ABSENCE = frozenset(
    {
        "upn_missing",
        "upn_whitespace",
        "upn_format",
        "upn_character",
        "upn_length",
        "domain_not_configured",
        "user_not_found",
        "user_deleted",
        "user_renamed",
        "upn_is_alias",
    }
)
_WARNINGS = frozenset({"upn_duplicate", "user_duplicate", "user_guest", "presence_unavailable"})


def codes_of_cell(upn: str, tenants: Iterable[Tenant]) -> set[str]:
    """Whatever the other rows are."""
    user = next((user for tenant in tenants if (user := tenant.by_upn(upn)) is not None), None)
    return {ABSENT} if user is None else set(_of_user(user))


def _of_user(user: SimUser) -> Iterable[str]:
    if not user.enabled:
        yield "user_disabled"
    if user.guest:
        yield "user_guest"
    if user.enabled and not user.guest and not user.licensed:
        yield "presence_unavailable"


def codes_of_row(row_id: int, upns: Mapping[int, str], tenants: Iterable[Tenant]) -> set[str]:
    """``upns``: the cells of all rows."""
    said = codes_of_cell(upns[row_id], tenants)
    name = upns[row_id].lower()
    if name and any(other.lower() == name for id_, other in upns.items() if id_ != row_id):
        said.add("upn_duplicate")
    return said


def told(anomalies: str) -> set[str]:
    """The codes that a cell of SyncAnomalies tells."""
    codes = {line.partition(":")[0] for line in anomalies.splitlines() if line.strip()}
    return {ABSENT if code in _OF_ABSENCE else code for code in codes}


def status(codes: set[str]) -> str:
    if not codes:
        return "OK"
    return "Warning" if codes <= _WARNINGS else "Error"
