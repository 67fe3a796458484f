"""What a single row's verdict hangs on besides its own cells: the few other rows that must be asked about with it.

A verdict is always of the whole list, for the sake of duplicates; but of 15,000 names hardly any bears on one row, and
which do can be told beforehand. A property test holds verdicts reached that way against those of a whole pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from sync_agent.duplicates import user_of
from sync_agent.fixes import approved_in
from sync_agent.leads import lead
from sync_agent.model import Absent, Found, Match, Row, User
from sync_agent.upn import examine, key

_A_DOMAIN = 12
"""With a row's own names that is no more than one filter holds."""


def company(row: Row, rows: Iterable[Row]) -> frozenset[str]:
    """Names of other rows to ask about beside the row's own, a few in each domain that it names or means.

    A tenant that knows none of the names it is asked for is not believed, so nobody is asked for alone. Rows that show
    a user come first: their names were known once.
    """
    own = names_of(row)
    domains = {_domain(name) for name in own} | {lead(row.upn, row.name).domain}
    chosen: set[str] = set()
    counts: Counter[str] = Counter()
    for other in sorted(rows, key=_unlikely_to_be_known):
        name = examine(other.upn).name
        if name is None or name in own or name in chosen or (domain := _domain(name)) not in domains:
            continue
        if counts[domain] < _A_DOMAIN:
            counts[domain] += 1
            chosen.add(name)
    return frozenset(chosen)


def names_of(row: Row) -> tuple[str, ...]:
    """What the row says, and what it probably means: as far as a tenant can be asked for it."""
    findings = examine(row.upn)
    return tuple(name for name in (findings.name, findings.candidate) if name is not None)


def led_to(row: Row, matches: Mapping[str, Match], people: Mapping[str, Found]) -> list[Found]:
    """Whom the row may lead to: by its UPN, by an alias, or by the object id that it shows. ``people``: by id."""
    name = examine(row.upn).name
    match = None if name is None else matches.get(name)
    found = [people.get(row.shown.object_id.lower())]
    if isinstance(match, Found | Absent) and (user := user_of(match)) is not None:
        found.append(Found(user, match.account))
    return [one for one in found if one is not None]


def rows_of(people: Iterable[Found], rows: Iterable[Row]) -> Iterator[Row]:
    """Rows that have the UPN of one of the ``people``, who then is no candidate for another row."""
    upns = {key(found.user.upn) for found in people}
    return (row for row in rows if examine(row.upn).name in upns)


def rivals_of(row: Row, rows: Iterable[Row]) -> Iterator[Row]:
    """Rows in which a person approved the very UPN that was approved in this one."""
    approved = key(approved_in(row))
    return (other for other in rows if approved and other.id != row.id and key(approved_in(other)) == approved)


def rows_with(users: Iterable[User], addresses: Collection[str], rows: Iterable[Row]) -> Iterator[Row]:
    """Rows that may lead to one of the ``users`` too: by UPN, by one of their mail ``addresses``, by the id shown."""
    ids = {user.id.lower() for user in users}
    names = {key(user.upn) for user in users}.union(addresses)
    for row in rows:
        if row.shown.object_id.lower() in ids or examine(row.upn).name in names:
            yield row


def _unlikely_to_be_known(row: Row) -> tuple[bool, bool]:
    return not row.shown.object_id, bool(examine(row.upn).anomalies)


def _domain(name: str) -> str:
    return name.rpartition("@")[2]
