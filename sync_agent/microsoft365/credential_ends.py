"""When what an account signs in with ends: a certificate by its own file, a secret by the app registration or settings.

The registration is read only where the token shows that the app may (Application.Read.All, which is optional). A secret
is told from others by its first three characters (passwordCredential: hint).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from sync_agent.expiry import CredentialEnd
from sync_agent.microsoft365.accounts import Account
from sync_agent.microsoft365.certificate import certificate_end
from sync_agent.microsoft365.errors import ServiceError, SignInFailed
from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.token_claims import permissions_in
from sync_agent.settings import AccountSettings, Secret, SecretUnavailable

READERS = frozenset(
    {"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
)
"""Any of these lets an app read its own registration (learn.microsoft.com: application: get)."""
_REGISTRATION = "the app registration"


class _Password(msgspec.Struct):
    end: datetime | None = msgspec.field(default=None, name="endDateTime")
    hint: str | None = None


class _Registration(msgspec.Struct):
    passwords: list[_Password] = msgspec.field(default_factory=list, name="passwordCredentials")


async def credential_ends(account: Account, graph: Graph) -> tuple[CredentialEnd, ...]:
    """``graph``: a session of the account's. What cannot be found out now is left out. Does not raise ServiceError."""
    match account.settings.auth:
        case "certificate":
            return _of_certificate(account.settings)
        case "client_secret":
            return await _of_secrets(account.settings, graph)
        case _:
            return ()


def _of_certificate(account: AccountSettings) -> tuple[CredentialEnd, ...]:
    try:
        ends = certificate_end(account)
    except (SignInFailed, SecretUnavailable):
        return ()  # told by the sign-in, which needs the same file
    return (CredentialEnd(account.id, "certificate", ends, "its file"),)


async def _of_secrets(account: AccountSettings, graph: Graph) -> tuple[CredentialEnd, ...]:
    try:
        known = await _registered(account, graph)
    except ServiceError:
        known = []  # asked again at the next look
    ends = [_by_registration(account, setting, secret, known) for setting, secret in _secrets(account)]
    found = [end for end in ends if end is not None]
    if account.client_secret_expires is not None and all(end.setting != "client_secret" for end in found):
        found.append(CredentialEnd(account.id, "client_secret", account.client_secret_expires, "client_secret_expires"))
    return tuple(found)


def _secrets(account: AccountSettings) -> list[tuple[str, Secret]]:
    named = [("client_secret", account.client_secret), ("client_secret_next", account.client_secret_next)]
    return [(setting, secret) for setting, secret in named if secret is not None]


async def _registered(account: AccountSettings, graph: Graph) -> Sequence[_Password]:
    if permissions_in(await graph.tokens.token()).isdisjoint(READERS):
        return []
    select = "$select=passwordCredentials"
    found = await graph.get(f"/applications(appId='{account.client_id}')?{select}", _Registration)
    return [password for password in found.passwords if password.end is not None]


def _by_registration(
    account: AccountSettings, setting: str, secret: Secret, known: Sequence[_Password]
) -> CredentialEnd | None:
    """Of several that begin alike, the first to end: a warning too early is better than none. Where no hints are told,
    the last: until then one of them is good.
    """
    try:
        hint = secret.reveal()[:3]
    except SecretUnavailable:
        return None
    ours = [_utc(password.end) for password in known if password.hint == hint and password.end is not None]
    unnamed = [_utc(password.end) for password in known if not password.hint and password.end is not None]
    ends = min(ours) if ours else max(unnamed, default=None)
    return None if ends is None else CredentialEnd(account.id, setting, ends, _REGISTRATION)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
