"""One table of the least permissions: scripts, pages and `check` say the same."""

from __future__ import annotations

import re
from pathlib import Path

from sync_agent.check.needed import TABLE, When
from sync_agent.check.permissions import ENOUGH, OPEN_SITES

ROOT = Path(__file__).parent.parent.parent


def rows(page: str) -> list[list[str]]:
    lines = (ROOT / "docs" / page).read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_the_page_of_the_scripts_has_each_with_what_needs_it() -> None:
    named = {each.permission for each in TABLE}
    listed = [row for row in rows("register-app.md") if row[0].strip("`") in named]
    wanted = [[f"`{each.permission}`", each.service.value, each.when.value, each.request] for each in TABLE]
    assert listed == wanted


def test_getting_started_names_them_all_and_no_other() -> None:
    text = (ROOT / "docs" / "getting-started.md").read_text()
    step = text[text.index("**3. ") : text.index("**4. ")]
    named = set(re.findall(r"`([\w.]+\.(?:All|Selected))`", step))
    assert named == {each.permission for each in TABLE if each.when is not When.PERSON}


def test_check_is_content_with_them() -> None:
    needed = {each.permission for each in TABLE}
    assert all(needed & enough for enough in ENOUGH.values())
    assert needed & OPEN_SITES
