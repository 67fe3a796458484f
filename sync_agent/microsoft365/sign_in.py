"""The ways to sign in, each a thin typed face on msal. Everything here blocks: call it from a worker thread.

msal's constructors ask the network (OIDC discovery), so the application is made at the first question and kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msal
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from sync_agent.microsoft365.entra_errors import number_in, number_of, sentence
from sync_agent.microsoft365.errors import SignInFailed, Unreachable
from sync_agent.microsoft365.msal_bridge import MsalHttp
from sync_agent.settings import AccountSettings, Endpoints, SecretUnavailable


@dataclass(frozen=True, slots=True)
class Token:
    """``expires_in``: seconds it is still good for."""

    value: str
    expires_in: float

    def __repr__(self) -> str:
        return f"Token(expires_in={self.expires_in})"


class SignIn(Protocol):
    def acquire(self, resource: str) -> Token | None:
        """A token for a resource; None when a person has to sign in first. Raises SignInFailed, Unreachable."""

    def forget(self, resource: str) -> None:
        """The token last given for a resource was refused: do not give it again."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who signs in where: what every way needs."""

    account: AccountSettings
    endpoints: Endpoints
    http: MsalHttp
    cache: msal.SerializableTokenCache

    @property
    def authority(self) -> str:
        return f"{self.endpoints.authority}/{self.account.tenant_id}"


class ConfidentialSignIn:
    """Client secret or certificate: the app itself."""

    def __init__(self, party: Party, credential: Callable[[], Any]) -> None:
        self._party = party
        self._credential = credential
        self._app: Any = None

    def acquire(self, resource: str) -> Token | None:
        if self._app is None:
            credential = guarded(self._party, self._credential)
            self._app = application(self._party, msal.ConfidentialClientApplication, credential)
        return token_of(self._party, lambda: self._app.acquire_token_for_client(scopes=[f"{resource}/.default"]))

    def forget(self, resource: str) -> None:
        if self._app is not None:
            self._app.remove_tokens_for_client()


class ManagedIdentitySignIn:
    """The identity of the Azure machine this runs on; ``client_id`` names a user-assigned one."""

    def __init__(self, party: Party) -> None:
        self._party = party
        client_id = party.account.client_id
        identity = msal.UserAssignedManagedIdentity(client_id=client_id) if client_id else msal.SystemAssignedManagedIdentity()
        self._client = msal.ManagedIdentityClient(identity, http_client=party.http)

    def acquire(self, resource: str) -> Token | None:
        return token_of(self._party, lambda: self._client.acquire_token_for_client(resource=resource))

    def forget(self, resource: str) -> None:
        """msal keeps no handle on these tokens; they are renewed by their own time."""


def certificate_credential(account: AccountSettings) -> dict[str, Any]:
    """What msal needs to sign an assertion, from PEM (key and certificate in one file) or PFX.

    Raises SignInFailed with what is wrong with the file.
    """
    assert account.certificate is not None
    path = account.certificate.path
    password = account.certificate.password.reveal() if account.certificate.password is not None else None
    data = _read(account.id, path)
    if b"-----BEGIN" not in data:
        _check_pfx(account.id, path, data, password)
        return {"private_key_pfx_path": str(path), "passphrase": password}
    return _pem_credential(account.id, path, data.decode("ascii", "replace"), password)


def _pem_credential(account_id: str, path: Path, text: str, password: str | None) -> dict[str, Any]:
    key = _block(text, "PRIVATE KEY")
    certificate = _block(text, "CERTIFICATE")
    if not key or not certificate:
        missing = "private key" if not key else "certificate"
        raise _unusable(account_id, path, f"there is no {missing} in it; a PEM file must hold both")
    try:
        x509.load_pem_x509_certificate(certificate.encode())
    except ValueError as error:
        raise _unusable(account_id, path, "its certificate cannot be read") from error
    credential = {"private_key": key, "public_certificate": certificate}
    return {**credential, "passphrase": password} if password else credential


def _block(text: str, label: str) -> str:
    """The first PEM block whose label ends so (RSA PRIVATE KEY, ENCRYPTED PRIVATE KEY too), armour included."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("-----BEGIN") and line.rstrip("-").endswith(label):
            lines = [line]
        elif lines:
            lines.append(line)
            if line.startswith("-----END"):
                return "\n".join(lines) + "\n"
    return ""


def _check_pfx(account_id: str, path: Path, data: bytes, password: str | None) -> None:
    try:
        key, certificate, _ = pkcs12.load_key_and_certificates(data, password.encode() if password else None)
    except ValueError as error:
        raise _unusable(account_id, path, "it is no PEM or PFX file, or its password is wrong") from error
    if key is None or certificate is None:
        raise _unusable(account_id, path, "it lacks the private key or the certificate")


def _read(account_id: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unusable(account_id, path, error.strerror or str(error)) from error


def _unusable(account_id: str, path: Path, why: str) -> SignInFailed:
    return SignInFailed(f"accounts.{account_id}.certificate: {path} cannot be used: {why}")


def application(party: Party, kind: Callable[..., Any], credential: Any = None) -> Any:
    """Make an msal application. Raises SignInFailed, Unreachable."""
    more = {} if credential is None else {"client_credential": credential}

    def make() -> Any:
        return kind(
            party.account.client_id,
            authority=party.authority,
            token_cache=party.cache,
            http_client=party.http,
            instance_discovery=party.endpoints.instance_discovery,
            **more,
        )

    return guarded(party, make)


def guarded(party: Party, ask: Callable[[], Any]) -> Any:
    """Ask msal, with its exceptions turned into ours."""
    try:
        return ask()
    except SecretUnavailable as error:
        raise SignInFailed(str(error)) from error
    except requests.RequestException as error:
        raise Unreachable(f"account {party.account.id} cannot sign in: {error}") from error
    except msal.exceptions.MsalServiceError as error:
        raise Unreachable(f"account {party.account.id} cannot sign in: Entra is failing at the moment") from error
    except ValueError as error:
        raise _discovery_failed(party, error) from error


def _discovery_failed(party: Party, error: ValueError) -> SignInFailed:
    """msal says ValueError for a tenant that Entra does not know as for a key it cannot read; the cause has the number."""
    told = f"{error} {error.__context__ or ''}"
    number = number_in(told)
    if number is None and "authority" in told:
        text = f"{party.authority} is no authority: check tenant_id, and authority: under clouds:"
        return SignInFailed(f"account {party.account.id} cannot sign in: {text}")
    if number is None and "key" in told.lower():
        return SignInFailed(f"account {party.account.id} cannot sign in: its private key cannot be used; check the password")
    return SignInFailed(sentence(party.account.id, number, str(error)), aadsts=number)


def token_of(party: Party, ask: Callable[[], dict[str, Any] | None]) -> Token | None:
    """msal's answer as a token; None where it has none without a person. Raises SignInFailed, Unreachable."""
    answer = guarded(party, ask)
    if answer is None:
        return None
    if "access_token" not in answer:
        raise failure(party.account.id, answer)
    return Token(answer["access_token"], float(answer.get("expires_in", 0)))


def failure(account_id: str, answer: dict[str, Any]) -> SignInFailed:
    number = number_of(answer)
    text = sentence(account_id, number, str(answer.get("error_description") or answer.get("error") or ""))
    return SignInFailed(text, aadsts=number, request_id=answer.get("correlation_id"))
