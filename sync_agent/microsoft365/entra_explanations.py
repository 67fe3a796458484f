"""Entra's error numbers, each with what it means and what the operator does.

Numbers by learn.microsoft.com: Microsoft Entra authentication and authorization error codes (AADSTS).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_LOGIN = "run `sync-agent login {account}`"


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
    (
        (90002,),
        Explanation("there is no such tenant", "check tenant_id: it and client_id may be swapped, and cloud: be wrong"),
    ),
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
        (53000, 53001, 53002, 53003, 530032),
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
    (
        (50001, 500014),
        Explanation(
            "the service that a token is wanted for is unknown or disabled in the tenant",
            "check the host in site_url and cloud:, and that the service is enabled under Enterprise applications",
        ),
    ),
    (
        (650052,),
        Explanation(
            "the tenant has not subscribed to the service, or not enabled it",
            "check the tenant's licences, and that the service is enabled under Enterprise applications",
        ),
    ),
    (
        (650053, 650056),
        Explanation(
            "the app registration asks for a permission that does not exist, or is misconfigured",
            "compare its API permissions with those of the documentation and grant admin consent anew",
        ),
    ),
    (
        (90095, 90099),
        Explanation(
            "an administrator has not consented to the app in this tenant",
            "grant admin consent to the app registration",
        ),
    ),
    (
        (7000216,),
        Explanation(
            "a client secret or certificate is required, and none was sent",
            "check auth: and its secret or certificate in the settings",
        ),
    ),
    (
        (700025,),
        Explanation(
            "the app is registered as a public client, which takes no secret or certificate",
            "sign in by auth: device_code, or register the app as a confidential client",
        ),
    ),
    (
        (50013, 500133, 700023, 700030),
        Explanation(
            "the assertion that the certificate or the platform signed is not taken",
            "check this machine's clock, tenant_id, and that the certificate or token_file belongs to this app",
        ),
    ),
    (
        (70001, 700019),
        Explanation(
            "the app is not authorized in this tenant",
            "check client_id and tenant_id, and that the app is enabled under Enterprise applications",
        ),
    ),
    (
        (500021, 500022),
        Explanation(
            "the network lets nobody sign in to this tenant (tenant restrictions)",
            "ask whoever keeps the proxy to allow the tenant",
        ),
    ),
    (
        (900382, 900432, 900439),
        Explanation("the app or the tenant lives in another of Microsoft's clouds", "set cloud: of the account"),
    ),
    ((50059, 90019), Explanation("the request names no tenant", "check tenant_id")),
    (
        (1002016,),
        Explanation("this machine speaks an outdated version of TLS", "let Python and OpenSSL use TLS 1.2 or later"),
    ),
    (
        (50097, 50129, 50131, 530003, 530004),
        Explanation(
            "conditional access wants a managed or compliant device",
            "ask for an exception for the app, or let the app sign in by itself (auth: certificate)",
        ),
    ),
    (
        (53004,),
        Explanation(
            "the person must register for multifactor authentication first",
            f"register the service account at https://aka.ms/mfasetup, then {_LOGIN}",
            by_person=True,
        ),
    ),
    (
        (500121,),
        Explanation("the other factor (MFA) was refused or not answered", f"{_LOGIN} and answer it", by_person=True),
    ),
    (
        (53011,),
        Explanation(
            "the person's sign-in is blocked as risky",
            f"let an administrator dismiss the risk, then {_LOGIN}",
            by_person=True,
        ),
    ),
    (
        (51004, 90072, 500341),
        Explanation(
            "the person has no account in this tenant, or it was deleted",
            f"{_LOGIN} with a user of the account's own tenant",
            by_person=True,
        ),
    ),
    (
        (50135, 50144, 50056),
        Explanation(
            "the person's password must be changed first",
            f"let the person sign in anywhere and change it, then {_LOGIN}",
            by_person=True,
        ),
    ),
    (
        (50058, 16000, 50089),
        Explanation("the sign-in has to be made anew", _LOGIN, by_person=True),
    ),
    (
        (90006, 90024, 90025, 90055, 40010),
        Explanation("Entra is busy or has a passing fault", "nothing to do: it is tried again", passing=True),
    ),
)
