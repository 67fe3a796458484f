"""A fresh office for each test."""

from __future__ import annotations

import pytest

from tests.simulator.office import Office, fresh_office


@pytest.fixture
def office() -> Office:
    return fresh_office()
