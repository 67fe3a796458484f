"""The list of anomalies beside anything that may stand, whatever people and other services made of its items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.anomaly_item import ACKNOWLEDGED, AnomalyItem, ItemColumn
from sync_agent.anomaly_mirror import Mirroring, Standing, compare
from sync_agent.list_item import ItemChange, ItemValue

NOW = datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC)
EARLIER = NOW - timedelta(days=3)
ROW_IDS = st.integers(1, 3)
CODES = st.sampled_from(["upn_missing", "user_disabled"])
TEXTS = st.sampled_from(["", "one", "two words", " two  words "]) | st.text(max_size=12)

STANDING = st.lists(
    st.builds(
        Standing,
        ROW_IDS,
        CODES,
        st.sampled_from(["error", "warning"]),
        st.none() | TEXTS | st.just("\ud800😀" * 300),
        TEXTS,
        TEXTS,
        st.just(EARLIER),
        suggestion=st.none() | TEXTS,
        team=TEXTS,
        times=st.integers(1, 9),
        unsure=st.booleans(),
    ),
    unique_by=lambda anomaly: anomaly.key,
)


@st.composite
def cells_of_items(draw: st.DrawFn) -> Mapping[str, ItemValue]:
    cells: dict[str, ItemValue] = {column: draw(TEXTS) for column in ItemColumn}
    cells[ItemColumn.ROW] = draw(st.none() | ROW_IDS)
    cells[ItemColumn.CODE] = draw(CODES | st.just(""))
    cells[ItemColumn.RESOLVED] = draw(st.none() | st.just(EARLIER))
    cells[ItemColumn.OPENED] = draw(st.none() | st.just(EARLIER))
    cells[ItemColumn.TIMES] = draw(st.none() | st.integers(0, 9))
    cells[ACKNOWLEDGED] = draw(st.booleans())
    return cells


ITEMS = st.lists(st.builds(AnomalyItem, st.integers(1, 20), cells_of_items()), unique_by=lambda item: item.id)


def applied(made: Mirroring, items: Iterable[AnomalyItem]) -> list[AnomalyItem]:
    """The items after the writes, with texts trimmed as SharePoint does."""
    after = {item.id: item for item in items}
    for change in made.changes:
        values = {c: v.strip() if isinstance(v, str) else v for c, v in change.values.items()}
        if change.item is None:
            id_ = max(after, default=0) + 1
            after[id_] = AnomalyItem(id_, values)
        else:
            known = after[change.item.id]
            after[known.id] = replace(known, cells={**known.cells, **values})
    return list(after.values())


@given(STANDING, ITEMS)
def test_a_second_comparison_finds_nothing_to_do(standing: list[Standing], items: list[AnomalyItem]) -> None:
    first = compare(standing, items, NOW)
    after = applied(first, items)
    again = compare(standing, after, NOW + timedelta(minutes=1))
    assert again.changes == ()
    assert again.acknowledged == first.acknowledged


@given(STANDING, ITEMS)
def test_what_stands_is_carried_once_and_nothing_else_is(standing: list[Standing], items: list[AnomalyItem]) -> None:
    after = applied(compare(standing, items, NOW), items)
    open_items = Counter(item.key for item in after if item.key is not None and item.stands)
    assert open_items == Counter(anomaly.key for anomaly in standing)


@given(STANDING, ITEMS)
def test_only_open_items_of_ours_are_written(standing: list[Standing], items: list[AnomalyItem]) -> None:
    for change in compare(standing, items, NOW).changes:
        if change.item is not None:
            assert change.item.key is not None
            assert change.item.stands
            assert change.values.keys().isdisjoint(
                {ItemColumn.ROW, ItemColumn.CODE, ItemColumn.OPENED, ItemColumn.TIMES}
            )
        else:
            assert (change.values[ItemColumn.ROW], change.values[ItemColumn.CODE]) in {a.key for a in standing}


@given(STANDING, ITEMS)
def test_a_ticked_item_never_says_anything_else(standing: list[Standing], items: list[AnomalyItem]) -> None:
    """Else a tick would come to stand for what nobody has seen."""
    for change in compare(standing, items, NOW).changes:
        if change.item is not None and change.item.acknowledged:
            assert change.values.keys().isdisjoint({ItemColumn.MESSAGE, ItemColumn.UPN})


@given(STANDING, ITEMS)
def test_every_text_fits_its_column(standing: list[Standing], items: list[AnomalyItem]) -> None:
    for change in compare(standing, items, NOW).changes:
        for column, value in change.values.items():
            if isinstance(value, str) and column is not ItemColumn.MESSAGE:
                assert len(value.encode("utf-16-le")) <= 2 * 255
                assert "\n" not in value


@given(STANDING, ITEMS, st.randoms(use_true_random=False))
def test_the_order_of_items_does_not_matter(standing: list[Standing], items: list[AnomalyItem], chance: Random) -> None:
    shuffled = list(items)
    chance.shuffle(shuffled)

    def what(made: Mirroring) -> Counter[str]:
        return Counter(repr(_told(change)) for change in made.changes)

    first, second = compare(standing, items, NOW), compare(standing, shuffled, NOW)
    assert what(first) == what(second)
    assert first.acknowledged == second.acknowledged


def _told(change: ItemChange[AnomalyItem]) -> object:
    return None if change.item is None else change.item.id, sorted(change.values.items())
