"""A report is written whole, or the file stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_agent.report.writing import write_whole


def test_a_report_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    for text in ("first", "zweiter\r\nBericht"):
        write_whole(path, text)
        assert path.read_bytes().decode() == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_report_is_its_owners_alone_and_one_that_was_opened_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_whole(path, "first")
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    write_whole(path, "second")
    assert path.stat().st_mode & 0o777 == 0o644


def test_what_cannot_be_written_leaves_the_one_before_and_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_whole(path, "first")
    (tmp_path / ".report.html.new").mkdir()
    with pytest.raises(OSError, match=r"report\.html") as caught:
        write_whole(path, "second")
    assert caught.value.filename == str(path)
    assert path.read_text() == "first"
