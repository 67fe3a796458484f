"""Signing in as the Azure machine that this runs on: its managed identity, which nobody has to keep a secret for.

msal finds the identity service by the environment (App Service, Functions, Container Apps: IDENTITY_ENDPOINT and
IDENTITY_HEADER; Arc: IDENTITY_ENDPOINT and IMDS_ENDPOINT), else at the address that virtual machines have it at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msal

from sync_agent.microsoft365.entra_errors import number_of
from sync_agent.microsoft365.errors import SignInFailed, Unreachable
from sync_agent.microsoft365.sign_in import MsalClient, Party, Token, failure, token_in
from sync_agent.microsoft365.token_claims import claims_in

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class ManagedIdentitySignIn:
    """The identity of the machine; ``client_id`` names a user-assigned one."""

    def __init__(self, party: Party) -> None:
        self._party = party
        self._msal = MsalClient(party, self._client)

    def acquire(self, resource: str) -> Token:
        try:
            token = self._msal.ask(lambda client: self._token_in(client.acquire_token_for_client(resource=resource)))
        except Unreachable as nobody:
            raise Unreachable(f"{nobody.reason}; {_WHERE}", request_id=nobody.request_id) from nobody
        self._check_tenant(token)
        return token

    def forget(self, resource: str) -> None:
        """msal has no question for this; what it would find is taken out of its cache."""
        cache = self._party.cache.opened
        for entry in list(cache.search(cache.CredentialType.ACCESS_TOKEN, target=[resource])):
            cache.remove_at(entry)

    def _client(self, cache: Any) -> Any:
        client_id = self._party.account.client_id
        system = msal.SystemAssignedManagedIdentity
        identity = msal.UserAssignedManagedIdentity(client_id=client_id) if client_id else system()
        return msal.ManagedIdentityClient(identity, http_client=self._party.http, token_cache=cache)

    def _token_in(self, answer: Mapping[str, Any]) -> Token:
        """The identity service has no numbers of its own; those of Entra it passes on."""
        if "access_token" in answer or number_of(answer) is not None:
            return token_in(self._party.account.id, answer)
        refused = failure(self._party.account.id, answer)
        which = "check client_id, and assign that identity to the machine" if self._party.account.client_id else _ASSIGN
        raise SignInFailed(f"{refused.reason}; {which}", request_id=refused.request_id)

    def _check_tenant(self, token: Token) -> None:
        """A machine knows one tenant. That of a wrong machine would answer that nobody of the list exists."""
        wanted, got = self._party.account.tenant_id.lower(), str(claims_in(token.value).get("tid") or "").lower()
        if got and _GUID.fullmatch(wanted) and got != wanted:
            raise SignInFailed(
                f"account {self._party.account.id} is for tenant {wanted}, but this machine's managed identity is of "
                f"tenant {got}; run the service on a machine of the account's own tenant, or sign in another way"
            )


_ASSIGN = "switch on the machine's system-assigned identity, or name a user-assigned one by client_id"
_WHERE = "auth: managed_identity works on a machine of Azure's only, with an identity assigned"
