"""A settings file that is put in its place: whole and loading, or nothing has happened."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sync_agent.settings import SettingsError
from sync_agent.setup.placing import Occupied, place
from tests.settings.files import SMALLEST, changed


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_it_is_there_whole_in_a_folder_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "settings.yaml"
    assert place(path, SMALLEST, overwrite=False).accounts
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == (SMALLEST, 0o644)
    assert names(path.parent) == ["settings.yaml"]


def test_with_a_secret_in_it_it_is_its_owners_alone(tmp_path: Path) -> None:
    """Even where one that was open to all is overwritten."""
    path = tmp_path / "settings.yaml"
    path.write_text(SMALLEST)
    path.chmod(0o644)
    place(path, changed("${env:CONTOSO_SECRET}", "hunter2"), overwrite=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_would_not_load_is_told_by_the_name_it_was_to_have(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("mine")
    with pytest.raises(SettingsError) as caught:
        place(path, changed("auth: client_secret", "auth: magic"), overwrite=True)
    assert str(caught.value).startswith(f"{path}:")
    assert (path.read_text(), names(tmp_path)) == ("mine", ["settings.yaml"])


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("mine")
    with pytest.raises(Occupied):
        place(path, SMALLEST, overwrite=False)
    assert (path.read_text(), names(tmp_path)) == ("mine", ["settings.yaml"])


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    target, link = tmp_path / "etc" / "settings.yaml", tmp_path / "settings.yaml"
    target.write_text("old")
    link.symlink_to(target)
    place(link, SMALLEST, overwrite=True)
    assert link.is_symlink()
    assert target.read_text() == SMALLEST


def test_where_nothing_can_be_written_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError) as caught:
        place(tmp_path / "file" / "settings.yaml", SMALLEST, overwrite=False)
    assert caught.value.filename == str(tmp_path / "file" / "settings.yaml")
