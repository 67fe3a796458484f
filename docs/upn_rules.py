"""Makes upn-rules.md, the catalogue of the rules that UPN cells are judged by, from the rules themselves.

python docs/upn_rules.py (or `make docs`)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sync_agent.characters import BLANK, PLAIN, number
from sync_agent.upn import LONGEST_ASKED, RULES, Rule, Source, examine

PATH = Path(__file__).with_name("upn-rules.md")

POLICY = RULES[-1].source
SYNC = Source(
    "Prepare for directory synchronization to Microsoft 365",
    "https://learn.microsoft.com/microsoft-365/enterprise/prepare-for-directory-synchronization",
)
GET_USER = Source("Get a user (Microsoft Graph)", "https://learn.microsoft.com/graph/api/user-get")
CREATE_USER = Source("Create user (Microsoft Graph)", "https://learn.microsoft.com/graph/api/user-post-users")
IDFIX = Source(
    "Errors supported by the IdFix tool",
    "https://microsoft.github.io/idfix/Errors%20supported%20by%20the%20IdFix%20tool",
)
SCHEMA = Source(
    "[MS-ADA3] 2.349 Attribute userPrincipalName",
    "https://learn.microsoft.com/openspecs/windows_protocols/ms-ada3/1f730d08-4f9a-44fc-b638-a5d4a7f19bc3",
)
SPECIAL = Source(
    "“Invalid user name” when you try to create a user name that contains a special character in Microsoft 365",
    "https://support.microsoft.com/kb/2439357",
)
GUESTS = Source(
    "Properties of a Microsoft Entra B2B collaboration user",
    "https://learn.microsoft.com/entra/external-id/user-properties",
)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What the texts say of one question, each with its source; what is done here; and cells that show it."""

    question: str
    said: tuple[tuple[str, Source], ...]
    here: str
    cells: tuple[str, ...]


DISAGREEMENTS = (
    Disagreement(
        "May an underscore stand after the @?",
        (
            ("UPNs for single sign-on may hold letters, numbers, periods, dashes and underscores after the @", SYNC),
            ("a label of a domain name holds letters, digits and hyphens", RULES[7].source),
        ),
        "It is told, as no domain name holds one. The tenants are asked all the same: "
        "where one has such a user, nothing is said.",
        ("jane@conto_so.com", "jane_doe@contoso.com"),
    ),
    Disagreement(
        "May a UPN begin with $?",
        (
            ("only A-Z a-z 0-9 ' . - _ ! # ^ ~ are allowed", POLICY),
            ("a name that begins with $ has to be asked for as users('$x')", GET_USER),
        ),
        "It is told, and asked for all the same: where a tenant has such a user, nothing is said.",
        ("$jane@contoso.com",),
    ),
    Disagreement(
        "What of letters with accents?",
        (
            ("letters with diacritical marks are invalid, and Unicode is converted to underscores", SYNC),
            ("non-ASCII characters do not sync for any attribute (the same page)", SYNC),
            ("the property can't contain accent characters", CREATE_USER),
            ("umlauts are invalid; other accents are not mentioned", IDFIX),
        ),
        "All are told. The tenants are asked for the name as it stands, and for people whose name or UPN spells it in "
        "plain letters: müller as muller and as mueller.",
        ("müller@contoso.com", "zoé@contoso.com"),
    ),
    Disagreement(
        "How long may it be?",
        (
            ("113 characters in all, up to 64 before the @ and up to 48 after it", POLICY),
            ("less than 64 before the @, less than 48 after it", IDFIX),
            ("1,024 characters, in the schema of Active Directory", SCHEMA),
        ),
        "64, 48 and so 113 are right, one more is told. A longer name, as far as "
        f"{LONGEST_ASKED} characters, is still asked for.",
        (f"{'j' * 64}@contoso.com", f"{'j' * 65}@contoso.com"),
    ),
    Disagreement(
        "Where may an ampersand not stand?",
        (
            ("nowhere in the user name", SPECIAL),
            ("& is invalid, and the user name can't end with one (both on one page)", SYNC),
        ),
        "It is told wherever it stands.",
        ("jane&co@contoso.com", "jane&@contoso.com"),
    ),
    Disagreement(
        "May there be more than the user name and one domain, as in a guest's UPN?",
        (
            ("no @ that does not separate the user name from the domain", POLICY),
            ("a guest's UPN is the home address with _ for its @, then #EXT#@ and a domain of the tenant", GUESTS),
        ),
        "A guest's UPN is a right one: it has one @, and # is allowed. That the user is a guest is another anomaly "
        "(`user_guest`).",
        ("jane_fabrikam.com#EXT#@contoso.onmicrosoft.com",),
    ),
    Disagreement(
        "Must the domain be one that the internet knows?",
        (("routable domains must be used; local or internal ones can't be", SYNC),),
        "Not judged by spelling: whether a configured tenant has the domain is asked (`domain_not_configured`).",
        ("jane@contoso.local",),
    ),
)

READ = (
    "Jane Doe <jane.doe@contoso.com>;",
    "E-Mail: jane.doe@contoso.com",
    "jane.doe@contoso.com (Sales)",
    "i:0#.f|membership|jane.doe@contoso.com",
    "https://teams.microsoft.com/l/chat/0/0?users=jane.doe@contoso.com",
    "jane.doe(at)contoso.com",
    "jane.doe@contoso,com",
    "aoife.o’brien@contoso.ie",
    "\u200bjane.doe@contoso.com",
    "j\u0430ne.doe@contoso.com",
    "jane.doe@contoso.com; jane.doe@contoso.com",
    "jane.doe@contoso.com; john.smith@contoso.com",
    "Doe, Jane",
)

_INTRODUCTION = """# The rules for UPNs

Made from `sync_agent/upn.py` by `make docs`: change it there. A run of one character is written short: `{j × 64}`.

1. A cell is judged by the rules below, in this order; of the rules with one code the first that objects speaks. Blanks
   are taken out before the later rules look, so that one mistake gives one anomaly.
2. **The directory is the better witness.** A cell that only offends against the alphabet or the lengths is asked for as
   it stands: if a tenant has such a user, nothing is said.
3. What a person reads in a cell that is wrong is asked for too, and suggested when a tenant confirms it. So are people:
   whose UPN is a slip or two away, who has the name that stands in the cell or beside it.
"""


def text() -> str:
    """The whole page."""
    rules = "\n".join(line for number_, rule in enumerate(RULES, 1) for line in _rule(number_, rule))
    read = "\n".join(f"| {_cell(cell).replace('|', chr(92) + '|')} | {_meant(cell)} |" for cell in READ)
    disagreements = "\n".join(line for one in DISAGREEMENTS for line in _disagreement(one))
    return (
        f"{_INTRODUCTION}\n## Rule by rule\n{rules}\n\n"
        f"## What is read in a cell\n\n| cell | read as |\n|---|---|\n{read}\n"
        f"\nHundreds more are in tests/upn_corpus.yaml.\n\n## Where Microsoft's texts disagree\n{disagreements}\n"
    )


def _rule(number_: int, rule: Rule) -> Iterator[str]:
    yield f"\n### {number_}. `{rule.code}`: {rule.sentence}\n"
    yield f"- what to do: {rule.remedy}"
    yield f"- right: {', '.join(map(_cell, rule.right))}"
    yield f"- wrong: {', '.join(map(_cell, rule.wrong))}"
    yield f"- source: {_link(rule.source)}"


def _disagreement(one: Disagreement) -> Iterator[str]:
    yield f"\n### {one.question}\n"
    yield from (f"- {what}: {_link(source)}" for what, source in one.said)
    yield f"\n{one.here} {'; '.join(f'{_cell(cell)}: {_verdict(cell)}' for cell in one.cells)}."


def _verdict(cell: str) -> str:
    return ", ".join(f"`{anomaly.code}`" for anomaly in examine(cell).anomalies) or "right"


def _meant(cell: str) -> str:
    candidate = examine(cell).candidate
    return "nobody: it is looked for who is meant" if candidate is None else _cell(candidate)


def _link(source: Source) -> str:
    return f"[{source.title}]({source.url})" if "[" not in source.title else f"<{source.url}> ({source.title})"


def _cell(cell: str | None) -> str:
    """As code, with the number of each character that is not seen for what it is."""
    if cell is None or not cell:
        return "no value" if cell is None else "an empty text"
    short = re.sub(r"(.)\1{9,}", lambda run: f"{{{run[1]} × {len(run[0])}}}", cell)
    seen = "".join(c if c == " " or _is_seen(c) else f"‹{number(c)}›" for c in short)
    fence = "``" if "`" in seen else "`"
    padded = f" {seen} " if seen[0] in " `" or seen[-1] in " `" else seen
    return f"{fence}{padded}{fence}"


def _is_seen(character: str) -> bool:
    """And for what it is: not a letter that looks like one of another alphabet."""
    looks_latin = ord(character) in PLAIN and character.isalpha()
    return character.isprintable() and not BLANK.match(character) and not looks_latin


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
