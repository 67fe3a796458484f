"""The keys that Graph seals for us with, and opening what it sealed. They live in memory alone and change every day.

A content is sealed by a key of its own (AES-256, CBC, PKCS #7, the key's first 16 bytes as its initialization vector),
signed with that (HMAC-SHA256 of what was sealed), and the key is sealed for our certificate (RSA, OAEP with SHA-1).
Source: learn.microsoft.com, change notifications with resource data.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding

from sync_agent.microsoft365.notifications import NotTrusted, SealedContent

_GOOD_FOR = timedelta(days=1)
_KEPT = timedelta(hours=2)
"""After another took its place: Graph may still send what it sealed with it."""
_AES_KEY, _AES_BLOCK = 32, 16
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 -- Microsoft's choice


@dataclass(frozen=True, slots=True)
class KeyPair:
    """``id`` is our name for it; ``certificate``: DER in Base64, the public half, as a subscription takes it."""

    id: str
    certificate: str
    made_at: datetime
    private: rsa.RSAPrivateKey = field(repr=False)


@dataclass(slots=True)
class KeyRing:
    """Any thread may use it."""

    _keys: dict[str, KeyPair] = field(default_factory=dict)
    """In the order in which they were made."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def current(self, now: datetime) -> KeyPair:
        """The one for new subscriptions and renewals. Takes a tenth of a second where it must be made."""
        with self._lock:
            newest = next(reversed(self._keys.values()), None)
            if newest is None or now - newest.made_at >= _GOOD_FOR:
                newest = made(now)
                self._keys[newest.id] = newest
            elif now - newest.made_at >= _KEPT:
                self._keys = {newest.id: newest}
            return newest

    def opened(self, content: SealedContent) -> bytes:
        """Raises NotTrusted."""
        pair = self._keys.get(content.encryption_certificate_id)
        if pair is None:
            raise NotTrusted("it is sealed for another key")
        return opened(content, pair.private)


def made(now: datetime) -> KeyPair:
    private = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sync-agent")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=7))
        .sign(private, hashes.SHA256())
    )
    return KeyPair(str(uuid.uuid4()), base64.b64encode(certificate.public_bytes(Encoding.DER)).decode(), now, private)


def opened(content: SealedContent, private: rsa.RSAPrivateKey) -> bytes:
    """The content, once its signature was found right. Raises NotTrusted, for the same reason whatever is wrong."""
    try:
        key = private.decrypt(_bytes(content.data_key), _OAEP)
        data, signature = _bytes(content.data), _bytes(content.data_signature)
    except (ValueError, binascii.Error):
        raise NotTrusted(_TAMPERED) from None
    if len(key) != _AES_KEY or not hmac.compare_digest(hmac.digest(key, data, hashlib.sha256), signature):
        raise NotTrusted(_TAMPERED)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:_AES_BLOCK])).decryptor()
    unpadder = PKCS7(8 * _AES_BLOCK).unpadder()
    try:
        padded = decryptor.update(data) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise NotTrusted(_TAMPERED) from None


_TAMPERED = "its content is not as it was sealed"


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
