"""`sync-agent capacity`: what the list takes and what ages to expect, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
from rich.console import Console

from sync_agent.capacity import CHANGES_AN_HOUR, RUSH, Capacity
from sync_agent.capacity import capacity as reckoned
from sync_agent.cli.capacity_page import show_capacity
from sync_agent.cli.ending import tell
from sync_agent.cli.session import loaded, with_service
from sync_agent.limiting import limiting
from sync_agent.outcome import Exit

if TYPE_CHECKING:
    from sync_agent.capacity import Demand
    from sync_agent.service import Service


@click.command()
@click.option(
    "--rows",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help="Plan for so many rows, asking nobody; else the list.",
)
@click.option(
    "--changes-per-hour",
    type=click.FloatRange(0, 1_000),
    default=CHANGES_AN_HOUR,
    show_default=True,
    metavar="X",
    help="Changes of presence of an agent at work.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
@click.pass_obj
def capacity(settings_path: Path, rows: int | None, changes_per_hour: float, as_json: bool) -> None:
    """Say how many requests and units the list takes, how old what it shows will be, and which one limit is nearest.

    Nothing is written.

    Exit: 0 done, 1 the list could not be read or the limits do not suffice to read it, 2 wrong usage or settings.
    """
    settings = loaded(settings_path, quiet=True)
    # Imported only now, with all its libraries: what is wrong in the settings is told at once.
    from sync_agent.jobs.measure_capacity import demand_planned, means_of, schedule_of  # noqa: PLC0415

    if rows is None:
        demand = with_service(settings, lambda service: _of_list(service, changes_per_hour), read_only=True)
    else:
        demand = demand_planned(rows, settings, changes_per_hour)
    try:
        found = reckoned(demand, schedule_of(settings), means_of(settings))
    except ValueError as problem:
        raise SystemExit(tell(f"{problem}; see pacing.sharepoint_units_per_minute.", Exit.INCOMPLETE)) from problem
    if as_json:
        click.echo(orjson.dumps(document(found), option=orjson.OPT_INDENT_2))
    else:
        show_capacity(Console(highlight=False), found, settings, planned=rows is not None)


async def _of_list(service: Service, changes_an_hour: float) -> Demand:
    from sync_agent.jobs.measure_capacity import demand_of_list  # noqa: PLC0415

    return await demand_of_list(service.context, service.settings, changes_an_hour)


def document(found: Capacity) -> dict[str, Any]:
    """Seconds, units and shares (1 is all of a limit)."""
    nearest, sharepoint = limiting(found), found.sharepoint
    return {
        "rows": found.demand.rows,
        "changes_per_hour": found.demand.changes_an_hour,
        "limiting": {"what": nearest.what, "used": round(nearest.used, 4), "what_to_do": nearest.todo or None},
        "first_sync": {"seconds": round(found.first_pass, 1), "requests": found.requests},
        "tenants": {
            each.id: {
                "names": each.names,
                "registrations": each.registrations,
                "registrations_needed": each.registrations_needed,
                "requests_a_sweep": each.requests_a_sweep,
                "interval_wanted": each.wanted,
                "interval_held": round(each.held, 3),
                "worst_age": None if each.worst_age is None else round(each.oldest, 3),
                "used": round(each.used, 4),
            }
            for each in found.tenants
        },
        "sharepoint": {
            "units_a_minute": round(found.means.units_a_second * 60, 1),
            "rows_a_second": round(sharepoint.rows_a_second, 3),
            "binding": "day" if sharepoint.day_binds else "minute",
            "used": round(sharepoint.used, 4),
            "units_lost_by_a_refusal": round(found.means.units_a_second * found.means.refusal, 1),
            "units_a_day": round(sharepoint.units_a_day),
            "used_of_day": round(sharepoint.used_of_day, 4),
        },
        "rows_right": round(found.right, 4),
        "seconds_until_shown": {
            "p50": round(found.until_shown.p50, 1),
            "p95": round(found.until_shown.p95, 1),
        },
        "rush_hour": {
            "agents": found.demand.rows,
            "within": RUSH,
            "rows_waiting": round(sharepoint.rush.rows),
            "longest_wait": round(sharepoint.rush.longest, 1),
            "over_after": None if sharepoint.rush.over is None else round(sharepoint.rush.over, 1),
        },
    }
