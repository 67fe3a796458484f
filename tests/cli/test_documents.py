"""What README and the first steps tell people to type, and the picture of it."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import click
import pytest

from sync_agent.cli import COMMANDS, commands
from sync_agent.model import Code
from sync_agent.settings import load
from tests.cli.test_demo import PRESENT

ROOT = Path(__file__).parents[2]
STEPS = (ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")
PICTURE = (ROOT / "docs" / "images" / "demo.svg").read_text(encoding="utf-8")


def test_there_are_ten_steps() -> None:
    assert re.findall(r"^\*\*(\d+)\. ", STEPS, re.MULTILINE) == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize("document", ["README.md", "docs/getting-started.md"])
def test_what_people_are_told_to_type_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    typed = re.findall(r"(?:`|^)sync-agent ([a-z-]+)([^`\n|]*)", text, re.MULTILINE)
    assert typed
    for name, rest in typed:
        assert name in COMMANDS
        found = commands.get_command(click.Context(commands), name)
        assert found is not None
        known = {option for parameter in found.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known


@pytest.mark.parametrize(
    "permission", ["User.Read.All", "Presence.Read.All", "Sites.Selected", "Organization.Read.All"]
)
def test_the_steps_name_every_permission(permission: str) -> None:
    assert f"`{permission}`" in STEPS


def test_the_settings_of_the_steps_are_settings(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(.+?)```", STEPS, re.DOTALL)
    assert found is not None
    file = tmp_path / "settings.yaml"
    file.write_text(re.sub(r"<[^>]+>", "11111111-1111-4111-8111-111111111111", found[1]))
    settings = load(file)
    assert settings.list_api() == "rest"
    assert [account.id for account in settings.accounts] == [settings.sharepoint.account]


def test_the_picture_in_readme_is_of_the_demo() -> None:
    assert "](docs/images/demo.svg)" in (ROOT / "README.md").read_text(encoding="utf-8")
    words = set(re.sub(r"<[^>]+>", " ", unescape(PICTURE)).split())
    assert words & set(Code) == PRESENT
    assert "demo/report.html" in words


def test_the_picture_is_small_loads_nothing_and_shows_nobodys_machine() -> None:
    assert len(PICTURE) < 200_000
    assert re.findall(r"https?://[^\"]+", PICTURE) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"/(home|root|tmp|Users|work)/|@import|url\((?!#)", PICTURE)
