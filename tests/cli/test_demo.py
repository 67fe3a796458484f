"""`demo` from nothing to the report, on a terminal and in a pipe; `simulate` as the way on."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sync_agent.model import Code
from tests.cli.commands import sentence
from tests.lab import command

PRESENT = set(Code) - {Code.USER_RENAMED, Code.NAME_MISMATCH, Code.ACCOUNT_UNAVAILABLE}
"""A demo renames nobody between two passes, does not compare names, and its tenants answer."""


def on_a_terminal(*arguments: str, folder: Path, **environment: str) -> str:
    """What `sync-agent` writes to a terminal, as it is written."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "sync_agent", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=folder,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", **environment},
    )
    os.close(slave)
    written = bytearray()

    def read() -> None:
        try:
            while chunk := os.read(master, 65_536):
                written.extend(chunk)
        except OSError:
            pass  # the other end is closed

    reader = threading.Thread(target=read)
    reader.start()
    process.wait(timeout=120)
    reader.join(timeout=10)
    os.close(master)
    return written.decode()


def test_the_demo_does_the_whole_job_and_leaves_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    started = time.monotonic()
    ran = command("demo")
    assert ran.code == 0, ran.err
    assert time.monotonic() - started < 20
    assert ran.out.startswith("An Agent list of 1,000 rows and 3 tenants, on an embedded Microsoft 365.\n")
    for stage in (
        "Creating our columns",
        "Reading the list",
        "Asking the tenants",
        "Reading presence",
        "Writing to the",
    ):
        assert re.search(rf"^{stage}.* s\)$", ran.out, re.MULTILINE)
    cells = [line.split() for line in ran.out.splitlines()]
    assert {row[0] for row in cells if row} & set(Code) == PRESENT
    assert re.search(r"^1,000 rows   \d+ OK   \d+ Warning   \d+ Error   0 Unknown$", ran.out, re.MULTILINE)
    assert re.search(r"^1,000 of 1,000 rows written · \d+ requests \(.+\) · \d+\.\d s$", ran.out, re.MULTILINE)
    assert "demo/report.html" in ran.out
    assert "docs/getting-started.md" in ran.out
    assert "sharepoint_units_per_minute: 6000" in (tmp_path / "demo" / "settings.yaml").read_text()
    report = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert set(re.findall(r'<tr data-code="(\w+)"', report)) == PRESENT


def test_the_demo_can_be_run_again_in_the_same_folder(tmp_path: Path) -> None:
    for _ in range(2):
        ran = command("demo", "--rows", "40", "--tenants", "1", "--api", "graph", "--folder", str(tmp_path))
        assert ran.code == 0, ran.err
        assert "40 of 40 rows written" in ran.out


def test_a_folder_that_cannot_be_made_is_one_sentence() -> None:
    ran = command("demo", "--rows", "20", "--folder", "/proc/demo")
    assert ran.code == 1
    assert "/proc/demo" in sentence(ran)


def test_on_a_terminal_there_is_a_bar_a_stage(tmp_path: Path) -> None:
    seen = on_a_terminal("demo", "--rows", "40", "--tenants", "1", folder=tmp_path)
    assert "\x1b[" in seen
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    for stage, total in (("Reading the list", "40/40"), ("Writing to the list", "40/40")):
        assert re.search(rf"✓ {stage} +━+ +{total} +\d+\.\d s ", last)


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colours_nothing_is_coloured(environment: dict[str, str], tmp_path: Path) -> None:
    seen = on_a_terminal("demo", "--rows", "20", "--tenants", "1", folder=tmp_path, **environment)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", seen)
    if "TERM" in environment:
        assert "\x1b" not in seen
        assert re.search(r"^Reading the list: 20 rows", seen, re.MULTILINE)


def test_what_is_logged_while_bars_run_has_lines_of_its_own(tmp_path: Path) -> None:
    """Settings whose second tenant refuses the sign-in, which is logged in the middle of a stage."""
    with simulating(tmp_path, "--tenants", "2") as settings:
        assert command("--settings", str(settings), "provision").code == 0
        (tmp_path / "lab" / "secrets" / "fabrikam.com").write_text("not-the-secret")
        seen = on_a_terminal("--settings", str(settings), "sync", "--json", folder=tmp_path, COLUMNS="400")
    assert "━" in seen
    visible = re.sub(r"\x1b\[[0-9;?]*m", "", seen)
    lines = [line for line in re.split(r"\r|\n|\x1b\[[0-9;?]*[A-Za-z]", visible) if "sign_in_failed" in line]
    assert len(lines) == 1
    assert re.match(r"\d{4}-\d\d-\d\dT\S+ +\[warning", lines[0])
    assert "━" not in lines[0]


def test_simulate_serves_what_it_says_until_it_is_stopped(tmp_path: Path) -> None:
    with simulating(tmp_path, "--api", "rest") as settings:
        for arguments, code in ((["provision"], 0), (["sync", "--dry-run"], 0), (["sync"], 0), (["report"], 0)):
            assert command("--settings", str(settings), *arguments).code == code
        assert json.loads(command("--settings", str(settings), "sync", "--json").out)["rows"] == 30


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
        try:
            ran = command("simulate", "--port", str(port), "--rows", "0", "--folder", str(tmp_path))
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)
    assert ran.code == 1
    assert f"127.0.0.1:{port}" in sentence(ran)
    assert "--port" in sentence(ran)


class simulating:  # noqa: N801
    """`sync-agent simulate` in a process of its own, as a context manager that gives its settings."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._settings = folder / "lab" / "settings.yaml"
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "sync_agent",
                "simulate",
                "--rows",
                "30",
                "--port",
                str(port),
                "--still",
                *arguments,
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
        )

    def __enter__(self) -> Path:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("Ctrl-C"):
                break
        return self._settings

    def __exit__(self, *error: object) -> None:
        self._process.send_signal(signal.SIGINT)
        assert self._process.wait(timeout=15) == 0
