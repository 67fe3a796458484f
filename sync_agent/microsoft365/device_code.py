"""Signing in a person by device code: the code, the polls, and who may enter it. Blocking, like all of msal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import msal

from sync_agent.microsoft365.entra_errors import meaning, number_of
from sync_agent.microsoft365.entra_explanations import EXPLANATIONS
from sync_agent.microsoft365.errors import ServiceError, SignInFailed
from sync_agent.microsoft365.sign_in import MsalClient, Party, PersonNeeded, Token, application, failure, token_in
from sync_agent.model import User

_WAITING = frozenset({"authorization_pending", "slow_down"})
_LAPSED = frozenset({"expired_token", "code_expired", "bad_verification_code"})
_NEEDS_A_PERSON = frozenset({"invalid_grant", "interaction_required", "login_required"})
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class NotThisPerson(SignInFailed):
    """Somebody of another tenant entered the code, or declined: another try may end well."""


class Poll(Enum):
    WAITING = auto()
    ENTERED = auto()
    LAPSED = auto()


@dataclass(frozen=True, slots=True)
class Flow:
    """One code that a person may enter. ``lasts``: seconds from when it was made."""

    address: str
    code: str
    lasts: float
    wire: dict[str, Any] = field(repr=False)

    @property
    def interval(self) -> float:
        """Seconds between polls; msal raises it when Entra says slow_down."""
        return float(self.wire["interval"])


class DeviceSignIn:
    """A person's delegated sign-in, kept alive by the refresh token in the account's cache."""

    def __init__(self, party: Party) -> None:
        self._party = party
        self._msal = MsalClient(party, lambda cache: application(msal.PublicClientApplication, party, cache))
        self.person: User | None = None
        """Whose token was last given."""
        self._refused: set[str] = set()  # resources whose cached token was answered with 401

    def acquire(self, resource: str) -> Token | PersonNeeded:
        """From the cache or the refresh token of whoever signed in."""
        answer = self._msal.ask(lambda app: self._silently(app, resource))
        if answer is None:
            return PersonNeeded(resource)
        if "access_token" not in answer:
            return self._person_or_failure(resource, answer)
        self._refused.discard(resource)
        return token_in(self._party.account.id, answer)

    def forget(self, resource: str) -> None:
        self._refused.add(resource)

    def start(self, need: PersonNeeded) -> Flow:
        """Ask Entra for a code. Raises SignInFailed, Unreachable.

        The first sign-in is for Graph, which every account uses; a later one for what the person is missed for.
        """
        scopes = _scopes(need.resource if need.why else self._party.endpoints.graph)
        wire = self._msal.ask(lambda app: app.initiate_device_flow(scopes=scopes, claims_challenge=need.claims))
        if "user_code" not in wire:
            raise failure(self._party.account.id, wire)
        return Flow(wire["verification_uri"], wire["user_code"], float(wire["expires_in"]), wire)

    def poll(self, flow: Flow) -> Poll:
        """Ask once whether the code was entered. Raises NotThisPerson, SignInFailed, Unreachable."""
        answer = self._msal.ask(lambda app: app.acquire_token_by_device_flow(flow.wire, exit_condition=lambda _: True))
        error = answer.get("error")
        if error in _WAITING:
            return Poll.WAITING
        if error in _LAPSED:
            return Poll.LAPSED
        if error:
            raise self._refusal(answer)
        self._msal.ask(lambda app: self._keep_only(app, answer))
        return Poll.ENTERED

    def _silently(self, app: Any, resource: str) -> dict[str, Any] | None:
        answer = None
        for known in app.get_accounts():
            refresh = resource in self._refused
            answer = app.acquire_token_silent_with_error(_scopes(resource), account=known, force_refresh=refresh)
            if answer is not None and "access_token" in answer:
                self.person = User(str(known.get("local_account_id") or ""), str(known.get("username") or ""))
                break
        return answer if isinstance(answer, dict) else None

    def _person_or_failure(self, resource: str, answer: Mapping[str, Any]) -> PersonNeeded:
        """A new sign-in mends a revoked one, not a missing consent: a code for that would be offered for ever."""
        number = number_of(answer)
        known = EXPLANATIONS.get(number or 0)
        if known.by_person if known is not None else answer.get("error") in _NEEDS_A_PERSON:
            why = meaning(number, str(answer.get("error_description") or answer.get("error")))
            return PersonNeeded(resource, why, answer.get("claims"))
        raise failure(self._party.account.id, answer)

    def _refusal(self, answer: Mapping[str, Any]) -> ServiceError:
        account_id = self._party.account.id
        if answer.get("error") == "authorization_declined":
            return NotThisPerson(f"account {account_id} cannot sign in: the person declined; enter the next code")
        told = failure(account_id, answer)
        known = EXPLANATIONS.get(number_of(answer) or 0)
        if isinstance(told, SignInFailed) and known is not None and known.by_person:
            return NotThisPerson(told.reason, aadsts=told.aadsts, request_id=told.request_id)
        return told

    def _keep_only(self, app: Any, answer: Mapping[str, Any]) -> None:
        """Keep who has just signed in, if of the right tenant, and nobody else."""
        claims = answer.get("id_token_claims") or {}
        wanted, got = self._tenant(app), str(claims.get("tid") or "").lower()
        stranger = bool(wanted and got and wanted != got)
        newcomer = claims.get("oid") or claims.get("sub")
        for known in app.get_accounts():
            if stranger or known["local_account_id"] != newcomer:
                app.remove_account(known)
        if stranger:
            # Elsewhere, signing in the wrong tenant's user is a silent mistake.
            who = claims.get("preferred_username") or "a person"
            raise NotThisPerson(
                f"account {self._party.account.id} is for tenant {wanted}, but {who} of tenant {got} signed in; "
                "sign in with a user of the account's own tenant"
            )

    def _tenant(self, app: Any) -> str | None:
        """The tenant's id: of a tenant given by a domain, as Entra's token endpoint names it."""
        names = (self._party.account.tenant_id, str(app.authority.tenant))
        return next((name.lower() for name in names if _GUID.fullmatch(name)), None)


def _scopes(resource: str) -> list[str]:
    return [f"{resource}/.default"]
