"""Rows that are locked, checked out or denied, by both APIs: each is named with its reason wherever people look."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.write_back import write_back
from sync_agent.simulator.lab import Api
from tests.jobs.opening import opened
from tests.jobs.test_write_back import observe
from tests.lab import Lab, lab

REFUSALS = {
    "locked": (423, "-2147018894, Microsoft.SharePoint.SPFileLockException", "The file is locked for editing by Jane."),
    "checked out": (423, "-2130575306, Microsoft.SharePoint.SPFileCheckOutException", "It is checked out by Joe."),
    "denied": (403, "accessDenied", "The caller does not have permission to perform the action."),
}


@dataclass(frozen=True, slots=True)
class Office:
    lab: Lab
    api: Api

    def refuse(self, row_id: int, how: str) -> None:
        """Every write of this row, in the words of the API."""
        status, code, message = REFUSALS[how]
        said: dict[str, Any]
        if self.api == "graph":
            pattern, said = rf"PATCH .*/items/{row_id}/fields", {"error": {"code": code, "message": message}}
        else:
            pattern = rf"POST .*items\({row_id}\)/ValidateUpdateListItem"
            said = {"odata.error": {"code": code, "message": {"lang": "en-US", "value": message}}}
        body, headers = json.dumps(said).encode(), {"content-type": "application/json"}
        self.lab.world.faults.add(pattern, status=status, body=body, headers=headers)


@pytest.fixture(params=["graph", "rest"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    api: Api = request.param
    with lab(tmp_path, rows=40, api=api) as made:
        yield Office(made.provisioned(), api)


def reasons(told: Any) -> dict[int, str]:
    return {each["row"]: each["reason"] for each in told["unwritten"]}


def test_each_row_that_is_not_written_is_told_with_its_reason_until_it_is(office: Office) -> None:
    rows = dict(zip((3, 5, 8), REFUSALS, strict=True))
    for row_id, how in rows.items():
        office.refuse(row_id, how)
    ran = office.lab.run("sync", "--json")
    assert ran.code == 1
    assert ran.json()["writes"] == {"planned": 40, "done": 37, "conflicts": 0, "failed": 3}
    told = reasons(ran.json())
    for row_id, how in rows.items():
        _, _, message = REFUSALS[how]
        assert message.rstrip(".") in told[row_id], told
        assert told[row_id].startswith("SharePoint refused the write: 4")
        assert ("the role write" if how == "denied" else "must close it or check it in") in told[row_id]
    assert told.keys() == rows.keys()
    assert ran.err.count("rows_not_written") == 3

    shown = office.lab.run("sync")
    report = office.lab.run("report")
    written = office.lab.run("report", "--html", "report.html", "--json")
    page = (office.lab.folder / "report.html").read_text()
    assert reasons(written.json()) == told
    for row_id, how in rows.items():
        message = REFUSALS[how][2].rstrip(".")
        assert any(f"row {row_id}: " in line and message in line for line in shown.out.splitlines()), shown.out
        unwrapped = " ".join(report.out.split())
        assert f"Row {row_id} could not be written:" in unwrapped and message in unwrapped
        assert f"Row {row_id} could not be written:" in page and message in page

    office.lab.world.faults.clear()
    after = office.lab.run("sync", "--json")
    assert (after.code, after.json()["writes"]["done"], after.json()["unwritten"]) == (0, 3, [])
    assert office.lab.run("report", "--json").json()["unwritten"] == []
    assert "could not be written" not in office.lab.run("report").out


@pytest.mark.anyio
async def test_they_are_known_from_turn_to_turn_until_they_are_written_or_gone(tmp_path: Path) -> None:
    async with opened(tmp_path, rows=20) as (served, service):
        office = Office(served, "graph")
        office.refuse(3, "locked")
        office.refuse(5, "denied")
        await observe(service)
        await write_back(service.context)
        for _ in range(2):
            await read_list(service.context)
            await write_back(service.context, dry_run=True)  # as a look at the list does, which is what is saved
            assert (await service.outcome(service.context.clock(), 0.0, None)).refusals.keys() == {3, 5}
        served.world.faults.clear()
        served.agents.delete(3)
        await read_list(service.context)
        await write_back(service.context)
        assert (await service.outcome(service.context.clock(), 0.0, None)).refusals == {}
