"""The page in Chromium, where there is one: its script runs under its policy, and the part after # is its filter."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from sync_agent.model import Code
from sync_agent.report.html import to_html
from tests.report import records
from tests.report.records import record

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")

TEAMS = ("Inbound", "Outbound", "Billing & Co")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    anomalies = [
        record(
            row,
            Code.UPN_MISSING if row % 2 else Code.USER_GUEST,
            team=TEAMS[row % 3],
            stands=timedelta(hours=row),
            name=f"Agent {row}",
        )
        for row in range(1, 301)
    ]
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(to_html(records.content(anomalies)), encoding="utf-8")
    return path


def opened(page: Path, hash_: str = "") -> tuple[str, list[int]]:
    """The page once its script has run, with the rows that it lists."""
    assert CHROMIUM is not None
    ran = subprocess.run(
        [
            *(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={page.parent}/profile"),
            *("--dump-dom", "--virtual-time-budget=3000", f"file://{page}{hash_}"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return ran.stdout, [int(row) for row in re.findall(r'<td class="row" data-sort="(\d+)"', ran.stdout)]


def test_the_first_two_hundred_are_put_on_the_screen_and_a_button_has_the_rest(page: Path) -> None:
    dom, rows = opened(page)
    assert rows == list(range(1, 201))
    assert '<form id="filter">' in dom
    assert re.search(r'<button type="button" id="more">Show 100 more of 100</button>', dom)


def test_a_shared_address_brings_its_filter_and_its_order(page: Path) -> None:
    dom, rows = opened(page, "#code=upn_missing&team=Billing+%26+Co&sort=for&down=1")
    wanted = [row for row in range(1, 301) if row % 2 and row % 3 == 2]
    assert rows == wanted[::-1]
    assert "50 of 300 shown: code upn_missing, team Billing &amp; Co" in dom
    assert '<option value="Outbound">Outbound (50)</option>' in dom, "choices count what each would show"
    assert re.search(r'data-key="for"[^>]* aria-sort="descending"', dom)


def test_every_word_of_a_search_must_be_there(page: Path) -> None:
    _, rows = opened(page, "#text=GUEST+agent+298")
    assert rows == [298]


def test_a_filter_for_what_is_no_longer_there_lists_nothing_and_runs_nothing(page: Path) -> None:
    dom, rows = opened(page, "#code=%3Cimg%20src=x%20onerror=document.title='harm'%3E&sort=__proto__&nothing=1")
    assert rows == []
    assert "0 of 300 shown" in dom
    assert "<title>harm" not in dom


def test_the_heads_of_the_columns_can_be_pressed_once_the_script_runs(page: Path) -> None:
    """In the file they are text: without a script a button would do nothing."""
    dom, _ = opened(page)
    heads = re.findall(r'data-title="([^"]+)"[^>]*>(.*?)</th>', dom)
    assert len(heads) == 8
    assert all(head == f'<button type="button">{title}</button>' for title, head in heads)
    assert "<button" not in page.read_text(encoding="utf-8").partition("<tbody>")[0]
