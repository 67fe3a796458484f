"""`report`: on the terminal, and as the files that are handed on."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.commands import sentence
from tests.lab import Lab
from tests.notify.receivers import hook


@pytest.fixture
def after_a_pass(ready: Lab) -> Lab:
    assert ready.run("sync").code == 0
    return ready


def counts(lab: Lab) -> Counter[str]:
    return Counter(code for truth in lab.world.truth.values() for code in truth.codes)


def test_before_any_pass_it_says_what_to_run(bare: Lab) -> None:
    for arguments in ([], ["--json"], ["--html", str(bare.folder / "report.html")]):
        ran = bare.run("report", *arguments)
        assert (ran.code, ran.out) == (1, "")
        assert "sync-agent sync" in sentence(ran)
    assert not (bare.folder / "report.html").exists()


def test_on_the_terminal_it_counts_by_status_and_code(after_a_pass: Lab) -> None:
    ran = after_a_pass.run("report")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Agents, as of ")
    assert "45 rows   " in ran.out
    cells = [line.split() for line in ran.out.splitlines()]
    for code, count in counts(after_a_pass).items():
        assert [code, str(count), "new"] in cells
    assert "--html" in ran.out


def test_the_files_have_every_anomaly(after_a_pass: Lab, tmp_path: Path) -> None:
    html, table = tmp_path / "report.html", tmp_path / "report.csv"
    ran = after_a_pass.run("report", "--html", str(html), "--csv", str(table))
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"Written: {html}\nWritten: {table}\n"
    with table.open(encoding="utf-8-sig", newline="") as file:
        assert Counter(row["code"] for row in csv.DictReader(file)) == counts(after_a_pass)
    text = html.read_text(encoding="utf-8")
    assert text.count('<tr data-code="') == counts(after_a_pass).total()


def test_json_is_one_document_also_beside_files(after_a_pass: Lab, tmp_path: Path) -> None:
    ran = after_a_pass.run("report", "--json", "--csv", str(tmp_path / "report.csv"))
    assert ran.code == 0
    assert json.loads(ran.out)["by_code"] == counts(after_a_pass)
    assert (tmp_path / "report.csv").exists()


def test_a_file_that_cannot_be_written_is_one_sentence(after_a_pass: Lab) -> None:
    ran = after_a_pass.run("report", "--html", "/proc/no-such-folder/report.html")
    assert (ran.code, ran.out) == (1, "")
    assert "/proc/no-such-folder/report.html: No such file or directory" in sentence(ran)


def test_a_history_that_cannot_be_read_is_one_sentence(after_a_pass: Lab) -> None:
    (after_a_pass.folder / "state" / "sync-agent.db").write_text("not a database, but long enough to be looked at")
    ran = after_a_pass.run("report")
    assert (ran.code, ran.out) == (1, "")
    assert "sync-agent.db" in sentence(ran)


def test_people_are_told_once(after_a_pass: Lab) -> None:
    with hook() as there:
        after_a_pass.settings.write_text(
            f"{after_a_pass.settings.read_text()}notify: {{urls: ['{there.url}', 'json://127.0.0.1:9/secret-path']}}\n"
        )
        first, second = (after_a_pass.run("report", "--notify") for _ in range(2))
        assert (first.code, first.out) == (1, "")
        assert sentence(first) == "1 of 2 could not be told; run it again."
        assert "notify.urls.2" in first.err
        assert "secret-path" not in first.err + second.err
        after_a_pass.replace(", 'json://127.0.0.1:9/secret-path'", "")
        third = after_a_pass.run("report", "--notify")
        assert (third.code, third.out) == (0, "")
        warning, told = third.err.splitlines()  # the address stands in the settings as it is
        assert "secret_in_settings" in warning
        assert told == "Nothing new to tell."
    assert [taken["title"] for taken in there.taken] == [f"Agents: {_told(after_a_pass)} new"]


def _told(lab: Lab) -> int:
    return counts(lab).total() - counts(lab)["account_unavailable"]


def test_telling_nobody_is_wrong_usage(after_a_pass: Lab) -> None:
    ran = after_a_pass.run("report", "--notify")
    assert ran.code == 2
    assert "notify.urls" in sentence(ran)
