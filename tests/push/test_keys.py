"""Opening what was sealed for us: by openssl, by the embedded Graph, and by nobody who meant it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.microsoft365.notification_keys import KeyPair, KeyRing, made, opened
from sync_agent.microsoft365.notifications import NotTrusted, SealedContent
from sync_agent.simulator.notifying import seal

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@cache
def pair() -> KeyPair:
    return made(NOW)


def certificate(of: KeyPair) -> x509.Certificate:
    return x509.load_der_x509_certificate(base64.b64decode(of.certificate))


def sealed(content: bytes, by: KeyPair | None = None) -> SealedContent:
    """As Graph does it."""
    key = by or pair()
    parts = {**seal(content, certificate(key)), "encryptionCertificateId": key.id}
    return msgspec.convert(parts, SealedContent)


def test_what_openssl_sealed_is_opened() -> None:
    vector = json.loads((Path(__file__).parent / "sealed_by_openssl.json").read_text())
    key = load_pem_private_key(vector["private key"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    content = msgspec.convert(vector["sealed"], SealedContent)
    assert opened(content, key).decode() == vector["content"]


@given(st.binary(max_size=600))
def test_whatever_was_sealed_is_opened_as_it_was(content: bytes) -> None:
    assert opened(sealed(content), pair().private) == content


@given(st.sampled_from(["data", "data_signature", "data_key"]), st.integers(0), st.integers(1, 255))
def test_one_byte_changed_anywhere_is_noticed(part: str, place: int, by: int) -> None:
    content = sealed(b'{"id": "jane"}')
    raw = bytearray(base64.b64decode(getattr(content, part)))
    raw[place % len(raw)] ^= by
    setattr(content, part, base64.b64encode(raw).decode())
    with pytest.raises(NotTrusted, match="not as it was sealed"):
        opened(content, pair().private)


@pytest.mark.parametrize("part", ["data", "data_signature", "data_key"])
@pytest.mark.parametrize("text", ["", "no base64!", "AAAA", "é"])
def test_what_is_no_sealed_content_is_refused_for_the_same_reason(part: str, text: str) -> None:
    content = sealed(b"{}")
    setattr(content, part, text)
    with pytest.raises(NotTrusted, match="not as it was sealed"):
        opened(content, pair().private)


def test_keys_change_every_day_and_those_of_old_open_for_two_hours_more() -> None:
    ring = KeyRing()
    first = ring.current(NOW)
    assert ring.current(NOW + timedelta(hours=23)) is first
    content = sealed(b"{}", first)
    second = ring.current(NOW + timedelta(hours=24))
    assert second.id != first.id
    assert ring.current(NOW + timedelta(hours=25)) is second
    assert ring.opened(content) == b"{}"
    assert ring.current(NOW + timedelta(hours=27)) is second
    with pytest.raises(NotTrusted, match="another key"):
        ring.opened(content)


def test_a_certificate_holds_no_private_key_and_nothing_shows_one() -> None:
    assert b"PRIVATE" not in base64.b64decode(pair().certificate)
    assert "private" not in repr(pair())
    assert "RSAPrivateKey" not in repr(pair())
    key = certificate(pair()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2_048
