"""The state tokens of Graph's delta, of lists and of users: opaque to whoever is given one."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import orjson

from sync_agent.simulator.change_log import Position, from_ticks, ticks


@dataclass(frozen=True, slots=True)
class DeltaToken:
    """``of``: the list or tenant. ``position``: from where changes are to be told. ``after``: the id that an
    enumeration of everything has come to, None once it follows changes. ``told``: the number of the last change that
    was told of a round under way. ``select``: as asked for, where links do not carry it.
    """

    of: str
    position: Position
    after: int | str | None = None
    told: int = 0
    select: str | None = None

    def __str__(self) -> str:
        values = [self.of, ticks(self.position.time), self.position.number, self.after, self.told, self.select]
        return base64.urlsafe_b64encode(orjson.dumps(values)).decode()


def read_token(text: str) -> DeltaToken:
    """Raises ValueError for what is none."""
    try:
        of, time, number, after, told, select = orjson.loads(base64.urlsafe_b64decode(text))
        return DeltaToken(of, Position(from_ticks(time), number), after, told, select)
    except (binascii.Error, TypeError, OverflowError) as error:
        raise ValueError("this is no token") from error
