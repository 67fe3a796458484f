"""What can be said of a UPN cell by looking at it alone: the catalogue of rules, what to ask for, what was meant.

`examine` is the door; `RULES` is the catalogue, a table of values that tests and documentation read as well. Blanks
are taken out before the other rules look, so that one defect gives one anomaly. The directory is the better witness: a
name that only offends against the alphabet or the lengths is still asked for (`Findings.name`).

Cells are typed by people: everything here takes any text, lone surrogates and a million characters included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from sync_agent.characters import BLANK, joined, listed, number
from sync_agent.model import Anomaly, Code, Struct
from sync_agent.upn_reading import DOTS, Reading, cleaned, read

LONGEST_LOCAL = 64
LONGEST_DOMAIN = 48
LONGEST_LABEL = 63
LONGEST_ASKED = 256
"""Characters. Longer names are not worth a request: no directory takes them."""

_LONGEST_REMEMBERED = 255
"""What a text column holds."""

_NOT_LOCAL = re.compile(r"[^A-Za-z0-9'._!#^~-]")
_NOT_DOMAIN = re.compile(r"[^A-Za-z0-9.-]")
_RIGHT = re.compile(
    r"[A-Za-z0-9'._!#^~-]{0,63}[A-Za-z0-9'_!#^~-]@(?=.{1,48}\Z)"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,46}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,46}[A-Za-z0-9])?)+"
)
"""All rules in one expression, for the many cells that are right. A property test holds it against the catalogue."""

_PHONE = re.compile(r"(?:tel:)?\+?[0-9()/.\u2010-\u2013-]{7,30}", re.IGNORECASE)
_FEWEST_DIGITS = 7
_UNASKABLE = re.compile(r'["\\\u212a]|@.*[^\w.-]')
"""What may break a quoted filter; the Kelvin sign, which in lower case would be taken for somebody else's k; and what
no domain has, of whatever alphabet, so that nobody need be asked whose it is."""


class Findings(Struct, frozen=True):
    """What the cell alone tells.

    ``name``: the key to ask the directories for verbatim; None only where an anomaly stands that no directory can lift.
    ``candidate``: the key that the cell probably means, if it is not the cell itself; breaks no rule.
    """

    anomalies: tuple[Anomaly, ...] = ()
    name: str | None = None
    candidate: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule is written down."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the catalogue. ``objection`` says what is wrong with a reading, or None.

    Of several rules with one code, the first that objects speaks. ``final``: when it objects, no later rule is asked.
    """

    code: Code
    sentence: str
    source: Source
    remedy: str
    right: tuple[str, ...]
    wrong: tuple[str | None, ...]
    objection: Callable[[Reading], str | None]
    final: bool = False


def key(upn: str) -> str:
    """What UPNs are compared by: Entra does not regard case. Itself where it is its own key: each row holds several."""
    lowered = upn.lower()
    return upn if upn == lowered else lowered


def examine(cell: str | None) -> Findings:
    """What is wrong with the cell as far as it alone can tell, in the order of `RULES`, without suggestions."""
    if cell is None:
        return _examined("")
    if _RIGHT.fullmatch(cell):
        return Findings(name=key(cell))
    return _remembered(cell) if len(cell) <= _LONGEST_REMEMBERED else _examined(cell)


def _examined(cell: str) -> Findings:
    reading = read(cell)
    anomalies = tuple(judge(reading))
    codes = {anomaly.code for anomaly in anomalies}
    name = key(cell) if codes <= _LIFTED_BY_DIRECTORY and _askable(cell) else None
    return Findings(anomalies, name, _candidate(reading))


_remembered = lru_cache(maxsize=1 << 15)(_examined)
"""The same wrong cells are examined in every pass, several times."""


def judge(reading: Reading) -> Iterable[Anomaly]:
    """The catalogue's anomalies, at most one a code."""
    for rule, wrong in consulted(reading):
        if wrong is not None:
            yield Anomaly(rule.code, wrong, rule.remedy)


def consulted(reading: Reading) -> Iterable[tuple[Rule, str | None]]:
    """The rules that are asked about a reading, in order, each with its objection or None."""
    said: set[Code] = set()
    for rule in RULES:
        if rule.code in said:
            continue
        wrong = rule.objection(reading)
        yield rule, wrong
        if wrong is None:
            continue
        said.add(rule.code)
        if rule.final:
            return


def _askable(cell: str) -> bool:
    return len(cell) <= LONGEST_ASKED and cell.isprintable() and not _UNASKABLE.search(cell)


def _candidate(reading: Reading) -> str | None:
    meant = cleaned(reading)
    return key(meant) if meant and _RIGHT.fullmatch(meant) else None


def _nothing(reading: Reading) -> str | None:
    if reading.core:
        return None
    return "The UPN holds only blanks." if reading.cell else "The UPN is empty."


def _windows_login(reading: Reading) -> str | None:
    return r"This is a Windows login (DOMAIN\name), not a UPN." if "\\" in reading.text and not _ats(reading) else None


def _phone_number(reading: Reading) -> str | None:
    is_one = _PHONE.fullmatch(reading.text) and sum(map(str.isdecimal, reading.text)) >= _FEWEST_DIGITS
    return "This looks like a phone number, not a UPN." if is_one else None


def _display_name(reading: Reading) -> str | None:
    words = BLANK.search(reading.core) or "," in reading.text
    return "This looks like a display name, not a UPN." if words and not _ats(reading) else None


def _no_at(reading: Reading) -> str | None:
    if _ats(reading):
        return None
    lookalike = next((c for c in reading.text if c in "＠﹫"), None)
    return f"There is no @ in it: {listed(lookalike)} only looks like one." if lookalike else "There is no @ in it."


def _ats(reading: Reading) -> int:
    return reading.text.count("@")


def _several(reading: Reading) -> str | None:
    return "There is more than one @ in it." if reading.address.count("@") > 1 else None


def _wrapped(reading: Reading) -> str | None:
    return f"This is {reading.wrapping}, not a UPN alone." if reading.wrapping else None


def _one_side(reading: Reading) -> str | None:
    if not reading.local:
        return "There is nothing before the @."
    return None if reading.domain else "There is nothing after the @."


def _domain_form(reading: Reading) -> str | None:
    labels = DOTS.split(reading.domain.rstrip(",。｡．"))  # what stands for a dot is told as a character
    if len(labels) == 1:
        return "There is no dot in the domain, the part after the @."
    if not all(labels):
        return "There is a dot too many in the domain, the part after the @."
    if any(label.startswith("-") or label.endswith("-") for label in labels):
        return "A part of the domain begins or ends with a hyphen."
    if any(len(label) > LONGEST_LABEL for label in labels):
        return f"A part of the domain is longer than {LONGEST_LABEL} characters."
    return None


def _period_before_at(reading: Reading) -> str | None:
    return "There is a dot right before the @." if reading.local.endswith(".") else None


def _blanks(reading: Reading) -> str | None:
    """Blanks in a wrapping belong to it: `Jane Doe <jane@contoso.com>` has one defect."""
    inside = BLANK.findall(reading.core)
    places = [
        place
        for place, there in (("before", reading.blanks_before), ("inside", inside), ("after", reading.blanks_after))
        if there
    ]
    if reading.wrapping or not places:
        return None
    seen = [reading.cell[0]] * reading.blanks_before + inside + [reading.cell[-1]] * reading.blanks_after
    invisible = [blank for blank in seen if not blank.isspace()]
    what = f"an invisible character ({number(invisible[0])})" if invisible else "a blank"
    return f"There is {what} {joined(places)} the UPN."


def _foreign(reading: Reading) -> str | None:
    sides = (("before", _NOT_LOCAL.findall(reading.local)), ("after", _NOT_DOMAIN.findall(reading.domain)))
    said = [f"{listed(dict.fromkeys(found))} cannot stand {side} the @" for side, found in sides if found]
    return f"{'; '.join(said)}." if said else None


def _too_long(reading: Reading) -> str | None:
    sides = (("before", reading.local, LONGEST_LOCAL), ("after", reading.domain, LONGEST_DOMAIN))
    said = [f"more than {most} characters {side} the @" for side, part, most in sides if len(part) > most]
    return f"There are {joined(said)}." if said else None


_LIFTED_BY_DIRECTORY = frozenset({Code.UPN_CHARACTER, Code.UPN_LENGTH})
"""What a directory that has such a user proves wrong."""

_POLICY = Source(
    "Username policies (Password policies and account restrictions in Microsoft Entra ID)",
    "https://learn.microsoft.com/entra/identity/authentication/concept-sspr-policy#username-policies",
)
_NAME_FORMATS = Source("User Name Formats", "https://learn.microsoft.com/windows/win32/secauthn/user-name-formats")
_DOMAIN_NAMES = Source("RFC 1035, 2.3.1 Preferred name syntax", "https://www.rfc-editor.org/rfc/rfc1035#section-2.3.1")
_ADDRESSES = Source("RFC 5322, 3.4 Address Specification", "https://www.rfc-editor.org/rfc/rfc5322#section-3.4")
_PHONE_NUMBERS = Source(
    "ITU-T E.123, Notation for national and international telephone numbers", "https://www.itu.int/rec/T-REC-E.123"
)
_CATEGORIES = Source(
    "Unicode Standard Annex 44, 5.7.1", "https://www.unicode.org/reports/tr44/#General_Category_Values"
)

_ENTER = "Enter the agent's sign-in name, like name@company.com."
_ALONE = "Leave only the sign-in name, like name@company.com."
_RETYPE = "Retype the sign-in name as the agent uses it."

RULES: tuple[Rule, ...] = (
    Rule(
        Code.UPN_MISSING,
        "The cell holds a UPN, not nothing and not only blanks, visible or invisible.",
        _CATEGORIES,
        _ENTER,
        right=("jane.doe@contoso.com",),
        wrong=(None, "", "   ", "\t\r\n", "\xa0", "\u3000", "\u200b\ufeff", "\u202e", "\xad", "\u3164", "\u2800"),
        objection=_nothing,
        final=True,
    ),
    Rule(
        Code.UPN_FORMAT,
        r"It is not a Windows login (DOMAIN\name).",
        _NAME_FORMATS,
        _ENTER,
        right=("jane.doe@contoso.com",),
        wrong=(r"CONTOSO\jane", r"contoso.com\jane.doe", r"i:0#.w|contoso\jane"),
        objection=_windows_login,
        final=True,
    ),
    Rule(
        Code.UPN_FORMAT,
        "It is not a phone number.",
        _PHONE_NUMBERS,
        _ENTER,
        right=("4930@contoso.com",),
        wrong=("+49 30 1234567", "(030) 123-4567", "030/1234567", "tel:+49301234567", "555-123-4567"),
        objection=_phone_number,
        final=True,
    ),
    Rule(
        Code.UPN_FORMAT,
        "It is not a display name.",
        _NAME_FORMATS,
        _ENTER,
        right=("o'brien@contoso.com",),
        wrong=("Jane Doe", "Doe, Jane", "Doe,Jane", "Müller-Lüdenscheidt, Dr. Jürgen", "山田\u3000花子"),
        objection=_display_name,
        final=True,
    ),
    Rule(
        Code.UPN_FORMAT,
        "There is an @ in it.",
        _POLICY,
        _ENTER,
        right=("jane.doe@contoso.com",),
        wrong=("jane.doe", "contoso.com", "0", "jane.doe(at)contoso.com", "jane.doe＠contoso.com"),
        objection=_no_at,
        final=True,
    ),
    Rule(
        Code.UPN_FORMAT,
        "There is only one @ in it: one cell holds one UPN.",
        _POLICY,
        _ALONE,
        right=("jane_fabrikam.com#EXT#@contoso.onmicrosoft.com",),
        wrong=(
            "jane@contoso.com; joe@contoso.com",
            "jane@contoso.com,joe@contoso.com",
            "jane@@contoso.com",
            "a@b@c.com",
        ),
        objection=_several,
        final=True,
    ),
    Rule(
        Code.UPN_FORMAT,
        "It stands alone: no name, prefix, brackets or login form around it.",
        _ADDRESSES,
        _ALONE,
        right=("jane.doe@contoso.com",),
        wrong=(
            "Jane Doe <jane.doe@contoso.com>",
            "<jane.doe@contoso.com>",
            "mailto:jane.doe@contoso.com",
            "SMTP:jane.doe@contoso.com",
            "sip:jane.doe@contoso.com",
            "i:0#.f|membership|jane.doe@contoso.com",
            "jane.doe@contoso.com <mailto:jane.doe@contoso.com>",
            r"CONTOSO\jane.doe@contoso.com",
        ),
        objection=_wrapped,
    ),
    Rule(
        Code.UPN_FORMAT,
        "There is something before and after the @.",
        _POLICY,
        _RETYPE,
        right=("j@contoso.com",),
        wrong=("@contoso.com", "jane.doe@", "@"),
        objection=_one_side,
    ),
    Rule(
        Code.UPN_FORMAT,
        f"The domain has a dot; its parts are 1 to {LONGEST_LABEL} characters, no hyphen first or last.",
        _DOMAIN_NAMES,
        _RETYPE,
        right=("jane@contoso.co.uk", "jane@my-contoso.com", "jane@3m.com"),
        wrong=(
            "jane@contoso",
            "jane@contoso..com",
            "jane@.contoso.com",
            "jane@contoso.com.",
            "jane@-contoso.com",
            "jane@contoso-.com",
            f"jane@{'c' * 64}.com",
        ),
        objection=_domain_form,
    ),
    Rule(
        Code.UPN_FORMAT,
        "There is no dot right before the @.",
        _POLICY,
        _RETYPE,
        right=("j.d@contoso.com", ".jane@contoso.com"),
        wrong=("jane.@contoso.com", "j..@contoso.com"),
        objection=_period_before_at,
    ),
    Rule(
        Code.UPN_WHITESPACE,
        "There are no blanks and no invisible characters before, inside or after it.",
        _CATEGORIES,
        "Retype it without.",
        right=("jane.doe@contoso.com",),
        wrong=(
            " jane@contoso.com",
            "jane@contoso.com ",
            "jane @contoso.com",
            "jane@contoso.com\n",
            "jane@contoso.com\xa0",
            "\u200bjane@contoso.com",
            "ja\xadne@contoso.com",
            "\ufeffjane@contoso.com",
            "jane@contoso.com\u202c",
        ),
        objection=_blanks,
    ),
    Rule(
        Code.UPN_CHARACTER,
        "Before the @ stand only A-Z a-z 0-9 ' . - _ ! # ^ ~, after it only letters, digits, hyphens and dots.",
        _POLICY,
        _RETYPE,
        right=("o'brien@contoso.com", "a-b_c!d#e^f~g.h@contoso.com", "JANE@CONTOSO.COM", "4711@contoso.com"),
        wrong=(
            "müller@contoso.com",
            "jane+calls@contoso.com",
            "jane/doe@contoso.com",
            "j\u0430ne@contoso.com",
            "o’brien@contoso.com",
            "ｊａｎｅ@contoso.com",
            "jane🙂@contoso.com",
            "jane\ud800@contoso.com",
            "jane@conto_so.com",
            "jane@münchen.de",
            "jane@contoso.com;",
        ),
        objection=_foreign,
    ),
    Rule(
        Code.UPN_LENGTH,
        f"At most {LONGEST_LOCAL} characters stand before the @ and {LONGEST_DOMAIN} after it: 113 in all.",
        _POLICY,
        _RETYPE,
        right=(f"{'j' * 64}@contoso.com", f"jane@{'c' * 44}.com", f"{'j' * 64}@{'c' * 44}.com"),
        wrong=(f"{'j' * 65}@contoso.com", f"jane@{'c' * 45}.com", f"{'j' * 65}@{'c' * 45}.com"),
        objection=_too_long,
    ),
)
