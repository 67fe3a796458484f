"""What Graph says of a subscription."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from sync_agent.microsoft365.subscriptions import _read, _Subscription


@pytest.mark.parametrize(
    "written", ["2026-03-02T07:00:00Z", "2026-03-02T08:00:00+01:00", "2026-03-02T07:00:00.0000000"]
)
def test_its_end_can_be_compared_with_any_moment(written: str) -> None:
    told = msgspec.convert({"id": "s", "expirationDateTime": written}, _Subscription)
    assert _read(told).expires == datetime(2026, 3, 2, 7, tzinfo=UTC)
