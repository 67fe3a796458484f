"""The event loop that commands work in."""

from __future__ import annotations

import pytest

from sync_agent.cli.session import loaded, with_service
from sync_agent.service import Service
from tests.lab import Lab


class Long:
    """As long as a list."""

    def __repr__(self) -> str:
        pytest.fail("was written out as text, which takes seconds for a whole list")


def test_what_comes_of_the_work_is_never_written_out_as_text(bare: Lab) -> None:
    came = Long()

    async def work(_: Service) -> Long:
        return came

    assert with_service(loaded(bare.settings), work) is came
