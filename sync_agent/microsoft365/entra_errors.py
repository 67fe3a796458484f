"""Entra's error numbers in an operator's words (learn.microsoft.com: Microsoft Entra error codes, AADSTS)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LOGIN = "run `sync-agent login {account}`"
_MICROSOFTS_PAGE = "https://login.microsoftonline.com/error?code={number}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """``means`` is a clause of its own; ``remedy`` is what the operator does, {account} being the account's id."""

    means: str
    remedy: str
    by_person: bool = False
    """Whether a person who signs in again puts it right; a device-code account then offers a code by itself."""
    passing: bool = False
    """Whether it goes away without anybody doing anything."""


def _table(*lines: tuple[tuple[int, ...], Explanation]) -> dict[int, Explanation]:
    return {number: explanation for numbers, explanation in lines for number in numbers}


EXPLANATIONS: Mapping[int, Explanation] = _table(
    ((7000215,), Explanation("the client secret is wrong", "paste the secret's value, not its id")),
    ((7000222,), Explanation("the client secret has expired", "make a new secret in the app registration")),
    (
        (700016, 7000229),
        Explanation(
            "the app is unknown in this tenant", "check client_id and tenant_id, and that consent was granted there"
        ),
    ),
    ((90002,), Explanation("there is no such tenant", "check tenant_id")),
    ((900023,), Explanation("the tenant id is malformed", "check tenant_id")),
    (
        (7000218,),
        Explanation(
            "a client secret or certificate is required",
            "for auth: device_code, set “Allow public client flows” to Yes in the app registration",
        ),
    ),
    (
        (700027,),
        Explanation(
            "the certificate is not registered for the app, or its signature is wrong",
            "upload this certificate to the app registration, and compare the thumbprints",
        ),
    ),
    (
        (700024,),
        Explanation(
            "the assertion of the certificate, or the platform's token, is outside its time",
            "set this machine's clock; the platform must renew token_file before it ends",
        ),
    ),
    (
        (70021, 700211),
        Explanation(
            "no federated credential of the app has the issuer of the platform's token",
            "give the federated credential exactly that issuer, to the last slash",
        ),
    ),
    (
        (700212,),
        Explanation(
            "no federated credential of the app has the audience of the platform's token",
            "have the platform make its token for the audience api://AzureADTokenExchange, as the credential says",
        ),
    ),
    (
        (700213,),
        Explanation(
            "no federated credential of the app has the subject of the platform's token",
            "give the credential that subject: in Kubernetes system:serviceaccount:NAMESPACE:NAME, case included",
        ),
    ),
    (
        (70025,),
        Explanation(
            "the app has no federated credential",
            "add a federated credential to the app registration, under Certificates & secrets",
        ),
    ),
    (
        (50027,),
        Explanation(
            "the platform's token is malformed, or not signed by its issuer",
            "let Entra reach the public keys of the cluster's issuer, and check that token_file is the platform's",
        ),
    ),
    (
        (65001, 90094),
        Explanation("nobody consented to the permissions", "grant admin consent to the app registration"),
    ),
    (
        (65004,),
        Explanation("the person declined the consent", "grant admin consent to the app registration", by_person=True),
    ),
    (
        (650057, 70011),
        Explanation(
            "the app registration does not list this service",
            "add its permission to the app registration and grant admin consent",
        ),
    ),
    (
        (500011,),
        Explanation(
            "the tenant does not know the service that a token is wanted for",
            "check the host in site_url: it must be of this account's tenant",
        ),
    ),
    (
        (50076, 50079, 50158, 50072, 50074),
        Explanation(
            "the sign-in needs another factor (MFA or an outside challenge)",
            f"{_LOGIN} and satisfy it, or exclude the service account from the policy",
            by_person=True,
        ),
    ),
    (
        (53000, 53001, 53002, 53003),
        Explanation(
            "conditional access forbids the sign-in",
            "ask for an exception for the app, or let the app sign in by itself (auth: certificate)",
        ),
    ),
    (
        (50020,),
        Explanation(
            "this person belongs to another tenant",
            f"{_LOGIN} with a user of the account's own tenant",
            by_person=True,
        ),
    ),
    (
        (50105,),
        Explanation(
            "this person is not assigned to the app", "assign the person under Enterprise applications", by_person=True
        ),
    ),
    (
        (50034,),
        Explanation(
            "the signed-in user is unknown in the tenant",
            f"mend the service account, or {_LOGIN} with another user of the tenant",
            by_person=True,
        ),
    ),
    ((50126,), Explanation("the user name or password is wrong", f"{_LOGIN} with the right one", by_person=True)),
    (
        (50057,),
        Explanation(
            "the signed-in user is disabled",
            f"enable the service account, or {_LOGIN} with another user",
            by_person=True,
        ),
    ),
    (
        (50053,),
        Explanation("the signed-in user is locked", f"unlock the service account, then {_LOGIN}", by_person=True),
    ),
    (
        (50055,),
        Explanation("the signed-in user's password has expired", f"renew the password, then {_LOGIN}", by_person=True),
    ),
    (
        (50173, 50132, 50133),
        Explanation("the sign-in was revoked, as a change of password does", _LOGIN, by_person=True),
    ),
    ((700082,), Explanation("the sign-in was not used for 90 days and has ended", _LOGIN, by_person=True)),
    ((70008,), Explanation("the sign-in has expired", _LOGIN, by_person=True)),
    ((70043,), Explanation("the tenant wants people to sign in again from time to time", _LOGIN, by_person=True)),
    ((50078,), Explanation("the tenant wants the other factor (MFA) again", _LOGIN, by_person=True)),
    ((70016,), Explanation("the device code was not entered yet", "enter it at the address given", by_person=True)),
    ((70018, 70019, 70020), Explanation("the device code has lapsed", "use the next one", by_person=True)),
    (
        (50196,),
        Explanation("the same token was asked for over and over", "please report this: it is a fault of sync-agent"),
    ),
    ((90033,), Explanation("Entra has a passing fault", "nothing to do: it is tried again", passing=True)),
    ((7000112,), Explanation("the app is disabled in this tenant", "enable it under Enterprise applications")),
)


def number_of(answer: Mapping[str, Any]) -> int | None:
    """The AADSTS number of an error answer. Its text comes first: error_codes may list a cause before what matters."""
    codes = answer.get("error_codes")
    number = number_in(str(answer.get("error_description") or ""))
    if number is None and isinstance(codes, list) and codes and str(codes[0]).isdigit():
        return int(codes[0])
    return number


def number_in(text: str) -> int | None:
    found = re.search(r"AADSTS(\d{4,8})", text)
    return int(found[1]) if found else None


def meaning(number: int | None, description: str) -> str:
    """What Entra said, in plain words with its number."""
    known = EXPLANATIONS.get(number or 0)
    if known is not None:
        return f"{known.means} (AADSTS{number})"
    return re.split(r"[\r\n]|Trace ID:", description)[0].strip().rstrip(".")[:300] or "Entra gave no explanation"


def sentence(account: str, number: int | None, description: str) -> str:
    """One sentence: the account, what Entra says, the number, what to do."""
    known = EXPLANATIONS.get(number or 0)
    told = f"account {account} cannot sign in: {meaning(number, description)}"
    if known is not None:
        return f"{told}; {known.remedy.format(account=account)}"
    return told if number is None else f"{told}; see {_MICROSOFTS_PAGE.format(number=number)}"
