"""The page of `sync-agent check`, and how it ends."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from sync_agent.check.faults import TABLE, found
from sync_agent.cli.check_page import show_findings
from tests.check.cases import made_ready
from tests.lab import command, lab


def page(*, terminal: bool) -> str:
    findings = [
        found("settings_right", "settings.yaml", file="settings.yaml", accounts="1 account"),
        found("clock_drifts", "clock", host="graph.microsoft.com", way="behind", seconds="90"),
        found("columns_missing", "sharepoint.columns", list="Agents [old]", columns="SyncStatus"),
    ]
    out = io.StringIO()
    show_findings(Console(file=out, force_terminal=terminal, highlight=False, soft_wrap=True), findings)
    return out.getvalue()


def test_an_area_at_a_time_with_what_to_do_beneath() -> None:
    assert page(terminal=False).splitlines() == [
        "Settings",
        "  ✓ settings.yaml can be read, with 1 account.",
        "Network and clock",
        "  ! This machine's clock is 90 s behind graph.microsoft.com. [clock_drifts, clock]",
        f"      {TABLE['clock_drifts'].remedy}",
        "Agent list",
        '  ✗ The list "Agents [old]" lacks columns of the service: SyncStatus. [columns_missing, sharepoint.columns]',
        "      Run: sync-agent provision",
        "",
        "1 error and 1 warning; docs/troubleshooting.md has them all.",
    ]


def test_colours_are_for_terminals() -> None:
    assert "\x1b[" in page(terminal=True)
    assert "\x1b[" not in page(terminal=False)


def test_a_terminal_is_told_whole_words_however_narrow_it_is() -> None:
    out = io.StringIO()
    finding = found("columns_missing", "sharepoint.columns", list="Agents", columns=", ".join(["SyncStatus"] * 9))
    show_findings(Console(file=out, force_terminal=True, color_system=None, soft_wrap=True, width=40), [finding])
    lines = out.getvalue().splitlines()[1:-2]
    assert len(lines) > 4
    assert all(len(line) <= 40 and line.startswith("  ") for line in lines)
    assert " ".join(line.strip() for line in lines).count("SyncStatus") == 9


def test_settings_that_cannot_be_read_are_told_as_findings(tmp_path: Path) -> None:
    missing = command("--settings", str(tmp_path / "nowhere.yaml"), "check", "--json")
    assert missing.code == 2
    (told,) = missing.json()["findings"]
    assert told["id"] == "settings_unreadable"
    assert f"{tmp_path}/nowhere.yaml: there is no such file" in told["message"]
    assert "sync-agent init" in told["remedy"]
    folder = command("--settings", str(tmp_path), "check", "--json")
    assert (folder.code, folder.json()["ok"]) == (2, False)
    (told,) = folder.json()["findings"]
    assert f"{tmp_path}: it is a folder" in told["message"]
    (tmp_path / "settings.yaml").write_text("sharepoint:\n  site_url: nowhere\naccounts: []\n")
    wrong = command("--settings", str(tmp_path / "settings.yaml"), "check")
    assert wrong.code == 2
    assert wrong.out.count("✗") == 3
    assert "settings.yaml:2:3: " in wrong.out
    assert "sharepoint.site_url" in wrong.out
    assert wrong.err == ""


def test_several_faults_are_told_side_by_side(tmp_path: Path) -> None:
    with lab(tmp_path) as made:
        made_ready(made)
        made.world.accounts[1][2].permissions.discard("Presence.Read.All")
        del made.agents.columns["SyncStatus"]
        ran = made.run("check")
    assert ran.code == 1
    assert ran.err == ""
    assert "2 errors;" in ran.out
    assert "presence_not_permitted" in ran.out
    assert "columns_missing" in ran.out
