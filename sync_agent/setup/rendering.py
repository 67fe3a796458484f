"""A draft as the commented settings.yaml: its template is the repository's own example, which a test holds it to."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from sync_agent.characters import printable
from sync_agent.setup.draft import AccountDraft, Draft

_PLAIN = re.compile(r"[\w/][\w ./@+-]*(?::[\w/.@+-]+)*(?<! )", re.ASCII)
_REFERENCE = re.compile(r"\$\{[\w./:@+-]+\}", re.ASCII)
_NULL = frozenset({"null", "~"})
_LONGEST_NOTE = 300

_environment = Environment(
    loader=PackageLoader("sync_agent.setup"),
    autoescape=False,  # noqa: S701 -- YAML: what is not plain goes through scalar
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def settings_text(draft: Draft, made_by: str) -> str:
    """The whole file. ``made_by``: the command."""
    accounts = _accounts(draft.accounts, draft.off, full=True)
    return _environment.get_template("settings.yaml").render(draft=draft, made_by=made_by, accounts=accounts)


def accounts_text(accounts: Sequence[AccountDraft], off: Sequence[AccountDraft]) -> str:
    """The group of its own, to be put into a file that is there already."""
    return f"accounts:\n{_accounts(accounts, off, full=False)}"


def _accounts(accounts: Sequence[AccountDraft], off: Sequence[AccountDraft], *, full: bool) -> str:
    """``full``: the first shows every setting that an account can have."""
    inside = [_account(each, full=full and not number) for number, each in enumerate(accounts)]
    return "\n".join([*inside, *map(_commented_out, off)])


def _account(account: AccountDraft, *, full: bool) -> str:
    return _environment.get_template("account.yaml").render(account=account, full=full)


def _commented_out(account: AccountDraft) -> str:
    lines = _account(account, full=False).splitlines()
    return "".join(f"{line}\n" if line.startswith("  #") else f"  # {line[2:]}\n" for line in lines)


def scalar(text: str, *, flow: bool = False) -> str:
    """``text`` as YAML, quoted where it could be read as anything else. ``flow``: it stands inside braces."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _NULL:
        return text
    return text if _REFERENCE.fullmatch(text) and not flow else json.dumps(text, ensure_ascii=False)


def _comment(text: str) -> str:
    return printable(" ".join(text.split()), _LONGEST_NOTE)


_environment.filters |= {"scalar": scalar, "inside": lambda text: scalar(text, flow=True), "comment": _comment}
