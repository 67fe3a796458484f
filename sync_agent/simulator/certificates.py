"""Self-signed certificates, as an administrator makes them for an app registration."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)


class SelfSigned:
    """A key with its certificate, valid from ``begins`` to ``days`` days from now."""

    def __init__(self, name: str, days: int = 365, begins: int = -1) -> None:
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=begins))
            .not_valid_after(now + timedelta(days=days))
            .sign(self._key, hashes.SHA256())
        )

    def pem(self, password: str | None = None) -> bytes:
        """Key and certificate in one file."""
        key = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, _encryption(password))
        return key + self.certificate.public_bytes(Encoding.PEM)

    def pfx(self, password: str | None = None) -> bytes:
        return pkcs12.serialize_key_and_certificates(b"app", self._key, self.certificate, None, _encryption(password))


def _encryption(password: str | None) -> KeySerializationEncryption:
    return BestAvailableEncryption(password.encode()) if password else NoEncryption()
