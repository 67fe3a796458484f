"""What must hold of the list after whatever the service did, and what must once nothing fails any more."""

from __future__ import annotations

from tests.chaos.centre import Centre
from tests.chaos.truth import ABSENT, status, told

_MADE_UP = {"", "Lunch", "PresenceUnknown"}
"""Presences that a person typed, or that are told of whoever has none."""

Shown = dict[int, tuple[str, str]]
"""By row: status and anomalies."""


def shown(centre: Centre) -> Shown:
    return {id_: (centre.shown(id_, "SyncStatus"), centre.shown(id_, "SyncAnomalies")) for id_ in centre.cells}


def no_harm(centre: Centre, before: Shown) -> None:
    """``before``: what was shown until then; what still is, is old news."""
    assert centre.foreign_cells() == centre.cells, "a cell of people's is not as people left it"
    for row_id, now in shown(centre).items():
        if now == before.get(row_id):
            continue
        false = told(now[1]) - _could_be_said(centre.ever[row_id])
        assert not false, f"row {row_id} is accused of what never was: {false}, {centre.cells[row_id]}"
        presence = centre.shown(row_id, "Presence")
        assert presence in _MADE_UP | centre.presences[row_id], f"row {row_id} shows {presence}"


def _could_be_said(ever: set[str]) -> set[str]:
    """Whoever was gone for a time had no presence then; whether others lead to the same user is not told here."""
    gone = {"presence_unavailable"} if ABSENT in ever else set()
    return ever | gone | {"account_unavailable", "user_duplicate"}


def all_is_shown(centre: Centre) -> None:
    for row_id, cells in centre.cells.items():
        true, said = centre.codes(row_id), told(centre.shown(row_id, "SyncAnomalies"))
        if ABSENT in true:
            assert ABSENT in said, f"row {row_id}, {cells}: {said}, not {true}"
        else:
            assert said - {"user_duplicate"} == true, f"row {row_id}, {cells}: {said}, not {true}"
        assert centre.shown(row_id, "SyncStatus") == status(said)
        user = centre.user(row_id)
        if user is not None:
            assert centre.shown(row_id, "EntraObjectId") == user.id
        if user is not None and user.has_presence:
            assert centre.shown(row_id, "Presence") == user.availability
