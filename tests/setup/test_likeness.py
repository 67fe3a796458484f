"""Which column is offered as the one with the UPNs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.microsoft365.column_kinds import Kind, ListColumn
from sync_agent.setup.likeness import likenesses


def column(name: str) -> ListColumn:
    return ListColumn(name, name, Kind.TEXT, name)


def order(rows: list[dict[str, str]], *names: str) -> list[str]:
    return [each.column.display for each in likenesses([column(name) for name in names], rows)]


def test_the_column_that_reads_as_upns_goes_first_whatever_it_is_called() -> None:
    rows = [{"Title": "Ada", "UPN": "", "Konto": "ada@contoso.com"}, {"Title": "Bob", "Konto": "bob@contoso.com"}]
    assert order(rows, "Title", "UPN", "Konto")[0] == "Konto"


def test_a_column_of_mail_addresses_is_no_better_than_the_one_that_is_called_so() -> None:
    """Even where a few cells of it are wrong, as they are in every list."""
    rows = [{"Email": f"a{n}@contoso.com", "UPN": "Ada" if n == 0 else f"a{n}@contoso.com"} for n in range(10)]
    assert order(rows, "Email", "UPN") == ["UPN", "Email"]


def test_what_is_said_of_a_column() -> None:
    rows = [{"a": "x@contoso.com"}, {"a": "x"}, {"a": " "}, {}]
    (a,) = likenesses([column("a")], rows)
    assert (a.filled, a.read, a.share, a.words) == (2, 1, 0.5, "1 of 2 filled cells read as a UPN")
    (empty,) = likenesses([column("b")], rows)
    assert (empty.share, empty.words) == (0.0, "empty in all rows that were looked at")


CELLS = st.one_of(st.none(), st.text(), st.integers(), st.just("ada@contoso.com"))


@given(st.lists(st.dictionaries(st.sampled_from("abc"), CELLS)))
def test_no_column_is_lost_and_none_reads_more_than_it_holds(rows: list[dict[str, object]]) -> None:
    found = likenesses([column(name) for name in "abc"], rows)
    assert sorted(each.column.internal for each in found) == ["a", "b", "c"]
    assert all(0 <= each.read <= each.filled <= len(rows) for each in found)
    assert [each.share >= 0.5 for each in found] == sorted((each.share >= 0.5 for each in found), reverse=True)
