"""Values that only a key opens, so that settings.yaml can be committed: `enc:`, the key's mark, a Fernet token.

Fernet is AES with a checksum (cryptography: Fernet). The mark, the beginning of the key's digest, tells a wrong key
from a value that was damaged.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from cryptography.fernet import Fernet, InvalidToken

PREFIX = "enc:"
_SEALED = re.compile(r"enc:(?P<mark>[0-9a-f]{8}):(?P<token>[A-Za-z0-9_-]+={0,2})")
_KEY_FORM = "it is none that `sync-agent secret new-key` made"


class Unsealable(ValueError):
    """Why a value cannot be sealed or opened: a clause that shows nothing of it."""


def new_key() -> str:
    return Fernet.generate_key().decode()


def is_sealed(text: str) -> bool:
    """Whether a text has the form of a sealed value, whatever key it takes."""
    return _SEALED.fullmatch(text) is not None


def sealed(text: str, key: str) -> str:
    """Raises Unsealable where the key is none."""
    return f"{PREFIX}{_mark(key)}:{_fernet(key).encrypt(text.encode()).decode()}"


def opened(value: str, key: str) -> str:
    """Raises Unsealable: the key is another or none, or the value is damaged."""
    found = _SEALED.fullmatch(value)
    if found is None:
        raise Unsealable("the value is damaged: it is not what `sync-agent secret encrypt` printed")
    fernet, mark = _fernet(key), _mark(key)
    if found["mark"] != mark:
        raise Unsealable(f"the key is another: the value was encrypted with key {found['mark']}, this one is {mark}")
    try:
        return fernet.decrypt(found["token"]).decode()
    except InvalidToken:
        damaged = "the value is damaged: encrypt it again, and copy the whole line"
    raise Unsealable(damaged)


def misfit(key: str, values: Iterable[str]) -> str:
    """Why a key can open none of these sealed values; "" where it is the key of one of them, or there are none."""
    try:
        _fernet(key)
    except Unsealable as why:
        return str(why)
    found = [each["mark"] for each in map(_SEALED.fullmatch, values) if each is not None]
    if not found or _mark(key) in found:
        return ""
    return f"it is another: the secrets were encrypted with key {found[0]}, this one is {_mark(key)}"


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        pass  # not chained: the error may show the key
    raise Unsealable(f"the key cannot be used: {_KEY_FORM}")


def _mark(key: str) -> str:
    """Too short to lead back to the key, which is 256 bits of chance."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]
