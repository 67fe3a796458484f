"""What must hold of the list after whatever the service did, and what must once nothing fails any more."""

from __future__ import annotations

from collections import Counter

from sync_agent.anomaly_item import ACKNOWLEDGED
from tests.chaos.centre import Centre
from tests.chaos.truth import ABSENT, status, told

_MADE_UP = {"", "Lunch", "PresenceUnknown"}
"""Presences that a person typed, or that are told of whoever has none."""

Shown = dict[int, tuple[str, str]]
"""By row: status and anomalies."""


def shown(centre: Centre) -> Shown:
    return {id_: (centre.shown(id_, "SyncStatus"), centre.shown(id_, "SyncAnomalies")) for id_ in centre.cells}


def no_harm(centre: Centre, before: Shown, doubted: set[int]) -> None:
    """``before``: what was shown until then; what still is, is old news. ``doubted``: rows that nothing may be said of
    that was not said before: their users left with most others.
    """
    centre.accept_fixes()
    assert centre.foreign_cells() == centre.cells, "a cell of people's is not as people left it"
    _no_harm_to_items(centre)
    for row_id, now in shown(centre).items():
        if now == before.get(row_id):
            continue
        false = told(now[1]) - _could_be_said(centre.ever[row_id])
        assert not false, f"row {row_id} is accused of what never was: {false}, {centre.cells[row_id]}"
        if row_id in doubted - centre.touched:
            accused = ABSENT in told(now[1]) - told(before[row_id][1])
            assert not accused, f"row {row_id} is accused with most of its tenant, and nobody said that it is so"
        presence = centre.shown(row_id, "Presence")
        assert presence in _MADE_UP | centre.presences[row_id], f"row {row_id} shows {presence}"


def _no_harm_to_items(centre: Centre) -> None:
    """Of the list of anomalies, where people tick what they have seen, and may keep items of their own."""
    items = centre.anomalies.items
    ticked = {id_: bool(item.fields.get(ACKNOWLEDGED)) for id_, item in items.items()}
    assert ticked == {id_: centre.ticked.get(id_, False) for id_ in items}, "a tick is not as people left it"
    own = items[centre.own_item].fields
    assert own == {"Title": "Ask the union", ACKNOWLEDGED: own[ACKNOWLEDGED]}, "an item of people's was written"


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
    open_items = [item.fields for item in centre.anomalies.items.values() if "Resolved" not in item.fields]
    listed = Counter((each["AgentRow"], each["AnomalyCode"]) for each in open_items if "AnomalyCode" in each)
    assert listed == Counter((row_id, code) for row_id in centre.cells for code in _codes(centre, row_id))


def _codes(centre: Centre, row_id: int) -> set[str]:
    return {line.partition(":")[0] for line in centre.shown(row_id, "SyncAnomalies").splitlines()}
