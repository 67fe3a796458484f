"""Makes demo.svg, the picture in the README: what `sync-agent demo` leaves on a terminal. Needs tmux.

python docs/images/demo.py
"""
# ruff: noqa: S603, S607

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH, HEIGHT = 120, 80
NAME = f"sync-agent-picture-{os.getpid()}"
# Rich's own would load a font from the network.
TERMINAL = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: Consolas, Menlo, "DejaVu Sans Mono", monospace; font-size: {char_height}px; line-height: {line_height}px }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""  # noqa: E501


def tmux(*arguments: str) -> str:
    return subprocess.run(["tmux", *arguments], check=True, capture_output=True, text=True).stdout


def screen() -> str:
    """Run the demo in a terminal of its own and return what it shows at the end, with its colours."""
    command = f"{shlex.join([sys.executable, '-m', 'sync_agent', 'demo'])}; tmux wait-for -S {NAME}; sleep 60"
    with tempfile.TemporaryDirectory() as folder:
        tmux("new-session", "-d", "-s", NAME, "-x", str(WIDTH), "-y", str(HEIGHT), "-c", folder, command)
        tmux("wait-for", NAME)
        try:
            return tmux("capture-pane", "-e", "-p", "-t", NAME).rstrip()
        finally:
            tmux("kill-session", "-t", NAME)


def main() -> None:
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi("$ sync-agent demo\n" + screen()))
    picture = console.export_svg(title="sync-agent demo", code_format=TERMINAL, unique_id="demo")
    Path(__file__).with_suffix(".svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
