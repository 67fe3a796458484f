"""Tenants with people who are easily taken for each other, and lists about them with every kind of mistake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import strategies as st

from sync_agent.detective import Clues, People, coming_up
from sync_agent.leads import questions
from sync_agent.model import Absent, CouldNotAsk, Found, Match, NoTenant, Row, Shown, User
from sync_agent.reconcile import names_to_ask

DELETED_AT = datetime(2026, 2, 1, tzinfo=UTC)
FIRST, LAST = ("Jane", "Jana", "Li", "José"), ("Doe", "Dow", "Miller", "Müller")
DOMAINS = (("c.com", "c.onmicrosoft.com"), ("f.org",), ("contoso.de",))
NOBODYS = ("x.net", "c.con")


@dataclass(frozen=True)
class Office:
    """One tenant. ``aliases``: further addresses, by user id; ``deleted``: UPNs in the recycle bin; ``silent``: it does
    not answer."""

    account: str
    domains: tuple[str, ...]
    users: tuple[User, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    deleted: frozenset[str] = frozenset()
    silent: bool = False


def matches_of(offices: Iterable[Office], rows: Iterable[Row]) -> dict[str, Match]:
    """What the directories would answer to the names of the rows."""
    return {name: _answer(list(offices), name) for name in names_to_ask(rows)}


def clues_of(offices: Iterable[Office], rows: Iterable[Row], matches: Mapping[str, Match]) -> Clues:
    """Only those who come up for a question, as the tenants that speak would tell."""
    asked = questions(rows, matches)
    everybody = [Found(user, office.account) for office in offices if not office.silent for user in office.users]
    silent = "no answer" if any(office.silent for office in offices) else ""
    return Clues(People(coming_up(asked, everybody)), asked, silent)


def _answer(offices: list[Office], name: str) -> Match:
    domain = name.rpartition("@")[2]
    office = next((office for office in offices if domain in office.domains), None)
    if office is None:
        return NoTenant(domain)
    if office.silent:
        return CouldNotAsk("no answer", DELETED_AT)
    user = next((user for user in office.users if user.upn.lower() == name), None)
    if user is not None:
        return Found(user, office.account)
    alias_of = next((user for user in office.users if user.id == office.aliases.get(name)), None)
    return Absent(office.account, DELETED_AT if name in office.deleted else None, alias_of)


def _upn(first: str, last: str, form: str, domain: str) -> str:
    plain = str.maketrans({"é": "e", "ü": "u"})
    first, last = first.lower().translate(plain), last.lower().translate(plain)
    return form.format(f=first, l=last) + f"@{domain}"


@st.composite
def _offices(draw: st.DrawFn) -> tuple[Office, ...]:
    offices: list[Office] = []
    number = 0
    for place, domains in enumerate(DOMAINS[: draw(st.integers(1, 3))]):
        users: dict[str, User] = {}
        aliases = {}
        for _ in range(draw(st.integers(0, 5))):
            first, last, domain = (
                draw(st.sampled_from(FIRST)),
                draw(st.sampled_from(LAST)),
                draw(st.sampled_from(domains)),
            )
            upn = _upn(first, last, draw(st.sampled_from(["{f}.{l}", "{f}.{l}2", "{l}.{f}", "{f}"])), domain)
            guest = draw(st.integers(0, 5)) == 0
            if guest:
                elsewhere = [user.upn for office in offices for user in office.users if not user.guest]
                home = draw(st.sampled_from([*elsewhere, _upn(first, last, "{f}.{l}", NOBODYS[0])]))
                upn = f"{home.replace('@', '_')}#EXT#@{domains[-1]}"
            number += 1
            called = draw(st.sampled_from([f"{first} {last}", f"{last}, {first}", first, ""]))
            users.setdefault(
                upn.lower(), User(f"ID-{number}", upn, called, enabled=draw(st.integers(0, 4)) > 0, guest=guest)
            )
            if draw(st.booleans()):
                aliases[f"desk{number}@{domain}"] = users[upn.lower()].id
        deleted = draw(st.frozensets(st.sampled_from([_upn("Jane", "Dow", "{f}.{l}", d) for d in domains]), max_size=1))
        silent = draw(st.integers(0, 4)) == 0
        offices.append(
            Office(f"account-{place}", domains, tuple(users.values()), aliases, deleted - users.keys(), silent)
        )
    return tuple(offices)


@st.composite
def _cell(draw: st.DrawFn, known: list[str]) -> str | None:
    """A UPN or an alias of somebody, or of nobody, as it is typed."""
    domain = draw(st.sampled_from([*sum(DOMAINS, ()), *NOBODYS]))
    made = _upn(draw(st.sampled_from(FIRST)), draw(st.sampled_from(LAST)), "{f}.{l}", domain)
    nobodys = not known or draw(st.integers(0, 3)) == 0
    upn = made if nobodys else draw(st.sampled_from(known))
    local, _, domain = upn.partition("@")
    place = draw(st.integers(0, max(len(local) - 2, 0)))
    forms = {
        "right": upn,
        "upper": upn.upper(),
        "blank": f" {upn}",
        "wide": f"{chr(ord(local[0]) + 0xFEE0)}{upn[1:]}",
        "pasted": f"Jane <{upn}>",
        "exchanged": f"{local[:place]}{local[place : place + 2][::-1]}{local[place + 2 :]}@{domain}",
        "dropped": f"{local[:place]}{local[place + 1 :]}@{domain}",
        "two slips": f"x{local[1:place]}{local[place : place + 1]}x{local[place + 2 :]}@{domain}",
        "elsewhere": f"{local}@{draw(st.sampled_from([DOMAINS[0][0], DOMAINS[1][0], NOBODYS[1]]))}",
        "no domain": local,
        "login": f"C\\{local}",
        "no dot": f"{local}@{domain.partition('.')[0]}",
        "two": f"{upn}; {made}",
        "accented": upn.replace("u", "ü", 1),
    }
    return draw(st.sampled_from([*forms.values(), None, "", "n/a", "Jane Doe", "Müller, José"]))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[tuple[Office, ...], list[Row]]:
    offices = draw(_offices())
    known = [user.upn for office in offices for user in office.users] + [a for o in offices for a in o.aliases]
    ids = [user.id for office in offices for user in office.users]
    names = st.sampled_from(["", "Desk 7", *(f"{first} {last}" for first in FIRST for last in LAST)])
    shown = st.builds(Shown, object_id=st.sampled_from(["", "", "", *(id_.lower() for id_ in ids)]))
    rows = st.builds(Row, st.integers(1, 20), _cell(known), names, shown)
    return offices, draw(st.lists(rows, max_size=6, unique_by=lambda row: row.id))
