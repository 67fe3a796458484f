"""Views and formatting, which SharePoint REST alone makes: made once, and left alone where a person made them so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_agent.microsoft365 import column_formatting
from sync_agent.microsoft365.provisioning import NOTES
from sync_agent.model import OurColumn
from tests.microsoft365.list_office import Office, bare
from tests.serving import serving

pytestmark = pytest.mark.anyio
VIEWS = ["Agents needing attention", "Presence"]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office("rest", tmp_path, bare())
    with serving(opened.simulator):
        yield opened


async def provision(office: Office, *, dry_run: bool = False, approved_fixes: bool = False) -> list[str]:
    async with office.agent_list(approved_fixes=approved_fixes) as opened:
        return await opened.provision(dry_run)


async def test_views_are_made_once(office: Office) -> None:
    planned = await provision(office, dry_run=True)
    assert [line for line in planned if line.startswith("view ")] == [f"view {title}" for title in VIEWS]
    assert set(office.agents.views) == {"All Items"}
    assert await provision(office) == planned
    attention, presence = (office.agents.views[title] for title in VIEWS)
    assert attention["ViewFields"] == ["LinkTitle", "UPN", "SyncStatus", "SyncAnomalies", "SyncChangedAt"]
    for status in ("Error", "Warning", "Unknown"):
        assert f">{status}</Value>" in attention["ViewQuery"]
    assert ">OK</Value>" not in attention["ViewQuery"]
    assert presence["ViewFields"] == [
        *("LinkTitle", "UPN", "Presence", "PresenceActivity", "PresenceChangedAt", "SyncStatus")
    ]
    assert presence["ViewQuery"] == ""
    assert await provision(office) == []


async def test_a_view_that_somebody_changed_stays_and_is_told(office: Office) -> None:
    await provision(office)
    office.agents.views["Presence"]["ViewFields"].append("Team")
    office.agents.views["Agents needing attention"]["ViewQuery"] = "<OrderBy><FieldRef Name='Title'/></OrderBy>"
    attention, presence = await provision(office)
    assert attention.startswith("left as it is: the view Agents needing attention, ")
    assert presence.startswith("left as it is: the view Presence, ")
    assert office.agents.views["Presence"]["ViewFields"][-1] == "Team"
    assert "OrderBy" in office.agents.views["Agents needing attention"]["ViewQuery"]


async def test_a_query_that_sharepoint_lays_out_otherwise_is_the_same(office: Office) -> None:
    await provision(office)
    view = office.agents.views["Agents needing attention"]
    view["ViewQuery"] = view["ViewQuery"].replace("/>", " />").replace("><", ">\n  <").replace('"', "'")
    assert await provision(office) == []


async def test_a_view_that_was_deleted_is_made_anew(office: Office) -> None:
    await provision(office)
    del office.agents.views["Presence"]
    assert await provision(office) == ["view Presence"]


async def test_a_view_of_that_name_that_was_there_stays(office: Office) -> None:
    office.agents.views["presence"] = {"Title": "presence", "ViewFields": ["LinkTitle"]}
    assert any(line.startswith("left as it is: the view Presence") for line in await provision(office))
    assert set(office.agents.views) == {"All Items", "presence", "Agents needing attention"}


async def test_where_approvals_come_later_the_view_is_told_to_be_older(office: Office) -> None:
    await provision(office)
    lines = await provision(office, approved_fixes=True)
    assert any(line.startswith("left as it is: the view Agents needing attention") for line in lines)
    del office.agents.views["Agents needing attention"]
    assert "view Agents needing attention" in await provision(office, approved_fixes=True)
    assert "SyncApproveFix" in office.agents.views["Agents needing attention"]["ViewFields"]


async def test_status_and_presence_are_formatted_once(office: Office) -> None:
    lines = await provision(office)
    assert [line for line in lines if line.startswith("formatting")] == [
        "formatting of the column SyncStatus",
        "formatting of the column Presence",
    ]
    formatted = {name: column.formatter for name, column in office.agents.columns.items() if column.formatter}
    assert formatted == {
        OurColumn.STATUS: column_formatting.STATUS,
        OurColumn.PRESENCE: column_formatting.PRESENCE,
    }
    for column in office.agents.columns.values():  # as SharePoint's own editor saves it
        column.formatter = json.dumps(json.loads(column.formatter), indent=2) if column.formatter else ""
    assert await provision(office) == []


@pytest.mark.parametrize("theirs", ['{"elmType": "div", "txtContent": "@currentField"}', "no JSON at all"])
async def test_formatting_that_somebody_made_stays_and_is_told(office: Office, theirs: str) -> None:
    await provision(office)
    office.agents.columns["Presence"].formatter = theirs
    [line] = await provision(office)
    assert line.startswith("left as it is: the formatting of the column Presence")
    assert line.startswith(NOTES)
    assert office.agents.columns["Presence"].formatter == theirs


async def test_formatting_that_somebody_took_away_is_made_anew(office: Office) -> None:
    await provision(office)
    office.agents.columns["Presence"].formatter = ""
    assert await provision(office) == ["formatting of the column Presence"]
