"""A verdict reached by asking about a few names and people is the one that asking about all of them gives."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.bearing import company, led_to, names_of, rows_of, rows_with
from sync_agent.detective import Clues, Heard, clues_of, coming_up
from sync_agent.leads import questions
from sync_agent.model import Absent, Found, Match, NoTenant, Row, Shown, User
from sync_agent.reconcile import names_to_ask, reconcile
from sync_agent.upn import key

PEOPLE = {
    f"{local}@{domain}": name
    for domain in ("contoso.com", "fabrikam.org")
    for local, name in (
        ("jane.doe", "Jane Doe"),
        ("jane.dow", "Jane Dow"),
        ("joe.bloggs", "Joe Bloggs"),
        ("o'brien", "Mary O'Brien"),
        ("ann.lee", "Ann Lee"),
    )
}
UPNS = [*PEOPLE]
ALIASES = [f"{local}@contoso.com" for local in ("j.doe", "desk", "Chef")]
CELLS = st.one_of(
    st.none(),
    st.sampled_from([*UPNS, *ALIASES, "nobody@contoso.com", "jane.doe@nowhere.example"]),
    st.sampled_from(UPNS).map(str.upper),
    st.sampled_from(["jane.doe2@contoso.com", "jane.do@contoso.com", "joe.blogs@contoso.com", "ann.le@fabrikam.org"]),
    st.builds("{}{}".format, st.sampled_from([" ", "mailto:"]), st.sampled_from(UPNS)),
    st.sampled_from(["Jane Doe", "Doe, Jane", "CONTOSO\\joe.bloggs", "jane.dｏe@contoso.com", "jane@contoso"]),
)
NAMES = st.sampled_from(["", *sorted(set(PEOPLE.values()))])
SHOWN = st.builds(Shown, object_id=st.sampled_from(["", *(f"ID-{upn}" for upn in UPNS), "id-former"]))
ROWS = st.lists(
    st.builds(Row, st.integers(1, 40), CELLS, NAMES, SHOWN), min_size=1, max_size=9, unique_by=lambda row: row.id
)
DIRECTORY = st.dictionaries(st.sampled_from(UPNS), st.frozensets(st.sampled_from([*ALIASES, *UPNS]), max_size=3))
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
