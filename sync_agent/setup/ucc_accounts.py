"""Taking the accounts of a config.xml over: what becomes of each, and what a person must know or do. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from sync_agent.characters import printable
from sync_agent.settings.problems import Unfit
from sync_agent.settings.showing import shown
from sync_agent.settings.values import Guid, Name, TenantId
from sync_agent.setup.draft import AccountDraft, unlike
from sync_agent.setup.ucc_config import UccAccount, UccSource
from sync_agent.setup.value import fitting, in_words, variable

_KNOWN = frozenset({"id", "clientid", "tenantid", "encryptedsecret", "enabled"})
_OFF = frozenset({"false", "0", "no", "off"})


class Kind(StrEnum):
    TAKEN = "taken"
    IGNORED = "ignored"
    LEFT_OUT = "left out"
    TO_DO = "to do"


@dataclass(frozen=True, slots=True)
class Note:
    """``text``: a sentence that names the account, and never a secret."""

    kind: Kind
    text: str


@dataclass(slots=True)
class Taken:
    """``accounts``: those that were enabled; ``off``: the others."""

    cloud: str
    accounts: list[AccountDraft] = field(default_factory=list)
    off: list[AccountDraft] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def every(self) -> list[AccountDraft]:
        return [*self.accounts, *self.off]

    @property
    def whole(self) -> bool:
        """Whether no account was left out that somebody may miss."""
        return all(note.kind is not Kind.LEFT_OUT for note in self.notes)

    def say(self, kind: Kind, text: str) -> None:
        self.notes.append(Note(kind, text))


def take_over(sources: Sequence[UccSource], cloud: str = "global") -> Taken:
    """``cloud``: of all the accounts; config.xml does not say."""
    taken = Taken(cloud)
    for source in sources:
        _take_source(source, taken)
    if any(each.auth == "client_secret" for each in taken.every):
        taken.say(Kind.TO_DO, _NOT_OPENED)
    if any(each.auth == "device_code" for each in taken.every):
        taken.say(Kind.TO_DO, _NOT_SIGNED_IN)
    return taken


_NOT_OPENED = (
    "EncryptedSecret opens only on the machine that made it, with the tool that made it, and cannot be taken over. In "
    "the Entra admin centre, App registrations, the app, Certificates & secrets: create a new client secret (or, "
    "better, upload a certificate), and put its value where client_secret: says. The old one stays valid beside it."
)
_NOT_SIGNED_IN = (
    "Sign-ins of people are not taken over either: run `sync-agent login ACCOUNT` once for each account with auth: "
    "device_code."
)


def _take_source(source: UccSource, taken: Taken) -> None:
    if source.enabled is None:
        says = "does not say enabled=" if source.switch is None else f"says enabled={_quoted(source.switch)}"
        taken.say(Kind.TO_DO, f"The source in {printable(source.place)} {says}; its accounts are taken as enabled.")
    if not source.accounts:
        taken.say(Kind.IGNORED, f"The source in {printable(source.place)} has no <Account>.")
    for number, account in enumerate(source.accounts, 1):
        called = _called(account.values, number)
        draft = _draft(account, called, taken)
        if draft is None:
            continue
        if source.enabled is False:
            _switch_off(draft, "its source is disabled (enabled=false)", taken)
        elif account.values.get("enabled", "").casefold() in _OFF:
            _switch_off(draft, "it is disabled itself (enabled=false)", taken)
        else:
            _keep(draft, taken)


def _switch_off(draft: AccountDraft, why: str, taken: Taken) -> None:
    taken.off.append(replace(draft, off=True, note=f"Not in use: in config.xml {why}."))
    taken.say(Kind.TAKEN, f"{_words(draft)}, commented out: {why}.")


def _keep(draft: AccountDraft, taken: Taken) -> None:
    shared = [each.id for each in taken.accounts if each.tenant_id == draft.tenant_id]
    beside = f"; it shares the users of its tenant with {', '.join(shared)}" if shared else ""
    taken.accounts.append(draft)
    taken.say(Kind.TAKEN, f"{_words(draft)}{beside}.")


def _words(draft: AccountDraft) -> str:
    return f"Account {draft.id}: client {draft.client_id} in tenant {draft.tenant_id}, auth: {draft.auth}"


def _draft(account: UccAccount, called: str, taken: Taken) -> AccountDraft | None:
    values, wrong = account.values, list[str]()
    checked: dict[str, str] = {}
    for name, key, type_ in (("ClientId", "clientid", Guid), ("TenantId", "tenantid", TenantId)):
        checked[key] = _checked(name, values.get(key, "").strip("{}"), type_, wrong)
    id_ = values.get("id") or checked["tenantid"]
    if id_:
        id_ = _checked("Id", id_, Name, wrong)
    if wrong:
        taken.say(Kind.LEFT_OUT, f"{called}: {'; '.join(wrong)}. Add it by hand once that is known.")
        return None
    same = (checked["tenantid"], checked["clientid"])
    if twin := next((each for each in taken.every if (each.tenant_id, each.client_id) == same), None):
        taken.say(Kind.IGNORED, f"{called}: the same app in the same tenant is account {twin.id} already.")
        return None
    if not values.get("id"):
        taken.say(Kind.TO_DO, f"{called} is called {id_}, after its tenant; call it what you like.")
    _say_unknown(values, called, taken)
    return _named(id_, same, values, taken)


def _named(id_: str, app: tuple[str, str], values: Mapping[str, str], taken: Taken) -> AccountDraft:
    unique = unlike(id_, (each.id for each in taken.every))
    if unique != id_:
        why = f"Two accounts have the Id {printable(id_)}, and ids must differ: the later one is called {unique}"
        taken.say(Kind.TO_DO, f"{why}; call it what you like.")
    if not values.get("encryptedsecret"):
        return AccountDraft(unique, app[0], "device_code", app[1], cloud=taken.cloud)
    secrets = (each.client_secret[6:-1] for each in taken.every if each.client_secret)
    name = unlike(variable(unique), secrets).replace("-", "_")
    note = f"Its EncryptedSecret was not taken over: put a new client secret into the environment variable {name}."
    secret = f"${{env:{name}}}"
    return AccountDraft(unique, app[0], "client_secret", app[1], client_secret=secret, cloud=taken.cloud, note=note)


def _checked(name: str, value: str, type_: Any, wrong: list[str]) -> str:
    """Empty where it is wrong, which is noted."""
    if not value:
        wrong.append(f"it has no {name}")
        return ""
    try:
        return fitting(type_, value)
    except Unfit as unfit:
        wrong.append(f"its {name} is {shown(value, (name,))}, {in_words(unfit)}")
        return ""


def _say_unknown(values: Mapping[str, str], called: str, taken: Taken) -> None:
    if unknown := sorted(values.keys() - _KNOWN):
        names = ", ".join(printable(name) for name in unknown)
        taken.say(Kind.IGNORED, f"{called}: {names} has no counterpart here and was not looked at.")


def _called(values: Mapping[str, str], number: int) -> str:
    id_ = values.get("id")
    return f"Account {printable(id_)}" if id_ else f"Account number {number}, which has no Id,"


def _quoted(text: str) -> str:
    return f"“{printable(text)}”"
