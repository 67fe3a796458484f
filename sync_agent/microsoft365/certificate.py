"""The certificate of an account, read from PEM or PFX and checked before Entra sees anything of it.

What msal gets is the same for both: the key and the certificate as PEM text, from which it signs its assertion (PS256,
with the certificate's SHA-256 thumbprint).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from sync_agent.microsoft365.errors import SignInFailed
from sync_agent.settings import AccountSettings

_KEY_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)


class _Unusable(Exception):
    """Completes "accounts.ID.certificate: FILE …"."""


class CertificateUnusable(SignInFailed):
    """``why`` completes "FILE …". ``certificate``: what is in the file, where it is only outside its time."""

    def __init__(self, reason: str, why: str, certificate: x509.Certificate | None) -> None:
        super().__init__(reason)
        self.why = why
        self.certificate = certificate


def certificate_credential(account: AccountSettings) -> dict[str, str]:
    """What msal's ``client_credential`` wants. Raises CertificateUnusable with what is wrong with the file."""
    key, certificate = _pair(account, datetime.now(UTC))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {"private_key": private.decode(), "public_certificate": certificate.public_bytes(Encoding.PEM).decode()}


def certificate_end(account: AccountSettings) -> datetime:
    """When the certificate ends or ended, in UTC. Raises CertificateUnusable where the file is none."""
    return _pair(account, None)[1].not_valid_after_utc


def _pair(account: AccountSettings, now: datetime | None) -> tuple[RSAPrivateKey, x509.Certificate]:
    """``now``: the time at which it must be valid."""
    assert account.certificate is not None
    path = account.certificate.path
    secret = account.certificate.password
    password = None if secret is None else secret.reveal().encode()
    certificate: x509.Certificate | None = None
    try:
        key, certificates = _key_and_certificates(_read(path), password)
        certificate = _of_key(key, certificates)
        if now is not None:
            _check_time(certificate, now)
    except _Unusable as why:
        setting = f"accounts.{account.id}.certificate"
        reason = f"account {account.id} cannot sign in: {setting}: {path} {why}"
        raise CertificateUnusable(reason, str(why), certificate) from why.__cause__
    return key, certificate


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _Unusable(f"cannot be read: {error.strerror or error}") from error


def _key_and_certificates(data: bytes, password: bytes | None) -> tuple[RSAPrivateKey, Sequence[x509.Certificate]]:
    key, certificates = (_from_pem if b"-----BEGIN" in data else _from_pfx)(data, password)
    if not isinstance(key, RSAPrivateKey):
        raise _Unusable(
            "has a key that is not RSA, the only kind Entra takes; make the certificate anew with an RSA key"
        )
    return key, certificates


def _from_pem(data: bytes, password: bytes | None) -> tuple[object, Sequence[x509.Certificate]]:
    block = _KEY_BLOCK.search(data)
    if block is None:
        raise _Unusable("has no private key in it; a PEM file must hold the key and the certificate")
    try:
        certificates = x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise _Unusable(
            "has no readable certificate in it; a PEM file must hold the key and the certificate"
        ) from error
    encrypted = b"ENCRYPTED" in block[0]
    if encrypted and password is None:
        raise _Unusable("has an encrypted key; give its password as password: beside path:")
    try:
        return load_pem_private_key(block[0], password if encrypted else None), certificates
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        why = "its password: is wrong, or the key is damaged" if encrypted else "the key is damaged"
        raise _Unusable(f"has a private key that cannot be read; {why}") from error


def _from_pfx(data: bytes, password: bytes | None) -> tuple[object, Sequence[x509.Certificate]]:
    # Without a password a PFX may have been made with none at all or with an empty one: two different things.
    for tried in (password,) if password else (None, b""):
        try:
            key, certificate, others = pkcs12.load_key_and_certificates(data, tried)
        except (ValueError, UnsupportedAlgorithm) as error:
            failure = error
            continue
        if key is None or certificate is None:
            raise _Unusable("lacks the private key or the certificate; export it again with the private key")
        return key, [certificate, *others]
    if "password" in str(failure).lower():
        raise _Unusable("cannot be opened: password: beside path: is missing or wrong") from failure
    raise _Unusable("is neither a PEM nor a PFX file") from failure


def _of_key(key: RSAPrivateKey, certificates: Sequence[x509.Certificate]) -> x509.Certificate:
    """A file may hold the whole chain, in any order."""
    public = key.public_key()
    for certificate in certificates:
        if certificate.public_key() == public:
            return certificate
    raise _Unusable("has a certificate that does not belong to its private key; put the two of one pair into it")


def _check_time(certificate: x509.Certificate, now: datetime) -> None:
    if now > certificate.not_valid_after_utc:
        ended = certificate.not_valid_after_utc
        raise _Unusable(f"expired on {ended:%Y-%m-%d}; make a new certificate and upload it to the app registration")
    if now < certificate.not_valid_before_utc:
        begins = certificate.not_valid_before_utc
        raise _Unusable(f"is valid only from {begins:%Y-%m-%d %H:%M} UTC; is this machine's clock right?")
