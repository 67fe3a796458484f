"""Waiting for one of several events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence


async def set_before(wanted: asyncio.Event, end: asyncio.Event) -> bool:
    """Wait for one of them; whether to go on."""
    await _first([wanted, end], None)
    return not end.is_set()


async def set_within(seconds: float, *events: asyncio.Event) -> bool:
    """Whether one of the events is set before so many seconds have passed."""
    return await _first(events, max(0.0, seconds))


async def _first(events: Sequence[asyncio.Event], seconds: float | None) -> bool:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
    return bool(done)
