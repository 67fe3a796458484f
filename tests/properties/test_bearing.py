"""A verdict reached by asking about a few names and people is the one that asking about all of them gives."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from sync_agent.bearing import company, led_to, names_of, rows_of, rows_with
from sync_agent.detective import Clues, Heard, clues_of, coming_up
from sync_agent.leads import questions
from sync_agent.model import Absent, Found, Match, NoTenant, Row, Shown, User
from sync_agent.reconcile import names_to_ask, reconcile
from sync_agent.upn import key

PEOPLE = {
    "jane.doe@contoso.com": "Jane Doe",
    "jane.dow@contoso.com": "Jane Dow",
    "joe.bloggs@contoso.com": "Joe Bloggs",
    "jane.doe@fabrikam.org": "Jane Doe",
}
UPNS = [*PEOPLE]
ALIASES = ["j.doe@contoso.com", "Chef@contoso.com"]
FORMER = "jane.born@contoso.com"
CELLS = st.one_of(
    st.sampled_from(UPNS),
    st.sampled_from([*ALIASES, FORMER, UPNS[0].upper(), f" {UPNS[0]}", f"mailto:{UPNS[1]}"]),
    st.sampled_from(["jane.do@contoso.com", "jane.doe2@contoso.com", "jane.doe@nowhere.example"]),
    st.sampled_from([None, "Jane Doe", "Doe, Jane", "CONTOSO\\joe.bloggs", "jane.dｏe@contoso.com", "jane@contoso"]),
)
NAMES = st.sampled_from(["", "Jane Doe"])
SHOWN = st.builds(Shown, object_id=st.sampled_from(["", "", *(f"ID-{upn}" for upn in UPNS)]))
ROWS = st.lists(
    st.builds(Row, st.integers(1, 40), CELLS, NAMES, SHOWN), min_size=2, max_size=6, unique_by=lambda row: row.id
)
ADDRESSES = st.frozensets(st.sampled_from(ALIASES), max_size=2)
DIRECTORY = st.tuples(*(st.none() | ADDRESSES for _ in UPNS)).map(
    lambda all_: {upn: addresses for upn, addresses in zip(UPNS, all_, strict=True) if addresses is not None}
)
"""Who is there, by UPN, and what mail addresses they have."""


def user(upn: str) -> User:
    return User(f"id-{upn}", upn.title(), PEOPLE[upn])


def answer(name: str, directory: dict[str, frozenset[str]]) -> Match:
    """As a tenant answers."""
    if name.endswith("nowhere.example"):
        return NoTenant("nowhere.example")
    if name in directory:
        return Found(user(name), "c")
    owners = sorted(upn for upn, addresses in directory.items() if name in map(key, addresses))
    return Absent("c", alias_of=user(owners[0]) if owners else None)


def clues(rows: Iterable[Row], matches: dict[str, Match], directory: dict[str, frozenset[str]]) -> Clues:
    """What a tenant says to all that the rows give rise to."""
    asked = questions(rows, matches)
    found = coming_up(asked, (Found(user(upn), "c") for upn in directory))
    return clues_of([Heard({one.user.id.lower(): one for one in found})], asked, {})


@settings(max_examples=400, deadline=None)
@given(ROWS, DIRECTORY)
def test_a_few_names_decide_as_all_do(rows: list[Row], directory: dict[str, frozenset[str]]) -> None:
    everything = {name: answer(name, directory) for name in names_to_ask(rows)}
    whole = reconcile(rows, everything, clues(rows, everything, directory))
    for row in rows:
        asked = {name: everything[name] for name in names_to_ask([row])}
        people = clues([row], asked, directory).people.by_id
        led = led_to(row, asked, people)
        addresses = {key(one) for found in led for one in directory[key(found.user.upn)]}
        same = list(rows_with([found.user for found in led], addresses, rows))
        others = names_to_ask([*same, *rows_of(people.values(), rows)])
        asked |= {name: everything[name] for name in others}
        assert reconcile(rows, asked, clues([row, *same], asked, directory))[row.id] == whole[row.id]


@given(ROWS, CELLS)
def test_company_is_of_the_same_domains_and_never_more_than_a_filter_holds(rows: list[Row], cell: str | None) -> None:
    row = Row(99, cell)
    beside, own = company(row, rows), names_of(row)
    assert not beside & set(own)
    assert beside <= names_to_ask(rows)
    assert len(beside) + len(own) <= 15 * max(1, len({name.rpartition("@")[2] for name in beside}))


def test_company_are_those_who_were_known_first_and_cells_that_are_wrong_last() -> None:
    row = Row(99, "jane@c.com")
    plain = [Row(id_, f"agent{id_}@c.com") for id_ in range(1, 30)]
    known = Row(30, "known@c.com", shown=Shown(object_id="id"))
    odd = Row(31, "o+dd@c.com")
    beside = company(row, [row, odd, *plain, known, Row(32, "jane@f.org")])
    assert len(beside) == 12
    assert "known@c.com" in beside
    assert not beside & {"o+dd@c.com", "jane@c.com", "jane@f.org"}
    assert company(row, [odd]) == {"o+dd@c.com"}
