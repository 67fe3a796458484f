"""Entra's error numbers in an operator's words (learn.microsoft.com: Microsoft Entra error codes, AADSTS)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LOGIN = "run `sync-agent login {account}`"


@dataclass(frozen=True, slots=True)
class Explanation:
    """``means`` completes "Entra says that …"; ``remedy`` is what the operator does."""

    means: str
    remedy: str


def _table(*lines: tuple[tuple[int, ...], str, str]) -> dict[int, Explanation]:
    return {number: Explanation(means, remedy) for numbers, means, remedy in lines for number in numbers}


EXPLANATIONS: Mapping[int, Explanation] = _table(
    ((7000215,), "the client secret is wrong", "paste the secret's value, not its id"),
    ((7000222,), "the client secret has expired", "make a new secret in the app registration"),
    ((700016,), "the app is unknown in this tenant", "check client_id and tenant_id, and that consent was granted there"),
    ((90002,), "there is no such tenant", "check tenant_id"),
    ((900023,), "the tenant id is malformed", "check tenant_id"),
    (
        (7000218,),
        "a secret or certificate is required",
        "for device_code, set “Allow public client flows” to Yes in the app registration",
    ),
    (
        (700027,),
        "the certificate is not registered for the app, or its signature is wrong",
        "upload this certificate to the app registration, and compare the thumbprints",
    ),
    ((700024,), "the certificate's assertion is outside its time", "set this machine's clock"),
    ((65001,), "nobody consented to the permissions", "grant admin consent to the app registration"),
    (
        (650057, 70011, 500011),
        "the app may not ask for this service",
        "add its permission to the app registration, grant admin consent, and check the host in site_url",
    ),
    (
        (50076, 50079, 50158),
        "the sign-in needs another factor",
        f"{_LOGIN} and satisfy it, or exclude the service account",
    ),
    (
        (53000, 53001, 53002, 53003),
        "conditional access forbids the sign-in",
        "ask for an exception for the app, or use a certificate instead of a person",
    ),
    ((50020,), "this person belongs to another tenant", f"{_LOGIN} with a user of the account's own tenant"),
    ((50034,), "there is no such user in the tenant", "sign in with a user of the account's own tenant"),
    ((50126,), "the user name or password is wrong", "sign in again"),
    ((50057,), "the signed-in user is disabled", "enable the user, or sign in with another"),
    ((50055,), "the signed-in user's password has expired", "renew it and sign in again"),
    (
        (50173, 700082, 70008, 70043, 50078),
        "the sign-in is no longer good (revoked, unused for too long, or to be repeated)",
        _LOGIN,
    ),
    ((70016,), "the device code was not entered yet", "enter it at the address given"),
    ((70019, 70020), "the device code has lapsed", "use the next one"),
    ((50196,), "the same token was asked for over and over", "please report this: it is a fault of sync-agent"),
    ((90033,), "Entra has a passing fault", "nothing: it is tried again"),
    ((7000112,), "the app is disabled in this tenant", "enable it under Enterprise applications"),
)


def number_of(answer: Mapping[str, Any]) -> int | None:
    """The AADSTS number of an error answer."""
    codes = answer.get("error_codes")
    if isinstance(codes, list) and codes:
        return int(codes[0])
    return number_in(str(answer.get("error_description", "")))


def number_in(text: str) -> int | None:
    found = re.search(r"AADSTS(\d+)", text)
    return int(found[1]) if found else None


def sentence(account: str, number: int | None, description: str) -> str:
    """One sentence: the account, what Entra says, the number, what to do."""
    known = EXPLANATIONS.get(number or 0)
    if known is not None:
        remedy = known.remedy.format(account=account)
        return f"account {account} cannot sign in: {known.means} (AADSTS{number}); {remedy}"
    said = re.split(r"[\r\n]|Trace ID:", description)[0].strip().rstrip(".") or "Entra gave no explanation"
    return f"account {account} cannot sign in: {said[:300]}"
