"""Signing in a person by device code: the code, the polls, and who may enter it. Blocking, like all of msal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msal

from sync_agent.microsoft365.errors import SignInFailed
from sync_agent.microsoft365.sign_in import Party, Token, application, failure, guarded

_WAITING = frozenset({"authorization_pending", "slow_down"})
_LAPSED = frozenset({"expired_token", "code_expired", "bad_verification_code"})
_NEEDS_A_PERSON = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required"})


@dataclass(slots=True)
class Flow:
    """One code that a person may enter. ``lasts`` and ``interval`` in seconds."""

    address: str
    code: str
    lasts: float
    interval: float
    wire: dict[str, Any]


class DeviceSignIn:
    """A person's delegated sign-in, kept alive by the refresh token in the account's cache."""

    def __init__(self, party: Party) -> None:
        self._party = party
        self._made: Any = None
        self._refused: set[str] = set()  # resources whose cached token was answered with 401

    def acquire(self, resource: str) -> Token | None:
        app = self._app()
        for known in app.get_accounts():
            answer = guarded(self._party, lambda known=known: self._silently(app, known, resource))
            if answer is not None and "access_token" in answer:
                self._refused.discard(resource)
                return Token(answer["access_token"], float(answer.get("expires_in", 0)))
            if answer is not None and answer.get("error") not in _NEEDS_A_PERSON:
                raise failure(self._party.account.id, answer)
        return None

    def forget(self, resource: str) -> None:
        self._refused.add(resource)

    def start(self) -> Flow:
        """Ask Entra for a code. Raises SignInFailed, Unreachable."""
        wire = guarded(self._party, lambda: self._app().initiate_device_flow(scopes=self._scopes(self._graph)))
        if "user_code" not in wire:
            raise failure(self._party.account.id, wire)
        return Flow(
            wire["verification_uri"], wire["user_code"], float(wire["expires_in"]), float(wire.get("interval", 5)), wire
        )

    def poll(self, flow: Flow) -> bool | None:
        """Ask once whether the code was entered: True, False (not yet), None (the code is gone: start again).

        Raises SignInFailed when the sign-in was declined or a person of another tenant entered the code.
        """
        app = self._app()
        answer = guarded(self._party, lambda: app.acquire_token_by_device_flow(flow.wire, exit_condition=lambda _: True))
        error = answer.get("error")
        if error == "slow_down":
            flow.interval += 5
        if error in _WAITING:
            return False
        if error in _LAPSED:
            return None
        if error:
            raise failure(self._party.account.id, answer)
        self._check_tenant(app, answer)
        return True

    @property
    def _graph(self) -> str:
        return self._party.endpoints.graph

    def _app(self) -> Any:
        if self._made is None:
            self._made = application(self._party, msal.PublicClientApplication)
        return self._made

    def _silently(self, app: Any, known: dict[str, Any], resource: str) -> dict[str, Any] | None:
        answer = app.acquire_token_silent_with_error(
            self._scopes(resource), account=known, force_refresh=resource in self._refused
        )
        return answer if isinstance(answer, dict) else None

    def _scopes(self, resource: str) -> list[str]:
        return [f"{resource}/.default"]

    def _check_tenant(self, app: Any, answer: dict[str, Any]) -> None:
        """Signing in the wrong tenant's user is a silent mistake elsewhere; here it is refused with the reason."""
        claims = answer.get("id_token_claims") or {}
        wanted, got = self._party.account.tenant_id.lower(), str(claims.get("tid", "")).lower()
        if not got or got == wanted or "-" not in wanted or "." in wanted:
            return
        for known in app.get_accounts():
            app.remove_account(known)
        who = claims.get("preferred_username") or "a person"
        raise SignInFailed(
            f"account {self._party.account.id} is for tenant {wanted}, but {who} of tenant {got} signed in; "
            "sign in with a user of the account's own tenant"
        )
