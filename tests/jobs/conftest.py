"""By which API the list of a test is opened."""

from __future__ import annotations

import pytest

from sync_agent.simulator.lab import Api


@pytest.fixture(params=["graph", "rest"])
def api(request: pytest.FixtureRequest) -> Api:
    chosen: Api = request.param
    return chosen
