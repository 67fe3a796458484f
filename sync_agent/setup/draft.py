"""What a settings file is made of before there is one: texts, as they will stand in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sync_agent.settings.model import Auth


@dataclass(frozen=True, slots=True)
class AccountDraft:
    """``client_secret``, ``certificate_password``: references, enc:…, or the secrets themselves. ``off``: it is written
    commented out; ``note``: a comment above it.
    """

    id: str
    tenant_id: str
    auth: Auth
    client_id: str = ""
    client_secret: str = ""
    certificate: str = ""
    certificate_password: str = ""
    token_file: str = ""
    cloud: str = "global"
    off: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class SiteDraft:
    """``account``: the id of the one that opens the site."""

    site_url: str
    agent_list: str
    account: str
    upn: str = "UPN"
    name: str = "Title"


@dataclass(frozen=True, slots=True)
class CloudDraft:
    """One that is not Microsoft's own."""

    name: str
    authority: str
    graph: str
    ca_bundle: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """``accounts``: those that are not off, one at least."""

    site: SiteDraft
    accounts: tuple[AccountDraft, ...]
    clouds: tuple[CloudDraft, ...] = ()
    off: tuple[AccountDraft, ...] = ()


def unlike(name: str, taken: Iterable[str]) -> str:
    """``name``, with a number behind it where it is taken, case aside."""
    folded = {each.casefold() for each in taken}
    number, unique = 1, name
    while unique.casefold() in folded:
        number += 1
        unique = f"{name}-{number}"
    return unique
