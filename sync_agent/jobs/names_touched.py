"""Which names of the list have to be asked about again when users changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync_agent.duplicates import user_of
from sync_agent.model import Match, Row
from sync_agent.reconcile import names_to_ask


def names_touched(
    changed: Mapping[str, frozenset[str]], matches: Mapping[str, Match], rows: Iterable[Row]
) -> frozenset[str]:
    """``changed``: by user id, the names that the user has now. Touched are the names of the list which those users
    have, had, or are shown beside.
    """
    ids = {id_.lower() for id_ in changed}
    now = frozenset[str]().union(*changed.values()) & matches.keys()
    had = {name for name, match in matches.items() if (user := user_of(match)) is not None and user.id.lower() in ids}
    beside = names_to_ask(row for row in rows if row.shown.object_id.lower() in ids)
    return now | had | beside
