"""Signing in with a certificate, and every way in which its file can be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from sync_agent.microsoft365.certificate import certificate_credential
from sync_agent.microsoft365.errors import SignInFailed
from sync_agent.settings import AccountSettings
from tests.microsoft365.signing_in import CLIENT, TENANT, Entra, fresh_entra, opened, refusal, settings_for

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(number: int = 1) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def certificate_of(key: Key, begins: datetime = NOW - DAY, ends: datetime = NOW + DAY) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sync-agent")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begins, ends)
    return builder.sign(key, hashes.SHA256())


def pem_of(key: Key, password: str | None = None, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    encryption: KeySerializationEncryption = NoEncryption()
    if password is not None:
        encryption = BestAvailableEncryption(password.encode())
    return key.private_bytes(Encoding.PEM, form, encryption)


def text_of(*certificates: x509.Certificate) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def pfx_of(key: Any, certificate: x509.Certificate | None, password: bytes | None) -> bytes:
    encryption: KeySerializationEncryption = NoEncryption() if password is None else BestAvailableEncryption(password)
    return pkcs12.serialize_key_and_certificates(b"sync-agent", key, certificate, None, encryption)


def account(path: Path, password: str | None = None) -> dict[str, Any]:
    certificate = {"path": str(path), "password": password}
    plain = {"id": "contoso", "tenant_id": TENANT, "client_id": CLIENT, "auth": "certificate"}
    return {**plain, "certificate": certificate}


OURS = certificate_of(rsa_key())
ISSUER = certificate_of(rsa_key(2))
GOOD: dict[str, tuple[bytes, str | None]] = {
    "key, then certificate": (pem_of(rsa_key()) + text_of(OURS), None),
    "certificate, then key": (text_of(OURS) + pem_of(rsa_key()), None),
    "a chain, ours last": (text_of(ISSUER, OURS) + pem_of(rsa_key()), None),
    "an encrypted key": (text_of(OURS) + pem_of(rsa_key(), "p4ssw0rd"), "p4ssw0rd"),
    "an old encrypted key": (
        text_of(OURS) + pem_of(rsa_key(), "p4ssw0rd", PrivateFormat.TraditionalOpenSSL),
        "p4ssw0rd",
    ),
    "a password that is not needed": (text_of(OURS) + pem_of(rsa_key()), "p4ssw0rd"),
    "words around": (b"Bag Attributes\n" + pem_of(rsa_key()) + b"subject=CN = x\n" + text_of(OURS), None),
    "PFX with password": (pfx_of(rsa_key(), OURS, b"p4ssw0rd"), "p4ssw0rd"),
    "PFX without": (pfx_of(rsa_key(), OURS, None), None),
}


@pytest.fixture
def entra() -> Entra:
    running = fresh_entra()
    running.app.certificates = [OURS]
    return running


@pytest.mark.anyio
@pytest.mark.parametrize("name", GOOD)
async def test_signs_in(entra: Entra, tmp_path: Path, name: str) -> None:
    content, password = GOOD[name]
    path = tmp_path / "app.pem"
    path.write_bytes(content)
    async with opened(settings_for(tmp_path, entra, account(path, password)), entra) as service:
        token = await service.contoso.tokens(entra.url).token()
    assert entra.world.mint.check(entra.world, token, [entra.url]).by_certificate


@pytest.mark.anyio
async def test_a_certificate_that_entra_does_not_know(entra: Entra, tmp_path: Path) -> None:
    path = tmp_path / "app.pem"
    path.write_bytes(text_of(ISSUER) + pem_of(rsa_key(2)))
    async with opened(settings_for(tmp_path, entra, account(path)), entra) as service:
        failure = await refusal(service.contoso)
    assert failure.aadsts == 700027
    assert "upload this certificate" in failure.reason


@pytest.mark.anyio
async def test_a_clock_that_is_off(entra: Entra, tmp_path: Path) -> None:
    path = tmp_path / "app.pem"
    path.write_bytes(text_of(OURS) + pem_of(rsa_key()))
    entra.clock.now += 3_600
    async with opened(settings_for(tmp_path, entra, account(path)), entra) as service:
        failure = await refusal(service.contoso)
    assert failure.aadsts == 700024
    assert "set this machine's clock" in failure.reason


EC_KEY = ec.generate_private_key(ec.SECP256R1())
BAD: dict[str, tuple[bytes, str | None, str]] = {
    "no key": (text_of(OURS), None, "has no private key in it"),
    "no certificate": (pem_of(rsa_key()), None, "has no readable certificate in it"),
    "another's certificate": (pem_of(rsa_key()) + text_of(ISSUER), None, "does not belong to its private key"),
    "no password": (text_of(OURS) + pem_of(rsa_key(), "p4ssw0rd"), None, "has an encrypted key; give its password"),
    "wrong password": (text_of(OURS) + pem_of(rsa_key(), "p4ssw0rd"), "wr0ng", "password: is wrong"),
    "damaged key": (text_of(OURS) + pem_of(rsa_key()).replace(b"M", b"N", 3), None, "the key is damaged"),
    "PFX, wrong password": (pfx_of(rsa_key(), OURS, b"p4ssw0rd"), "wr0ng", "is missing or wrong"),
    "PFX, no password": (pfx_of(rsa_key(), OURS, b"p4ssw0rd"), None, "is missing or wrong"),
    "PFX without a key": (pfx_of(None, OURS, b"p4ssw0rd"), "p4ssw0rd", "lacks the private key"),
    "neither": (b"\x00\x01 not a certificate", None, "is neither a PEM nor a PFX file"),
    "empty": (b"", None, "is neither a PEM nor a PFX file"),
    "not RSA": (pem_of(EC_KEY) + text_of(certificate_of(EC_KEY)), None, "not RSA"),
    "expired": (
        pem_of(rsa_key()) + text_of(certificate_of(rsa_key(), NOW - 2 * DAY, NOW - DAY)),
        None,
        f"expired on {NOW - DAY:%Y-%m-%d}",
    ),
    "of the future": (
        pem_of(rsa_key()) + text_of(certificate_of(rsa_key(), NOW + DAY, NOW + 2 * DAY)),
        None,
        "is this machine's clock right?",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_each_fault_is_a_sentence(tmp_path: Path, name: str) -> None:
    content, password, reason = BAD[name]
    path = tmp_path / "app.pem"
    path.write_bytes(content)
    with pytest.raises(SignInFailed) as caught:
        certificate_credential(AccountSettings.model_validate(account(path, password)))
    told = caught.value.reason
    assert told.startswith(f"account contoso cannot sign in: accounts.contoso.certificate: {path} ")
    assert reason in told
    assert "\n" not in told
    assert "p4ssw0rd" not in told
    assert "wr0ng" not in told


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SignInFailed, match=r"gone\.pem cannot be read: No such file"):
        certificate_credential(AccountSettings.model_validate(account(tmp_path / "gone.pem")))
