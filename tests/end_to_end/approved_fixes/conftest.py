"""A desk with a list that was synced once, by each API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_agent.simulator.lab import Api
from tests.end_to_end.approved_fixes.desk import Desk
from tests.lab import lab


@pytest.fixture(params=["graph", "rest"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    api: Api = request.param
    with lab(tmp_path, rows=50, api=api) as made:
        made.replace("pacing:", "safety: {approved_fixes: true}\npacing:")
        opened = Desk(made.provisioned(), api)
        assert opened.sync()["planned"] == 0
        assert len(opened.wrong) >= 2
        yield opened
