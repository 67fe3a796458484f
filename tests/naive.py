"""The reconciler as naive as can be: for every row it walks through all rows and all people of all tenants.

It shares with the real one only how a cell is read (`examine`, `lead`). Written from the table of anomalies in the
design and from the issue, to be slow and obvious.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from unicodedata import combining, normalize

from sync_agent.leads import bare, lead
from sync_agent.model import Code, Row, User
from sync_agent.upn import examine
from tests.properties.offices import Office

Said = set[tuple[Code, str | None]]
"""Codes, each with the UPN it suggests."""


def said_of(row: Row, rows: Sequence[Row], offices: Sequence[Office]) -> Said:
    said = of_the_row_alone(row, rows, offices)
    others = [other for other in rows if other.id != row.id]
    if spelt(row) and any(spelt(other) == spelt(row) for other in others):
        said.add((Code.UPN_DUPLICATE, None))
    user = leads_to(row, offices)
    if user and any(leads_to(other, offices) == user and spelt(other) != spelt(row) for other in others):
        said.add((Code.USER_DUPLICATE, None))
    return said


def of_the_row_alone(row: Row, rows: Sequence[Row], offices: Sequence[Office]) -> Said:
    findings = examine(row.upn)
    name = findings.name
    office = office_of(name, offices)
    if office and office.silent:
        return {(Code.ACCOUNT_UNAVAILABLE, None)}
    user = owner(name, offices)
    if user:
        return of_user(user, rows, offices)
    if (renamed := renamed_user(row, offices)) is not None:
        return {(Code.USER_RENAMED, renamed.upn)}
    meant = reached(findings.candidate, offices) or reached(name, offices)
    explained = bool(office and name and (name in office.deleted or name in office.aliases))
    suggestion = meant.upn if meant else None if explained else upn_of_the_one_meant(row, rows, offices)
    if findings.anomalies:
        return {(anomaly.code, suggestion) for anomaly in findings.anomalies}
    if not office:
        return {(Code.DOMAIN_NOT_CONFIGURED, suggestion)}
    if meant:
        return {(Code.UPN_IS_ALIAS, suggestion)}
    return {(Code.USER_DELETED if name in office.deleted else Code.USER_NOT_FOUND, suggestion)}


def of_user(user: User, rows: Sequence[Row], offices: Sequence[Office]) -> Said:
    said: Said = set()
    if not user.enabled:
        said.add((Code.USER_DISABLED, None))
    if user.guest:
        home = re.fullmatch(r"(.+)_([^_]+)#ext#@.*", user.upn.lower())
        assert home
        at_home = owner(f"{home[1]}@{home[2]}", [office for office in offices if not office.silent])
        free = at_home and at_home.enabled and not at_home.guest and not has_a_row(at_home, rows, offices)
        said.add((Code.USER_GUEST, at_home.upn if at_home and free else None))
    return said


def office_of(name: str | None, offices: Sequence[Office]) -> Office | None:
    return next((office for office in offices if name and name.rpartition("@")[2] in office.domains), None)


def owner(name: str | None, offices: Sequence[Office]) -> User | None:
    """Who has this very UPN, where that can be asked."""
    office = office_of(name, offices)
    users = office.users if office and not office.silent else ()
    return next((user for user in users if user.upn.lower() == name), None)


def reached(name: str | None, offices: Sequence[Office]) -> User | None:
    """Whom a name leads to, by UPN or by alias."""
    office = office_of(name, offices)
    users = office.users if office and not office.silent and name else ()
    by_alias = (user for user in users if office and name and user.id == office.aliases.get(name))
    return owner(name, offices) or next(by_alias, None)


def leads_to(row: Row, offices: Sequence[Office]) -> User | None:
    """By UPN, by alias or by a former UPN."""
    return renamed_user(row, offices) or reached(examine(row.upn).name, offices)


def renamed_user(row: Row, offices: Sequence[Office]) -> User | None:
    """Whom the row shows by object id, if its UPN, which it had, is nobody's now."""
    name = examine(row.upn).name
    office = office_of(name, offices)
    if not name or owner(name, offices) or (office and office.silent):
        return None
    shown = next((user for user in speaking(offices) if user.id.lower() == row.shown.object_id.lower()), None)
    alias_of = reached(name, offices)
    if shown is None or (alias_of and alias_of != shown):
        return None
    alike = likeness(row.name, shown.display_name)
    if alike == "incomparable":
        alike = likeness(" ".join(lead(row.upn, "").locals), shown.display_name)
    return shown if alias_of or alike in ("same", "some words") else None


def spelt(row: Row) -> str:
    """The name asked for, whichever of Unicode's forms it is in."""
    return normalize("NFKC", examine(row.upn).name or "").lower()


def speaking(offices: Sequence[Office]) -> Iterator[User]:
    return (user for office in offices if not office.silent for user in office.users)


def has_a_row(user: User, rows: Sequence[Row], offices: Sequence[Office]) -> bool:
    return any(owner(examine(row.upn).name, offices) == user for row in rows)


def upn_of_the_one_meant(row: Row, rows: Sequence[Row], offices: Sequence[Office]) -> str | None:
    """Of all people of all tenants, whoever has less against them than anybody else; nobody whom another row has, who
    is disabled, or who may turn out second as long as a tenant is silent.
    """
    asked = examine(row.upn).name
    against = {
        user: points
        for user in speaking(offices)
        if not user.guest and user.upn.lower() != asked and (points := against_them(row, user)) is not None
    }
    if not against:
        return None
    least = min(against.values())
    free = [
        user
        for user, points in against.items()
        if points == least and user.enabled and not has_a_row(user, rows, offices)
    ]
    if len(free) != 1:
        return None
    told, (best,) = lead(row.upn, row.name), free
    at_home = told.domain != "" and told.domain == domain_of(best)
    return best.upn if at_home or not any(office.silent for office in offices) else None


def against_them(row: Row, user: User) -> int | None:
    """What speaks against somebody: two points a slip, up to six; for the domain up to two; for the name up to six.
    None where they cannot be meant.
    """
    told, theirs = lead(row.upn, row.name), local_of(user)
    name = told.called[0] if told.called else ""
    alike = likeness(bare(name), bare(user.display_name)) if told.called else "incomparable"
    if alike == "nothing":
        return None
    if alike == "some words" and somebody_else(name, told.locals, theirs, user.display_name):
        return None
    far = far_off(told.domain, domain_of(user))
    near = near_enough(told.locals, told.domain, theirs, far)
    called_so = user.display_name.strip().casefold() in {way.casefold() for way in told.questions().called}
    if not near and not (alike == "same" and (called_so or theirs in told.locals)):
        return None
    slips = min([distance(local, theirs) for local in told.locals], default=3)
    return 2 * min(slips, 3) + far + {"same": 0, "some words": 4, "incomparable": 6}[alike]


def near_enough(locals_: Sequence[str], domain: str, theirs: str, far: int) -> bool:
    """The same before the @; or, in the same domain, a slip of four letters or more, two of eight or more."""
    if theirs in locals_:
        return len(theirs) >= 4 or far == 0
    slips = (local for local in locals_ if re.findall(r"\d+", local) == re.findall(r"\d+", theirs))
    return bool(domain) and far == 0 and any(distance(local, theirs) <= slips_of(local) for local in slips)


def slips_of(local: str) -> int:
    return 2 if len(local) >= 8 else 1 if len(local) >= 4 else 0


def far_off(domain: str, theirs: str) -> int:
    if not domain or domain == theirs:
        return 0
    return 1 if distance(domain, theirs) <= 2 or theirs.startswith(f"{domain}.") else 2


def somebody_else(name: str, locals_: Sequence[str], theirs: str, display_name: str) -> bool:
    """Each name has a word that is not in the other; or the cell spells the row's name, so that it is no slip."""
    ours, others = words(name), words(display_name)
    spelt_words = ours | words(" ".join(locals_))
    each_has_its_own = not all_met(others, spelt_words) and not all_met(ours, others)
    return each_has_its_own or (theirs not in locals_ and any(words(local) == ours for local in locals_))


def all_met(wanted: set[str], there: set[str]) -> bool:
    return all(any(one == other or near_words(one, other) for other in there) for one in wanted)


def likeness(name: str, other: str) -> str:
    ours, theirs = words(name), words(other)
    if not ours or not theirs:
        return "incomparable"
    if ours == theirs:
        return "same"
    shared = ours & theirs or any(near_words(one, another) for one in ours for another in theirs)
    return "some words" if shared else "nothing"


def near_words(one: str, other: str) -> bool:
    if len(one) < 4 or len(other) < 4:
        return False
    return one.startswith(other) or other.startswith(one) or distance(one, other) <= 1


def words(name: str) -> set[str]:
    return {word for word in re.findall(r"[a-z]+", plain(name)) if len(word) > 1}


def plain(text: str) -> str:
    return "".join(character for character in normalize("NFKD", text.lower()) if not combining(character))


def local_of(user: User) -> str:
    return plain(user.upn).rpartition("@")[0]


def domain_of(user: User) -> str:
    return user.upn.lower().rpartition("@")[2]


def distance(one: str, other: str) -> int:
    """Letters added, left out, changed, and neighbours exchanged (optimal string alignment), by the textbook."""
    table = [[max(i, j) for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            same = one[i - 1] == other[j - 1]
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (not same))
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]
