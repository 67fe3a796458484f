"""What `provision` sets of columns that are there, by either API; what a person made otherwise stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from sync_agent.microsoft365.columns import SPECIFICATIONS
from sync_agent.microsoft365.errors import Refused
from sync_agent.microsoft365.provisioning import NOTES
from sync_agent.model import OurColumn
from sync_agent.simulator.lists import MOST_INDEXES, ListColumn
from tests.microsoft365.list_office import Api, Office, bare, provisioned
from tests.serving import serving

pytestmark = pytest.mark.anyio


@pytest.fixture(params=get_args(Api))
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """With our columns as somebody made them by hand: of the right types, and no more."""
    opened = Office(request.param, tmp_path, provisioned(bare()))
    with serving(opened.simulator):
        yield opened


async def provision(office: Office, *, dry_run: bool = False) -> list[str]:
    async with office.agent_list() as opened:
        return await opened.provision(dry_run)


def done(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.startswith(NOTES) and not line.startswith("view ")]


async def test_columns_made_by_hand_get_descriptions_and_the_index(office: Office) -> None:
    planned = await provision(office, dry_run=True)
    assert not any(column.description or column.indexed for column in ours(office).values())
    assert await provision(office) == planned
    for our, column in ours(office).items():
        assert column.description == SPECIFICATIONS[our].description
        assert column.indexed == (our is OurColumn.STATUS)
    assert done(await provision(office)) == []


async def test_a_description_that_somebody_wrote_stays_and_is_told(office: Office) -> None:
    office.agents.columns["Presence"].description = "Ask Toni."
    lines = await provision(office)
    assert "left as it is: the description of the column Presence, which somebody wrote" in lines
    assert "description of the column Presence" not in lines
    assert office.agents.columns["Presence"].description == "Ask Toni."


async def test_a_description_that_somebody_emptied_is_written_anew(office: Office) -> None:
    await provision(office)
    office.agents.columns["Presence"].description = ""
    assert done(await provision(office)) == ["description of the column Presence"]


async def test_a_refused_index_is_told_and_keeps_nothing_else_away(office: Office) -> None:
    for number in range(MOST_INDEXES):
        office.agents.columns[f"Own{number}"] = ListColumn(f"Own{number}", f"Own {number}", indexed=True)
    del office.agents.columns["SyncStatus"]
    lines = await provision(office)
    [note] = [line for line in lines if "index of the column SyncStatus" in line]
    assert note.startswith("no index of the column SyncStatus (")
    assert "most indexes allowed" in note
    assert "Indexed columns" in note
    assert "column SyncStatus (choice)" in lines
    assert (await provision(office)) == [*[line for line in lines if line.startswith(NOTES)]]


async def test_an_index_is_refused_in_a_list_of_over_20000_rows(office: Office) -> None:
    office.add_rows(20_001)
    assert any("exceeds the list view threshold" in line for line in await provision(office))
    assert not office.agents.columns["SyncStatus"].indexed


async def test_who_may_not_change_columns_is_told_of_the_role(office: Office) -> None:
    office.site.grants = dict.fromkeys(office.site.grants, "write")
    with pytest.raises(Refused, match=r"may not create columns .* the role manage on this site"):
        await provision(office)


async def test_a_line_of_text_serves_as_the_status_and_is_indexed(office: Office) -> None:
    office.agents.columns["SyncStatus"] = ListColumn("SyncStatus", "SyncStatus")
    assert "index of the column SyncStatus" in await provision(office)
    assert office.agents.columns["SyncStatus"].type == "Text"


def ours(office: Office) -> dict[OurColumn, ListColumn]:
    return {our: office.agents.columns[our.value] for our in OurColumn}
