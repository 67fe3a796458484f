"""The ways in which an app signs in by itself, each a thin typed face on msal. All of it blocks: for worker threads."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import msal
import requests

from sync_agent.microsoft365.entra_errors import number_in, number_of, sentence
from sync_agent.microsoft365.entra_explanations import EXPLANATIONS
from sync_agent.microsoft365.errors import ServiceError, SignInFailed, Unreachable
from sync_agent.microsoft365.msal_bridge import MsalHttp
from sync_agent.microsoft365.token_cache import DISK_TROUBLE, TokenCache
from sync_agent.settings import AccountSettings, Endpoints, SecretUnavailable

# Of an answer that is no JSON, a token cut in half perhaps, msal logs the whole text. What is wrong reaches us anyway.
logging.getLogger("msal.oauth2cli").setLevel(logging.CRITICAL)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Token:
    """``lasts``: seconds it is good for. ``fresh_for``: seconds until Entra wants it renewed, None if unsaid."""

    value: str = field(repr=False)
    lasts: float
    fresh_for: float | None = None


@dataclass(frozen=True, slots=True)
class PersonNeeded:
    """No token without a person signing in. ``why``: what ended the sign-in there was, empty if there was none.

    ``claims``: what Entra wants proven (MFA, say), to be handed on to the next sign-in.
    """

    resource: str
    why: str = ""
    claims: str | None = None


class SignIn(Protocol):
    def acquire(self, resource: str) -> Token | PersonNeeded:
        """A token for a resource, named by its origin. Raises SignInFailed, Unreachable."""

    def forget(self, resource: str) -> None:
        """The token last given for a resource was refused: do not give it again."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who signs in where: what every way needs."""

    account: AccountSettings
    endpoints: Endpoints
    http: MsalHttp
    cache: TokenCache

    @property
    def authority(self) -> str:
        return f"{self.endpoints.authority}/{self.account.tenant_id}"


class MsalClient:
    """An msal application, made at the first question, since that asks the network (OIDC discovery), and then kept."""

    def __init__(self, party: Party, make: Callable[[Any], Any]) -> None:
        self._party = party
        self._make = make
        self._made: Any = None

    def ask(self, question: Callable[[Any], T]) -> T:
        """Put a question to it, with its exceptions turned into ours. Raises SignInFailed, Unreachable.

        After a refusal it is made anew at the next question, and so reads a secret or certificate that was mended.
        """
        try:
            return self._guarded(question)
        except SignInFailed:
            self._made = None
            raise
        except SecretUnavailable as gone:  # a file that is being replaced, say: it may be back in a minute
            self._made = None
            raise SignInFailed(str(gone)) from None
        except DISK_TROUBLE as error:
            self._party.cache.leave_disk(error)
            self._made = None
            return self._guarded(question)

    def _guarded(self, question: Callable[[Any], T]) -> T:
        cache = self._party.cache.opened
        try:
            if self._made is None:
                self._made = self._make(cache)
            return question(self._made)
        except (requests.RequestException, msal.exceptions.MsalServiceError) as error:
            raise Unreachable(f"account {self._party.account.id} cannot sign in: {_in_words(error)}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _not_entras(self._party, error) from error


class ConfidentialSignIn:
    """By a client secret, a certificate or the platform's token: the app itself."""

    def __init__(self, party: Party, credential: Callable[[], Any]) -> None:
        self._account_id = party.account.id
        kind = msal.ConfidentialClientApplication
        self._msal = MsalClient(party, lambda cache: application(kind, party, cache, client_credential=credential()))

    def acquire(self, resource: str) -> Token:
        scopes = [f"{resource}/.default"]
        return self._msal.ask(lambda app: token_in(self._account_id, app.acquire_token_for_client(scopes=scopes)))

    def forget(self, resource: str) -> None:
        self._msal.ask(lambda app: app.remove_tokens_for_client())


def application(kind: Callable[..., Any], party: Party, cache: Any, **more: Any) -> Any:
    return kind(
        party.account.client_id,
        authority=party.authority,
        token_cache=cache,
        http_client=party.http,
        instance_discovery=party.endpoints.instance_discovery,
        **more,
    )


def token_in(account_id: str, answer: Mapping[str, Any]) -> Token:
    """Raises SignInFailed, or Unreachable for what passes by itself."""
    if "access_token" not in answer:
        raise failure(account_id, answer)
    renewal = answer.get("refresh_on")
    return Token(
        value=answer["access_token"],
        lasts=float(answer.get("expires_in") or 0),
        fresh_for=None if renewal is None else float(renewal) - time.time(),
    )


def failure(account_id: str, answer: Mapping[str, Any]) -> ServiceError:
    number = number_of(answer)
    text = sentence(account_id, number, str(answer.get("error_description") or answer.get("error") or ""))
    request_id = answer.get("correlation_id")
    known = EXPLANATIONS.get(number or 0)
    if known is not None and known.passing:
        return Unreachable(text, request_id=request_id)
    return SignInFailed(text, aadsts=number, request_id=request_id)


def _in_words(error: Exception) -> str:
    return str(error) if isinstance(error, requests.RequestException) else "Entra is failing at the moment"


def _not_entras(party: Party, error: Exception) -> ServiceError:
    """msal says ValueError for an unknown tenant as for a page of a proxy; the text and the cause tell them apart."""
    number = number_in(f"{error} {error.__context__ or ''}")
    if number is not None:
        return SignInFailed(sentence(party.account.id, number, f"AADSTS{number}"), aadsts=number)
    beginning = f"account {party.account.id} cannot sign in:"
    if isinstance(error, msal.ManagedIdentityError):
        return SignInFailed(f"{beginning} this machine gives no managed identity ({error})")
    if _NO_AUTHORITY.search(str(error)) and not isinstance(error.__context__, json.JSONDecodeError):
        return SignInFailed(
            f"{beginning} {party.authority} is no authority; check tenant_id, and authority: under clouds:"
        )
    where = party.endpoints.authority
    return Unreachable(
        f"{beginning} what {where} answered is not Entra's; is there a proxy or a sign-in page in between?"
    )


_NO_AUTHORITY = re.compile("authority configuration|should consist of")
