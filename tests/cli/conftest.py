"""A served world a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import Lab, lab


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Lab]:
    """A list without our columns, two tenants, every anomaly in it, and presence that stands still."""
    with lab(tmp_path, rows=45) as made:
        made.world.moving = False
        yield made


@pytest.fixture
def ready(bare: Lab) -> Lab:
    """The same with our columns."""
    ran = bare.run("provision")
    assert ran.code == 0, ran.err
    return bare
