"""Signing in by a client secret, and by the next one where Entra refuses the first: nobody has to be there at midnight.

The first is tried again at each renewal of a token, so that the service is back with it once it was replaced.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from sync_agent.microsoft365.entra_errors import meaning
from sync_agent.microsoft365.errors import SignInFailed
from sync_agent.microsoft365.sign_in import ConfidentialSignIn, Party, Token
from sync_agent.microsoft365.token_cache import TokenCache
from sync_agent.settings import Secret

_log = structlog.get_logger()

REFUSED = frozenset({7000215, 7000222})
"""Of a secret that is wrong or has expired."""


class SecretSignIn:
    """``notice``: that the next secret is in use and why, in a sentence; empty while the first is good."""

    def __init__(self, party: Party) -> None:
        self.notice = ""
        self._account_id = party.account.id
        first, following = party.account.client_secret, party.account.client_secret_next
        assert first is not None
        self._first = _way(party, first)
        self._next = None if following is None else _way(party, following)
        self._gave: dict[str, ConfidentialSignIn] = {}  # by resource: whose token was last given

    def acquire(self, resource: str) -> Token:
        try:
            token = self._first.acquire(resource)
        except SignInFailed as refused:
            if self._next is None or refused.aadsts not in REFUSED:
                raise
            return self._by_next(self._next, resource, refused)
        self._gave[resource] = self._first
        if self.notice:
            self.notice = ""
            _log.info("client_secret_used_again", account=self._account_id)
        return token

    def forget(self, resource: str) -> None:
        """The other way is left alone: it may have a secret that is not there yet."""
        if (gave := self._gave.get(resource)) is not None:
            gave.forget(resource)

    def _by_next(self, way: ConfidentialSignIn, resource: str, refused: SignInFailed) -> Token:
        try:
            token = way.acquire(resource)
        except SignInFailed as too:
            if too.aadsts is not None and too.aadsts not in REFUSED:
                raise
            told = f"{refused.reason}; client_secret_next is of no use either: {meaning(too.aadsts, too.reason)}"
            raise SignInFailed(told, aadsts=refused.aadsts, request_id=refused.request_id) from None
        self._gave[resource] = way
        if not self.notice:
            why = meaning(refused.aadsts, refused.reason)
            self.notice = (
                f"account {self._account_id} signs in by client_secret_next, since {why}; "
                "move that secret to client_secret, and make a new next one"
            )
            _log.warning("client_secret_next_used", account=self._account_id, reason=self.notice)
        return token


def _way(party: Party, secret: Secret) -> ConfidentialSignIn:
    """Each with a cache of its own: a token that one got says nothing of the other."""
    return ConfidentialSignIn(replace(party, cache=TokenCache(None, party.account.id)), secret.reveal)
