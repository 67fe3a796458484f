"""The page of `sync-agent capacity`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from sync_agent.capacity import ANSWER, HOURS_A_DAY, RUSH, Capacity, TenantCapacity
from sync_agent.limiting import Limiting, limiting

if TYPE_CHECKING:
    from sync_agent.settings import Settings

_WIDE = 140
"""Columns of a table that goes into a file or another command: its lines are not wrapped."""


def show_capacity(console: Console, found: Capacity, settings: Settings, *, planned: bool) -> None:
    """``planned``: the rows were given, not counted."""
    width = None if console.is_terminal else _WIDE
    console.print(_tenants(found, settings), width=width)
    console.print()
    console.print(_list(found), width=width)
    console.print()
    for line in (*_assumed(found, planned=planned), "", *_nearest(limiting(found))):
        console.print(line, soft_wrap=True, markup=False)


def _tenants(found: Capacity, settings: Settings) -> Table:
    table = Table(title="Presence", title_justify="left", box=None, header_style="bold", title_style="bold")
    for name in ("tenant", "agents", "registrations", "requests a sweep", "read every", "limit used"):
        table.add_column(name, justify="left" if name == "tenant" else "right")
    for each in found.tenants:
        ids = ", ".join(account.id for account in settings.accounts if account.tenant_id == each.id)
        table.add_row(
            ids,
            f"{each.names:,}",
            str(each.registrations),
            f"{each.requests_a_sweep:,}",
            _every(each),
            _share(each.used),
        )
    return table


def _every(tenant: TenantCapacity) -> str:
    if tenant.worst_age is not None:
        late = f" (wanted {lasting(tenant.worst_age)})" if tenant.oldest > tenant.worst_age else ""
        return f"{lasting(tenant.held)} at work, {lasting(tenant.oldest)} at worst{late}"
    return lasting(tenant.held) + (f" (wanted {lasting(tenant.wanted)})" if tenant.held > tenant.wanted else "")


def _list(found: Capacity) -> Table:
    table = Table(title="The list", title_justify="left", box=None, show_header=False, title_style="bold")
    table.add_column(justify="left")
    table.add_column(justify="left")
    for name, value in _figures(found):
        table.add_row(name, value)
    return table


def _figures(found: Capacity) -> Iterator[tuple[str, str]]:
    sharepoint, means = found.sharepoint, found.means
    lost = means.units_a_second * means.refusal
    requests = ", ".join(f"{count:,} {kind}" for kind, count in found.requests.items())
    yield "first sync", f"about {lasting(found.first_pass)}: {requests} requests"
    yield (
        "SharePoint's units",
        f"{means.units_a_second * 60:,.0f} a minute, of which presence takes {_share(sharepoint.used)}: "
        f"{sharepoint.rows_a_second:,.1f} rows a second; each refusal (429) costs {lost:,.0f} units",
    )
    binds = "; in the hours of work it lets less through than the minute" if sharepoint.day_binds else ""
    day = f"{sharepoint.units_a_day:,.0f} units, {_share(sharepoint.used_of_day)} of what it allows{binds}"
    yield "SharePoint's day", day
    yield "rows right", f"{found.right:.1%}, while everybody is at work"
    yield (
        "from a change to the list",
        f"{lasting(found.until_shown.p50)} at the median, {lasting(found.until_shown.p95)} at the 95th percentile",
    )
    yield "when a shift starts", _rush(found)


def _rush(found: Capacity) -> str:
    rush = found.sharepoint.rush
    if not rush.rows:
        return "nobody waits"
    over = "all day: the budget does not suffice" if rush.over is None else f"over after {lasting(rush.over)}"
    return f"up to {rush.rows:,.0f} rows wait, the last for {lasting(rush.longest)}; {over}"


def _assumed(found: Capacity, *, planned: bool) -> Iterator[str]:
    where = "evenly over the tenants" if planned else "as the list has them"
    yield (
        f"Reckoned with: {found.demand.rows:,} rows, {where}; {found.demand.changes_an_hour:g} changes of presence an "
        f"hour of an agent at work, {HOURS_A_DAY:g} hours a day; all shifts start within {lasting(RUSH)}; "
        f"{lasting(ANSWER)} an answer; {found.means.share:.0%} of each limit. See docs/capacity.md."
    )


def _nearest(nearest: Limiting) -> Iterator[str]:
    if nearest.used <= 1:
        yield f"Everything fits. The nearest limit: {nearest.what}, {_share(nearest.used)} used."
        return
    yield f"What limits: {nearest.what}; {_share(nearest.used)} of what is allowed would be needed."
    yield f"What to do: {nearest.todo}."


def _share(used: float) -> str:
    return f"{used:.0%}" if used >= 0.1 or used == 0 else f"{used:.1%}"


def lasting(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 90 else str(timedelta(seconds=round(seconds)))
