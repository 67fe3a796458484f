"""Who is meant by a row that leads to no user: one of the people who came up, or nobody where that is not clear.

What speaks against a candidate is counted: letters that differ before the @, another domain, another name. One must
have strictly less against them than anybody else. Who is disabled or already in another row is not named, and nobody
is named in the place of one of these who is likelier. A guest is none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from rapidfuzz import process
from rapidfuzz.distance import OSA

from sync_agent.leads import Lead, bare
from sync_agent.model import Found, Questions
from sync_agent.personal_names import Likeness, folded, likeness, may_be_one, words
from sync_agent.upn import key

_MOST_SLIPS = 2
_LONG = 8
"""Characters before the @ from which two slips still point to one person."""
_SHORT = 4
"""From which one does."""
_BROKEN_BY_A_SLIP = 4
"""Runs of three letters: as many have a part in two neighbours exchanged; every other slip breaks fewer."""
_NUMBERS = re.compile(r"\d+")
"""Tell people and desks apart: another number is another one, and no slip."""
_A_SLIP = 2
_NO_LIKENESS = 3
"""Slips that a UPN counts which is nothing like the cell: then the name alone speaks."""
_OTHER_NAME = {Likeness.SAME: 0, Likeness.SHARED: 4, Likeness.INCOMPARABLE: 6}
_DOMAIN_SLIPS = 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may be meant. ``against``: the less the likelier; ``why``: what speaks for them.

    ``at_home``: in the very domain that the cell names, so that what other tenants say does not matter. ``barred``: why
    they are not to be suggested, although they may well be meant; else "".
    """

    found: Found
    against: int
    why: str
    at_home: bool
    barred: str = ""


class People:
    """Those who came up, found again by what is known of them."""

    def __init__(self, everybody: Iterable[Found] = ()) -> None:
        self.by_id: Mapping[str, Found] = {found.user.id.lower(): found for found in everybody}
        by_local: defaultdict[str, list[Found]] = defaultdict(list)
        by_name: defaultdict[str, list[Found]] = defaultdict(list)
        by_run: defaultdict[str, list[str]] = defaultdict(list)
        for found in self.by_id.values():
            by_local[_local(found)].append(found)
            by_name[found.user.display_name.strip().casefold()].append(found)
        for local in by_local:
            for run in set(_runs(local)):
                by_run[run].append(local)
        self._by_local = dict(by_local)
        self._by_name = dict(by_name)
        self._by_run = dict(by_run)

    def with_local(self, local: str) -> Collection[Found]:
        return self._by_local.get(local, ())

    def called(self, name: str) -> Collection[Found]:
        """With this display name to the letter, case aside, as a tenant is asked for it."""
        return self._by_name.get(name.casefold(), ())

    def near(self, upn: str) -> Iterator[Found]:
        """Everybody in its domain whose local part is the slip or two from it that its length allows.

        So many slips cannot break all of these runs, so whoever is near has one of them: the rarest are looked at.
        """
        local, _, domain = upn.rpartition("@")
        most = most_slips(local)
        runs = sorted(_runs(local), key=lambda run: len(self._by_run.get(run, ())))
        left_whole = runs[: most * _BROKEN_BY_A_SLIP + 1] if most else ()
        seen = sorted({other for run in left_whole for other in self._by_run.get(run, ())})
        near = process.extract(local, seen, scorer=OSA.distance, score_cutoff=most, limit=None)
        for other in sorted(other for other, distance, _ in near if distance):
            yield from (found for found in self._by_local[other] if key(found.user.upn).rpartition("@")[2] == domain)


@dataclass(frozen=True, slots=True)
class Clues:
    """What the tenants answered to the questions. ``asked``: what every tenant that spoke has answered; who came up for
    another reason than a row's own questions is no candidate of the row, for nobody like them was looked for.
    ``silent``: why some tenant could not be asked.

    ``before``: by row id, the UPN (its key) by which the row last had a user, and that user's id, as far as is known.
    """

    people: People = field(default_factory=People)
    asked: Questions = field(default_factory=Questions)
    silent: str = ""
    before: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    _ranked: dict[tuple[Lead, str | None], list[Candidate]] = field(default_factory=dict, compare=False, repr=False)
    """Candidates worked out before, for whatever is decided with the same clues: there is a decision a minute."""


NO_CLUES = Clues()


def most_slips(local: str) -> int:
    """How many slips still point to one person: the more letters, the more are left to know them by."""
    return _MOST_SLIPS if len(local) >= _LONG else 1 if len(local) >= _SHORT else 0


@dataclass(frozen=True, slots=True)
class Heard:
    """What one tenant has said. ``people``: who came up, by id; ``answered``: what need not be asked again, ``refused``
    part of it, for which nobody can come up; ``failed``: what could not be asked, and ``silent`` why.
    """

    people: Mapping[str, Found] = field(default_factory=dict)
    answered: Questions = field(default_factory=Questions)
    refused: Questions = field(default_factory=Questions)
    failed: Questions = field(default_factory=Questions)
    silent: str = ""

    def and_then(self, asked: Questions, then: Heard) -> Heard:
        """With what it says to further questions."""
        return Heard(
            {**self.people, **then.people},
            self.answered | (asked - then.failed),
            self.refused | then.refused,
            then.failed,
            then.silent,
        )


def clues_of(heard: Collection[Heard], asked: Questions, before: Mapping[int, tuple[str, str]]) -> Clues:
    """``asked``: all that every tenant was asked. Where a tenant that has said something before fails to answer a
    question, who came up is not all who could.
    """
    people: dict[str, Found] = {}
    for tenant in heard:
        people.update(tenant.people)
        asked -= tenant.refused | tenant.failed if tenant.people else tenant.refused
    silent = next((tenant.silent for tenant in heard if tenant.silent), "")
    return Clues(People(people.values()), asked, silent, before)


def slips(local: str, other: str) -> int:
    """Letters to put right, neighbours exchanged counting once; more than two where they are nothing alike."""
    return OSA.distance(local, other, score_cutoff=_MOST_SLIPS)


def coming_up(questions: Questions, everybody: Iterable[Found]) -> list[Found]:
    """Those of a whole directory whom the questions are about."""
    people = People(everybody)
    found: dict[str, Found] = {id_: people.by_id[id_] for id_ in questions.ids & people.by_id.keys()}
    groups = (
        *(people.with_local(local) for local in questions.locals),
        *(people.near(near) for near in questions.near),
        *(people.called(name) for name in questions.called),
    )
    found.update((one.user.id.lower(), one) for group in groups for one in group)
    return list(found.values())


def candidates(lead: Lead, clues: Clues, taken: Container[str], itself: str | None = None) -> list[Candidate]:
    """All who may be meant, the likeliest first. ``taken``: ids of users whom other rows have; ``itself``: the UPN
    asked for, which is nobody's.
    """
    ranked = clues._ranked.get((lead, itself))
    if ranked is None:
        ranked = clues._ranked[lead, itself] = _rank(lead, clues, itself)
    barred = ((candidate, _barred(candidate.found, taken)) for candidate in ranked)
    return [replace(candidate, barred=why) if why else candidate for candidate, why in barred]


def _rank(lead: Lead, clues: Clues, itself: str | None) -> list[Candidate]:
    people, asked, own = clues.people, clues.asked, lead.questions()
    pool: dict[str, Found] = {}
    for local in own.locals & asked.locals:
        pool.update((found.user.id, found) for found in people.with_local(local))
    for near in own.near & asked.near:
        pool.update((found.user.id, found) for found in people.near(near))
    for name in own.called & asked.called:
        pool.update((found.user.id, found) for found in people.called(name))
    judged = (_judged(lead, one) for one in pool.values() if not one.user.guest and key(one.user.upn) != itself)
    return sorted(filter(None, judged), key=lambda candidate: (candidate.against, key(candidate.found.user.upn)))


def clearly_best(ordered: list[Candidate]) -> Candidate | None:
    """The first who may be suggested, where no other such comes near and nobody barred is likelier: a slip of a name
    that another row has already does not mean the next like it.
    """
    free = [candidate for candidate in ordered if not candidate.barred]
    if not free or free[0].against > ordered[0].against:
        return None
    return free[0] if len(free) == 1 or free[1].against > free[0].against else None


def _barred(found: Found, taken: Container[str]) -> str:
    if found.user.id.lower() in taken:
        return "another row has them"
    return "" if found.user.enabled else "the account is disabled"


def _judged(lead: Lead, found: Found) -> Candidate | None:
    alike = _name_likeness(lead, found)
    if alike is Likeness.NOTHING or (alike is Likeness.SHARED and _is_another(lead, found)):
        return None
    same_name = alike is Likeness.SAME
    distance = min((slips(local, _local(found)) for local in lead.locals), default=_NO_LIKENESS)
    far, where = _domain(lead, found)
    if not same_name and not _alike_enough(lead, _local(found), far):
        return None
    against = _A_SLIP * min(distance, _NO_LIKENESS) + far + _OTHER_NAME[alike]
    why = filter(None, (_told(distance), where, "the same name" if same_name else ""))
    at_home = bool(lead.domain) and far == 0
    return Candidate(found, against, ", ".join(why), at_home)


def _is_another(lead: Lead, found: Found) -> bool:
    """Whether their name is one word too far from the row's, or the cell spells the row's, which is then no slip."""
    name, theirs = lead.called[0], found.user.display_name
    if not may_be_one(name, " ".join(lead.locals), theirs):
        return True
    return _local(found) not in lead.locals and any(words(local) == words(name) for local in lead.locals)


def _alike_enough(lead: Lead, theirs: str, far: int) -> bool:
    """Without the same name: a slip of a name in the same domain, or the very same local part elsewhere."""
    if theirs in lead.locals:
        return len(theirs) >= _SHORT or far == 0
    near = any(
        slips(local, theirs) <= most_slips(local) and _NUMBERS.findall(local) == _NUMBERS.findall(theirs)
        for local in lead.locals
    )
    return near and bool(lead.domain) and far == 0


def _name_likeness(lead: Lead, found: Found) -> Likeness:
    """The first name speaks: the cell's own, else the row's."""
    if not lead.called:
        return Likeness.INCOMPARABLE
    return likeness(bare(lead.called[0]), bare(found.user.display_name))


def _domain(lead: Lead, found: Found) -> tuple[int, str]:
    theirs = key(found.user.upn).rpartition("@")[2]
    if not lead.domain:
        return 0, ""
    if theirs == lead.domain:
        return 0, "the same domain"
    if OSA.distance(lead.domain, theirs, score_cutoff=_DOMAIN_SLIPS) <= _DOMAIN_SLIPS:
        return 1, "a slip in the domain"
    return (1, "the same domain but for its end") if theirs.startswith(f"{lead.domain}.") else (2, "another domain")


def _told(distance: int) -> str:
    if distance == 0:
        return "the same before the @"
    if distance > _MOST_SLIPS:
        return ""
    return f"{'one letter differs' if distance == 1 else 'two letters differ'} before the @"


def _local(found: Found) -> str:
    return folded(found.user.upn).rpartition("@")[0]


def _runs(local: str) -> list[str]:
    """Its runs of three letters, one for each place, its beginning and its end marked."""
    marked = f"\n\n{local}\n\n"
    return [marked[place : place + 3] for place in range(len(marked) - 2)]
