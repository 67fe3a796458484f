"""An Entra as naive as can be, behind a scripted server: each of its answers can be spoilt, each request be counted."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from starlette.responses import Response

from tests.microsoft365.scripted import Asked, Scripted, said, scripted

TENANT = "11111111-0000-4000-8000-000000000001"
OTHER_TENANT = "22222222-0000-4000-8000-000000000002"
CLIENT = "33333333-0000-4000-8000-000000000003"
SECRET = "s3cret~value.of-the_app"

Form = Mapping[str, str]
Spoil = Callable[[str, Form], Response | None]


@dataclass(frozen=True, slots=True)
class Person:
    upn: str
    tenant: str = TENANT

    @property
    def oid(self) -> str:
        return f"oid-of-{self.upn}"


@dataclass(slots=True)
class Code:
    user_code: str
    state: str = "authorization_pending"
    person: Person | None = None


def entra_error(status: int, error: str, number: int, text: str = "Something is wrong.", **more: Any) -> Response:
    description = f"AADSTS{number}: {text} Trace ID: 11-22 Correlation ID: 33-44 Timestamp: 2026-11-24 12:00:00Z"
    body = {"error": error, "error_description": description, "error_codes": [number], "correlation_id": "33-44", **more}
    return said(body, status)


def _unspoilt(kind: str, form: Form) -> None:
    return None


@dataclass(slots=True)
class SmallEntra:
    """``kind`` of a request: discovery, code, poll, refresh or app. ``spoil`` may answer in Entra's place."""

    service: Scripted
    spoil: Spoil = _unspoilt
    certificate: x509.Certificate | None = None
    lifetime: int = 3_600
    refresh_in: int | None = None
    kinds: list[str] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    codes: dict[str, Code] = field(default_factory=dict)
    refresh_tokens: dict[str, Person] = field(default_factory=dict)
    issued: int = 0

    @property
    def url(self) -> str:
        return self.service.url

    def enter(self, user_code: str, person: Person) -> None:
        code = self._shown(user_code)
        code.state, code.person = "entered", person

    def set_state(self, user_code: str, state: str) -> None:
        self._shown(user_code).state = state

    def revoke_all(self) -> None:
        self.refresh_tokens.clear()

    def _shown(self, user_code: str) -> Code:
        return next(code for code in self.codes.values() if code.user_code == user_code)

    def answer(self, asked: Asked) -> Response:
        form = dict(parse_qsl(asked.body.decode()))
        kind = _kind(asked, form)
        self.kinds.append(kind)
        self.forms.append(form)
        spoilt = self.spoil(kind, form)
        if spoilt is not None:
            return spoilt
        return getattr(self, f"_{kind}")(asked, form)  # type: ignore[no-any-return]

    def _discovery(self, asked: Asked, form: Form) -> Response:
        tenant = asked.path.split("/")[1]
        if tenant not in (TENANT, "contoso.com"):
            return entra_error(400, "invalid_tenant", 90002, f"Tenant '{tenant}' not found.")
        base = f"{self.url}/{TENANT}/oauth2/v2.0"
        return said(
            {
                "issuer": f"{self.url}/{TENANT}/v2.0",
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "device_authorization_endpoint": f"{base}/devicecode",
            }
        )

    def _app(self, asked: Asked, form: Form) -> Response:
        if "client_assertion" in form:
            assert self.certificate is not None
            header = jwt.get_unverified_header(form["client_assertion"])
            thumbprint = base64.urlsafe_b64encode(self.certificate.fingerprint(hashes.SHA256())).decode()
            if header["x5t#S256"] != thumbprint:
                return entra_error(401, "invalid_client", 700027)
            key: Any = self.certificate.public_key()
            audience = f"{self.url}/{TENANT}/oauth2/v2.0/token"
            claims = jwt.decode(form["client_assertion"], key, ["PS256"], audience=audience)
            assert claims["iss"] == claims["sub"] == CLIENT
        elif form["client_id"] != CLIENT:
            return entra_error(400, "unauthorized_client", 700016)
        elif form["client_secret"] != SECRET:
            return entra_error(401, "invalid_client", 7000215, f"Invalid client secret provided for '{CLIENT}'.")
        return said(self._tokens())

    def _code(self, asked: Asked, form: Form) -> Response:
        number = len(self.codes) + 1
        device_code = uuid4().hex
        self.codes[device_code] = Code(f"CODE{number}")
        address = f"{self.url}/devicelogin"
        about = {"user_code": f"CODE{number}", "verification_uri": address, "expires_in": 900, "interval": 5}
        return said({"device_code": device_code, **about, "message": "enter it"})

    def _poll(self, asked: Asked, form: Form) -> Response:
        code = self.codes[form["device_code"]]
        if code.person is None or code.state != "entered":
            return said({"error": code.state, "error_description": f"AADSTS70016: {code.state}."}, 400)
        return said(self._tokens(code.person))

    def _refresh(self, asked: Asked, form: Form) -> Response:
        person = self.refresh_tokens.get(form["refresh_token"])
        if person is None:
            return entra_error(400, "invalid_grant", 50173, "The provided grant has expired due to it being revoked.")
        return said(self._tokens(person))

    def _tokens(self, person: Person | None = None) -> dict[str, Any]:
        self.issued += 1
        answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": self.lifetime}
        answer["access_token"] = f"access-token-{self.issued}"
        if self.refresh_in is not None:
            answer["refresh_in"] = self.refresh_in
        if person is not None:
            refresh_token = f"refresh-token-{self.issued}"
            self.refresh_tokens[refresh_token] = person
            claims = {"oid": person.oid, "sub": person.oid, "tid": person.tenant, "preferred_username": person.upn}
            more = {"aud": CLIENT, "iss": "it", "iat": int(time.time()), "exp": int(time.time()) + 3_600}
            answer["refresh_token"] = refresh_token
            answer["id_token"] = jwt.encode({**claims, **more}, "k" * 32, "HS256")
            answer["client_info"] = _base64({"uid": person.oid, "utid": person.tenant})
        return answer


def _kind(asked: Asked, form: Form) -> str:
    if asked.method == "GET":
        return "discovery"
    if asked.path.endswith("/devicecode"):
        return "code"
    return {"client_credentials": "app", "refresh_token": "refresh"}.get(form.get("grant_type", ""), "poll")


def _base64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@contextmanager
def small_entra() -> Iterator[SmallEntra]:
    with scripted(lambda asked: Response(status_code=404)) as service:
        entra = SmallEntra(service)
        service.answering = entra.answer
        yield entra
