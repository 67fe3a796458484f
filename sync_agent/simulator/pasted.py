"""What is pasted and typed into UPN cells that is not a UPN alone."""

from __future__ import annotations

from collections.abc import Callable

from sync_agent.simulator.list_builder import Builder, Kind
from sync_agent.simulator.world import SimUser

AROUND: dict[str, str] = {
    "a mail link": "mailto:{upn}",
    "a name and an address": "{name} <{upn}>",
    "an address in brackets": "<{upn}>;",
    "a SharePoint login": "i:0#.f|membership|{upn}",
    "a word before it": "E-Mail: {upn}",
    "a remark behind it": "{upn} (Sales)",
    "a bullet": "• {upn}",
}
"""A word or a form around a UPN: upn_format."""
STRAY: dict[str, str] = {
    "a semicolon behind it": "{upn};",
    "smart quotes": "“{upn}”",
    "half a bracket": "{upn})",
    "an accent behind it": "{upn}´",
}
"""A character too many before or after it: upn_character."""
BLANK: dict[str, str] = {
    "a mark of direction": "\u200f{upn}",
    "a non-breaking blank": "{upn}\u00a0",
    "a zero-width blank": "{local}\u200b@{domain}",
    "a soft hyphen": "{local}@\u00ad{domain}",
    "a line end": "{upn}\r\n",
}
NO_UPN: dict[str, str] = {
    "n/a": "n/a",
    "a hyphen": "-",
    "TBD": "TBD",
    "a phone number": "+49 30 1234567",
    "a Teams link": "https://teams.microsoft.com/l/chat/0/0",
    "the display name": "{name}",
    "the name as in a telephone book": "{last}, {first}",
    "a Windows login": "CONTOSO\\{local}",
    "no domain": "{local}",
    "no @": "{local}{domain}",
}
"""Nothing like a UPN; the name beside it tells who it is: upn_format."""
LETTERS: dict[str, Callable[[str], str]] = {
    "full-width letters": lambda upn: "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in upn),
    "Cyrillic letters": lambda upn: upn.translate({ord("a"): "\u0430", ord("e"): "\u0435", ord("o"): "\u043e"}),
    "a plus tag": lambda upn: upn.replace("@", "+calls@", 1),
}
"""Other letters for those of the UPN: upn_character."""


def _filled(form: str, user: SimUser) -> str:
    first, _, last = user.display_name.partition(" ")
    local, _, domain = user.upn.partition("@")
    return form.format(upn=user.upn, name=user.display_name, first=first, last=last, local=local, domain=domain)


def _pasted(form: str, code: str, *, named: bool = True) -> Callable[[Builder], None]:
    def make(builder: Builder) -> None:
        _, user = builder.staff.unmistakable()
        builder.wrong(_filled(form, user), user.display_name if named else builder.desk(), code, meant=user.upn)

    return make


def _lettered(change: Callable[[str], str]) -> Callable[[Builder], None]:
    def make(builder: Builder) -> None:
        _, user = builder.staff.unmistakable()
        builder.wrong(change(user.upn), builder.desk(), "upn_character", meant=user.upn)

    return make


def _accents(builder: Builder) -> None:
    """The name as its bearer writes it, where the tenant has plain letters."""
    tenant = builder.random.choice(builder.staff.tenants)
    first, last = builder.staff.accented_name()
    user = builder.staff.employ(tenant, first, last)
    builder.wrong(f"{first}.{last}@{tenant.domains[0]}", builder.desk(), "upn_character", meant=user.upn)


def _curly_apostrophe(builder: Builder) -> None:
    _, user = builder.staff.with_apostrophe()
    wrong = "upn_character" if "'" in user.upn else "upn_whitespace"
    builder.wrong(
        user.upn.replace("'", "’") if "'" in user.upn else f"{user.upn} ", builder.desk(), wrong, meant=user.upn
    )


def _two_addresses(builder: Builder) -> None:
    """The name beside them tells which is the agent's."""
    (_, user), (_, other) = builder.staff.unmistakable(), builder.staff.unmistakable()
    cell = "; ".join(sorted((user.upn, other.upn)))
    builder.wrong(cell, user.display_name, "upn_format", meant=user.upn)


KINDS = (
    *(Kind(name, _pasted(form, "upn_format", named=False)) for name, form in AROUND.items()),
    *(Kind(name, _pasted(form, "upn_character", named=False)) for name, form in STRAY.items()),
    *(Kind(name, _pasted(form, "upn_whitespace", named=False)) for name, form in BLANK.items()),
    *(Kind(name, _pasted(form, "upn_format")) for name, form in NO_UPN.items()),
    *(Kind(name, _lettered(change)) for name, change in LETTERS.items()),
    Kind("accents", _accents),
    Kind("a curly apostrophe", _curly_apostrophe),
    Kind("two addresses", _two_addresses),
)
