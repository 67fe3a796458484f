"""What an answer says of a chunk, and what of it is new."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.microsoft365.errors import Garbled
from sync_agent.microsoft365.presence_chunk import MOST_IDS, UNKNOWN, Chunk, Reading, divided
from sync_agent.microsoft365.transport import Answer

FREE, BUSY = ("Available", "Available"), ("Busy", "InACall")
IDS = [f"Id-{number}" for number in range(12)]


def answer(presences: Mapping[str, Reading], *, backwards: bool = False, more: object = None) -> Answer:
    """``more``: what else stands in each presence, between what matters."""
    value = [{"id": id_, "availability": a, "more": more, "activity": b} for id_, (a, b) in presences.items()]
    body = orjson.dumps({"@odata.context": "#communications", "value": value[::-1] if backwards else value})
    return Answer(200, {"content-type": "application/json"}, body)


def test_an_answer_without_news_is_the_last_one_whatever_its_order() -> None:
    chunk = Chunk(IDS)
    first = chunk.take(answer(dict.fromkeys(IDS, FREE)))
    assert first.every == first.news == dict.fromkeys(IDS, FREE)
    assert chunk.take(answer(dict.fromkeys(IDS, FREE), backwards=True)) is first


@pytest.mark.parametrize("more", [None, [{}, {}]])
def test_the_last_answer_byte_for_byte_says_nothing_new_though_its_presences_cannot_be_told_apart(more: object) -> None:
    chunk = Chunk(IDS)
    first = chunk.take(answer(dict.fromkeys(IDS, FREE), more=more))
    assert chunk.take(answer(dict.fromkeys(IDS, FREE), more=more)) is first


def test_news_name_the_answer_that_they_are_news_to() -> None:
    chunk = Chunk(IDS)
    first = chunk.take(answer(dict.fromkeys(IDS, FREE)))
    second = chunk.take(answer({**dict.fromkeys(IDS, FREE), IDS[3]: BUSY}))
    assert (second.news, second.before) == ({IDS[3]: BUSY}, first.key)
    assert second.every == {**first.every, IDS[3]: BUSY}


def test_what_nobody_watches_is_no_news() -> None:
    chunk = Chunk(IDS)
    first = chunk.take(answer(dict.fromkeys(IDS, FREE)))
    assert chunk.take(answer(dict.fromkeys(IDS, FREE), more={"sequenceNumber": "B"})) is first


@pytest.mark.parametrize("more", [[{"a": 1}, {"b": 2}], [{}, {}], "},{", {"x": [{"id": IDS[0]}, {"id": IDS[1]}]}])
def test_presences_that_cannot_be_told_apart_are_read_as_a_whole(more: object) -> None:
    chunk = Chunk(IDS)
    free = dict.fromkeys(IDS, FREE)
    chunk.take(answer(free, more=more))
    assert chunk.take(answer({**free, IDS[3]: BUSY}, more=more)).every == {**free, IDS[3]: BUSY}
    assert chunk.take(answer(free, more=more, backwards=True)).every == free


def test_an_answer_that_is_cut_off_or_a_page_is_none_though_the_last_one_was_good() -> None:
    chunk = Chunk(IDS)
    good = answer(dict.fromkeys(IDS, FREE))
    chunk.take(good)
    for bad in (
        Answer(200, good.headers, good.body[: len(good.body) // 2]),
        Answer(200, {"content-type": "text/html"}, b"<html>Sign in"),
    ):
        with pytest.raises(Garbled):
            chunk.take(bad)
    assert chunk.take(good).every == dict.fromkeys(IDS, FREE)


@pytest.mark.parametrize("known", [dict.fromkeys(IDS, FREE), {}])
def test_an_answer_that_names_nobody_is_none(known: dict[str, Reading]) -> None:
    chunk = Chunk(IDS)
    if known:
        chunk.take(answer(known))
    with pytest.raises(Garbled, match="none of them"):
        chunk.take(answer({}))


def test_of_a_few_ids_all_may_be_without_presence() -> None:
    assert Chunk(IDS[:2]).take(answer({})).every == dict.fromkeys(IDS[:2], UNKNOWN)


PRESENCES = st.dictionaries(
    st.sampled_from([*IDS, *map(str.lower, IDS), "stranger"]), st.sampled_from([FREE, BUSY, ("x", "y")]), min_size=1
)


MORE = st.sampled_from([None, {"a": 1}, [{"a": 1}, {"b": 2}]])


@given(st.lists(st.tuples(PRESENCES, st.booleans(), MORE), min_size=1, max_size=6))
def test_whoever_follows_the_news_knows_what_the_last_answer_says(
    answers: list[tuple[dict[str, Reading], bool, object]],
) -> None:
    chunk, followed, seen = Chunk(IDS[:8]), dict[str, Reading](), object()
    for presences, backwards, more in answers:
        taken = chunk.take(answer(presences, backwards=backwards, more=more))
        followed.update(taken.news if taken.before is seen or taken.key is seen else taken.every)
        seen = taken.key
        assert taken.every.keys() == set(IDS[:8])
        assert followed == taken.every
        for id_ in IDS[:8]:
            said = {presences[key] for key in (id_, id_.lower()) if key in presences}
            assert taken.every[id_] in (said or {UNKNOWN})


@given(st.integers(0, 5_000))
def test_a_fleet_is_divided_into_as_few_chunks_as_possible_of_even_size(count: int) -> None:
    chunks = divided([str(number) for number in range(count)])
    sizes = [len(chunk.ids) for chunk in chunks]
    assert [id_ for chunk in chunks for id_ in chunk.ids] == [str(number) for number in range(count)]
    assert len(chunks) == -(-count // MOST_IDS)
    assert not sizes or max(sizes) - min(sizes) <= 1
