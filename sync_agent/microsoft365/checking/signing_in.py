"""Signing each account in, by the very way that the service takes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cryptography import x509

from sync_agent.check.observed import KeyFile, SignInSeen
from sync_agent.microsoft365.accounts import Account
from sync_agent.microsoft365.certificate import CertificateUnusable, certificate_credential
from sync_agent.microsoft365.checking.hosts import host_of
from sync_agent.microsoft365.checking.trouble import trouble_of
from sync_agent.microsoft365.entra_errors import meaning, number_in
from sync_agent.microsoft365.entra_explanations import EXPLANATIONS
from sync_agent.microsoft365.errors import ServiceError, SignInFailed, SignInPending
from sync_agent.microsoft365.token_claims import claims_in
from sync_agent.settings import AccountSettings


async def see_sign_in(account: Account, configured: AccountSettings, resource: str) -> SignInSeen:
    """``resource``: the service that a token is asked for, by its origin."""
    seen = SignInSeen(account.id, configured.auth, host_of(account.endpoints.authority), configured.tenant_id)
    if configured.auth == "certificate":
        key_file = await asyncio.to_thread(see_key_file, configured)
        seen = replace(seen, key_file=key_file)
        if key_file.state != "usable":
            return seen
    try:
        token = await account.tokens(resource).token()
    except SignInFailed as failure:
        return _refused(seen, failure)
    except ServiceError as failure:
        outcome = "no_identity" if configured.auth == "managed_identity" else "unanswered"
        return replace(seen, outcome=outcome, why=_shortened(seen, trouble_of(failure).words))
    claims = claims_in(token)
    return replace(
        seen,
        outcome="signed_in",
        got_tenant=str(claims.get("tid") or ""),
        granted=granted_in(claims, seen.by_person),
        notice=account.notice.partition("; ")[0],  # what to do about it is the finding's remedy
    )


def _refused(seen: SignInSeen, failure: SignInFailed) -> SignInSeen:
    number = failure.aadsts or number_in(failure.reason)
    if isinstance(failure, SignInPending) and number is None:
        return replace(seen, outcome="nobody")
    known = EXPLANATIONS.get(number or 0)
    why = _shortened(seen, failure.told)
    if known is not None:
        todo = known.remedy.format(account=seen.account)
        return replace(seen, outcome="refused", number=number, means=meaning(number, ""), todo=todo, why=why)
    if number is None and seen.way == "managed_identity":
        return replace(seen, outcome="no_identity", why=why)
    return replace(seen, outcome="refused", number=number, why=why)


def _shortened(seen: SignInSeen, words: str) -> str:
    return words.removeprefix(f"account {seen.account} cannot sign in: ").rstrip(".")


def see_key_file(configured: AccountSettings) -> KeyFile:
    """Reading it blocks. Raises SecretUnavailable for its password."""
    assert configured.certificate is not None
    path = configured.certificate.path
    try:
        mode = path.stat().st_mode & 0o777
        credential = certificate_credential(configured)
    except OSError as error:
        return KeyFile(str(path), "unusable", f"cannot be read: {error.strerror}")
    except CertificateUnusable as failure:
        if failure.certificate is None:
            return KeyFile(str(path), "unusable", failure.why, mode=mode)
        begins, ends = failure.certificate.not_valid_before_utc, failure.certificate.not_valid_after_utc
        state = "expired" if "expired" in failure.why else "not_yet"
        return KeyFile(str(path), state, failure.why, ends, begins, mode)
    certificate = x509.load_pem_x509_certificate(credential["public_certificate"].encode())
    return KeyFile(str(path), ends=certificate.not_valid_after_utc, mode=mode)


def granted_in(claims: Mapping[str, Any], by_person: bool) -> frozenset[str] | None:
    """The permissions of an app (roles) or those that a person lent it (scp). An app without any has no roles at all;
    None for a token that cannot be read.
    """
    if not claims:
        return None
    if by_person:
        return frozenset(str(claims.get("scp") or "").split())
    roles = claims.get("roles") or ()
    return frozenset(map(str, roles)) if isinstance(roles, list | tuple) else None
