"""`capacity`: what it says of a served list, and that a pass asks what it said."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sync_agent.outcome import Outcome
from sync_agent.progress import Silent
from sync_agent.service import open_service
from sync_agent.settings import load
from sync_agent.simulator.lab import Api
from tests.cli.commands import sentence
from tests.lab import Lab, lab

OPENING = {"list": 8, "directory": 6, "presence": 0}
"""Requests, at most, to find the list, its columns and settings, and the domains and sizes of two tenants."""


def without_mistakes(lab: Lab) -> None:
    for row_id, truth in lab.world.truth.items():
        if truth.codes:
            del lab.agents.items[row_id]


async def synced(settings: Path) -> Outcome:
    async with open_service(load(settings), progress=Silent()) as service:
        return await service.sync()


@pytest.mark.parametrize("api", ["graph", "rest"])
def test_a_pass_asks_what_was_said(tmp_path: Path, api: Api) -> None:
    with lab(tmp_path, rows=1_500, tenants=2, api=api) as made:
        made.world.moving = False
        made.provisioned()
        without_mistakes(made)
        said = made.run("capacity", "--json").json()
        outcome = asyncio.run(synced(made.settings))
    assert said["rows"] == len(outcome.rows)
    assert sum(each["names"] for each in said["tenants"].values()) == len(outcome.rows)
    for kind, count in said["first_sync"]["requests"].items():
        assert count <= outcome.requests.get(kind, 0) <= count + OPENING[kind], kind


def test_it_writes_nothing_and_keeps_nothing(ready: Lab) -> None:
    before = {id_: dict(item.fields) for id_, item in ready.agents.items.items()}
    assert ready.run("capacity").code == 0
    assert {id_: dict(item.fields) for id_, item in ready.agents.items.items()} == before
    assert ready.run("report").code == 1, "nothing was kept to report"


def test_planning_asks_nobody(tmp_path: Path, bare: Lab) -> None:
    bare.replace(bare.world.accounts[0][1].id, "00000000-0000-4000-8000-000000000000")
    ran = bare.run("capacity", "--rows", "15000", "--changes-per-hour", "8")
    assert ran.code == 0
    assert "15,000 rows, evenly over the tenants; 8 changes of presence an hour" in ran.out
    document = bare.run("capacity", "--rows", "15001", "--json").json()
    assert sum(tenant["names"] for tenant in document["tenants"].values()) == 15_001


def test_what_limits_and_what_to_do_are_said(bare: Lab) -> None:
    bare.replace("sharepoint_units_per_minute: 600000", "sharepoint_units_per_minute: 1200")
    ran = bare.run("capacity", "--rows", "15000")
    assert "What limits: SharePoint's units a minute" in ran.out
    assert "What to do: set pacing.sharepoint_units_per_minute" in ran.out
    assert "Everything fits" in bare.run("capacity", "--rows", "100").out


def test_a_list_that_cannot_be_read_ends_it(bare: Lab) -> None:
    title = next(iter(bare.world.sites.values())).lists
    bare.replace(f"agent_list: {next(iter(title.values())).title}", "agent_list: Nowhere")
    ran = bare.run("capacity")
    assert ran.code == 2
    assert "Nowhere" in sentence(ran)


def test_a_budget_that_does_not_suffice_to_read_is_told(bare: Lab) -> None:
    bare.replace("sharepoint_units_per_minute: 600000", "sharepoint_units_per_minute: 60")
    ran = bare.run("capacity", "--rows", "1000000")
    assert ran.code == 1
    assert "do not even suffice" in sentence(ran)
