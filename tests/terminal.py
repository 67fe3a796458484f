"""A command in a process of its own at a terminal, typed at as a person types."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 20.0
"""Seconds for an answer."""
_CTRL_C = b"\x03"
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """``seen``: all that was shown, what was typed included where it was echoed."""

    def __init__(self, process: subprocess.Popen[bytes], ours: int) -> None:
        self._process = process
        self._ours = ours
        self._read = 0
        self.seen = ""

    def until(self, text: str) -> str:
        """Wait until ``text`` is shown, and return what came since the last time, ``text`` included."""
        while text not in self.seen[self._read :]:
            assert self._more(), f"ended without {text!r}:\n{self.seen}"
        start = self._read
        self._read = self.seen.index(text, start) + len(text)
        return self.seen[start : self._read]

    def type(self, line: str) -> None:
        os.write(self._ours, f"{line}\n".encode())

    def answer(self, question: str, line: str) -> str:
        """Type ``line`` once ``question`` is asked; what was shown until then."""
        shown = self.until(question)
        self.until(": ")
        self.type(line)
        return shown

    def interrupt(self) -> int:
        """Press Ctrl-C, more than once where it came between two looks at the keyboard; the exit code."""
        while self._process.poll() is None:
            os.write(self._ours, _CTRL_C)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5.0)
        return self.end()

    def end(self) -> int:
        """The exit code."""
        while self._more():
            pass
        return self._process.wait(PATIENCE)

    def _more(self) -> bool:
        """False at the end."""
        ready, _, _ = select.select([self._ours], [], [], PATIENCE)
        assert ready, f"nothing more was shown:\n{self.seen}"
        try:
            data = os.read(self._ours, 65_536)
        except OSError:  # how Linux says that nobody is at the other end any more
            return False
        self.seen += _COLOURS.sub("", data.decode(errors="replace")).replace("\r", "")
        return bool(data)


@contextmanager
def at_terminal(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Terminal]:
    """`sync-agent` with these arguments, in ``folder``."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, b"\x32\x00\xc8\x00\x00\x00\x00\x00")  # 50 lines of 200 characters
    process = subprocess.Popen(
        [sys.executable, "-m", "sync_agent", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 -- it takes no lock
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)
