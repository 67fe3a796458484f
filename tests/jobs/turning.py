"""One turn of `run`, with no other beside it."""

from __future__ import annotations

import asyncio

from sync_agent.jobs.write_back import WriteBack, begin_turn, carry_out
from sync_agent.service import Service

MANY = 400


async def whole_turn(service: Service, most: int = MANY, stop: asyncio.Event | None = None) -> WriteBack:
    result, turn = await begin_turn(service.context, known_rows=None, leave=None, most=most)
    await carry_out(service.context, turn, result, stop)
    return result
