"""A served world with settings for it, and commands run against it as a person runs them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sync_agent.cli import main
from sync_agent.simulator.lab import Api, write_settings
from sync_agent.simulator.lists import SharePointList
from sync_agent.simulator.messy import SITE_PATH, build
from sync_agent.simulator.server import Simulator
from sync_agent.simulator.world import World
from tests.published import as_published
from tests.serving import serving

PLENTY = 600_000
"""SharePoint units a minute: for tests that are not about the budget."""


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Lab:
    """``settings`` may be rewritten by a test before a command."""

    world: World
    folder: Path
    settings: Path

    @property
    def agents(self) -> SharePointList:
        return next(iter(self.world.sites[SITE_PATH].lists.values()))

    def run(self, *arguments: str) -> Ran:
        """A command with these settings, in this process and folder; the document of a pass is as it is published."""
        with chdir(self.folder):
            ran = command("--settings", str(self.settings), *arguments)
        if ran.out and arguments[0] == "sync" and "--json" in arguments:
            as_published(ran.json())
        return ran

    def replace(self, old: str, new: str) -> None:
        """Edit the settings."""
        text = self.settings.read_text()
        assert old in text
        self.settings.write_text(text.replace(old, new))

    def provisioned(self) -> Lab:
        ran = self.run("provision")
        assert ran.code == 0, ran.err
        return self

    def shown(self, row_id: int, column: str) -> Any:
        return self.agents.items[row_id].fields.get(column)


def command(*arguments: str) -> Ran:
    """Run `sync-agent` as its entry point does, with nobody at a terminal."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
        main(arguments)
    code = end.value.code
    assert isinstance(code, int)
    return Ran(code, _text(out), _text(err))


def _text(stream: io.TextIOWrapper) -> str:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


@contextmanager
def lab(
    folder: Path, *, rows: int = 60, tenants: int = 2, api: Api = "graph", world: World | None = None
) -> Iterator[Lab]:
    served = world or build(rows, tenants)
    for tenant in served.tenants.values():
        tenant.sharepoint_units = PLENTY
    with serving(Simulator(served, folder=folder)):
        yield Lab(served, folder, write_settings(served, folder, api))
