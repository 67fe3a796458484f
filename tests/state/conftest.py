from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_agent.state.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that is not there yet, or empty: of each kind that there is."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deep/down/history.db"
    address: str = request.getfixturevalue("postgresql").new_database()
    return address


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """For what is about files."""
    return tmp_path / "deep" / "down" / "history.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    yield opened
    opened.close()
