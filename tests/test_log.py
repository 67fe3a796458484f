"""Logs: everything on stderr, in one format, and only what was asked for."""

from __future__ import annotations

import io
import json
import logging
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import Literal

import pytest
import structlog

from sync_agent import log
from sync_agent.scheduler import Guard


def test_ours_and_the_libraries_go_to_stderr_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json")
    structlog.get_logger().info("list_read", rows=3)
    logging.getLogger("some.library").warning("slow %s", "disk")
    seen = capsys.readouterr()
    assert seen.out == ""
    ours, theirs = map(json.loads, seen.err.splitlines())
    assert (ours["event"], ours["rows"], ours["level"]) == ("list_read", 3, "info")
    assert (theirs["event"], theirs["level"]) == ("slow disk", "warning")
    assert ours["timestamp"].endswith("Z")


def test_an_exception_is_told_with_its_trace_in_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json")
    try:
        raise ZeroDivisionError("by nought")
    except ZeroDivisionError:
        structlog.get_logger().exception("job_failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "ZeroDivisionError: by nought" in json.loads(line)["exception"]


@pytest.mark.anyio
@pytest.mark.parametrize("format_", ["console", "json"])
async def test_a_job_that_breaks_tells_its_trace_and_nothing_of_what_it_held(
    format_: Literal["console", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    """Local variables are passwords, tokens and people's names; the traces that structlog has rich make show them."""

    async def a_job() -> None:
        upn, password = "jane@contoso.com", "s3cr3t-" * 3
        raise RuntimeError(f"{len(upn + password)} characters in all")

    log.configure(format_)
    await Guard().turn("a_job", a_job)
    logging.getLogger("a.library").error("failed", exc_info=_of_a_library("s3cr3t-" * 3))
    told = capsys.readouterr().err
    assert "job_broke" in told
    assert "RuntimeError: 37 characters in all" in told
    assert "in a_job" in told
    assert "KeyError: 'nothing'" in told
    assert "jane@" not in told
    assert "s3cr3t-s3cr3t" not in told


def _of_a_library(password: str) -> Exception:
    try:
        raise KeyError("nothing" if password else "all")
    except KeyError as error:
        return error


@pytest.mark.parametrize(("level", "told"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level(level: str, told: int, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("console", level)
    logger = structlog.get_logger()
    for method in (logger.debug, logger.info, logger.warning, logger.error):
        method("something")
    assert len(capsys.readouterr().err.splitlines()) == told


def test_what_others_tell_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("console", left_out={"sign_in_failed"})
    structlog.get_logger().warning("sign_in_failed", account="contoso")
    structlog.get_logger().warning("row_not_written", row=3)
    assert "sign_in_failed" not in (err := capsys.readouterr().err)
    assert "row_not_written" in err


def test_libraries_that_log_every_request_are_heard_from_warnings_on(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("console", "debug")
    logging.getLogger("httpx").info("HTTP Request: GET https://graph.microsoft.com")
    logging.getLogger("httpx").warning("pool is full")
    assert [line.split()[3:6] for line in capsys.readouterr().err.splitlines()] == [["pool", "is", "full"]]


def test_a_line_goes_to_what_stderr_is_when_it_is_written() -> None:
    log.configure()
    above_the_bars = io.StringIO()
    with redirect_stderr(above_the_bars):
        structlog.get_logger().warning("throttled")
    assert "throttled" in above_the_bars.getvalue()


def test_no_colours_where_nobody_sees_them(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    structlog.get_logger().warning("throttled", budget="SharePoint")
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_under_the_log_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    full = Path("/dev/full").open("w")  # noqa: SIM115 -- it cannot be closed without an error
    with redirect_stderr(full):
        for _ in range(3):
            structlog.get_logger().warning("throttled")
    with suppress(OSError):
        full.close()
    structlog.get_logger().warning("there is room again")
    assert "there is room again" in capsys.readouterr().err
