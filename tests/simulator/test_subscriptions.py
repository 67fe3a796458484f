"""/subscriptions of the embedded Graph, and what it tells those who subscribe."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from sync_agent.simulator.world import SimUser
from tests.doors import Taker, https_door, taking
from tests.simulator.office import CLIENT, TENANT, Office, certificate, error_of

LISTENER = "listener@contoso.com"


@dataclass(frozen=True, slots=True)
class Subscriber:
    office: Office
    taker: Taker
    url: str
    person: SimUser

    def wish(self, users: list[SimUser], **more: Any) -> dict[str, Any]:
        ids = ", ".join(f"'{user.id}'" for user in users)
        der = certificate().certificate.public_bytes(Encoding.DER)
        return {
            "changeType": "updated",
            "notificationUrl": self.url,
            "lifecycleNotificationUrl": f"{self.url}/lifecycle",
            "resource": f"/communications/presences?$filter=id in ({ids})",
            "expirationDateTime": self.at(3_600),
            "includeResourceData": True,
            "encryptionCertificate": base64.b64encode(der).decode(),
            "encryptionCertificateId": "first",
            "clientState": "ours alone",
            **more,
        }

    def at(self, seconds: float) -> str:
        return datetime.fromtimestamp(self.office.clock() + seconds, UTC).isoformat()

    def token(self, person: SimUser | None = None) -> str:
        return self.office.token("Presence.Read.All", person=person or self.person)

    def ask(self, method: str, path: str = "", **more: Any) -> Any:
        return self.office.graph(method, f"/subscriptions{path}", more.pop("token", None) or self.token(), **more)

    def made(self, *users: SimUser, **more: Any) -> dict[str, Any]:
        answer = self.ask("POST", json=self.wish(list(users), **more))
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told


@pytest.fixture
def subscriber(office: Office) -> Iterator[Subscriber]:
    taker = Taker()
    assert office.world.trusted is not None
    with taking(taker) as port, https_door(office.world.trusted.parent, port) as door:
        yield Subscriber(office, taker, f"https://127.0.0.1:{door.port}/graph", office.user(LISTENER))
        office.world.subscriptions.alive.clear()


def until(seen: Callable[[], object], patience: float = 10.0) -> None:
    deadline = time.monotonic() + patience
    while not seen():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


def opened(content: dict[str, str]) -> dict[str, Any]:
    """As a subscriber reads it (Graph: change notifications with resource data)."""
    key = load_pem_private_key(certificate().pem(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    data, signature, sealed = (base64.b64decode(content[name]) for name in ("data", "dataSignature", "dataKey"))
    secret = key.decrypt(sealed, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))
    assert hmac.digest(secret, data, hashlib.sha256) == signature
    decryptor = Cipher(algorithms.AES(secret), modes.CBC(secret[:16])).decryptor()
    unpadder = PKCS7(128).unpadder()
    plain = unpadder.update(decryptor.update(data) + decryptor.finalize()) + unpadder.finalize()
    told: dict[str, Any] = json.loads(plain)
    return told


def test_a_change_is_told_sealed_and_signed(subscriber: Subscriber) -> None:
    office, jane, bob = subscriber.office, subscriber.office.user("jane@contoso.com"), subscriber.office.user("bob@x.y")
    made = subscriber.made(jane)
    assert (made["clientState"], made["creatorId"]) == ("ours alone", subscriber.person.id)
    assert subscriber.taker.validated == ["/graph", "/graph/lifecycle"]
    bob.availability = "Away"
    jane.availability, jane.activity = "Busy", "InACall"
    until(lambda: subscriber.taker.told)
    (told,) = subscriber.taker.told
    (change,) = told["value"]
    assert (told["path"], change["clientState"], change["tenantId"]) == ("/graph", "ours alone", TENANT)
    assert (change["subscriptionId"], change["resourceData"]["id"]) == (made["id"], jane.id)
    assert "Busy" not in json.dumps(told)
    is_ = opened(change["encryptedContent"])
    assert (is_["id"], is_["availability"], is_["activity"], is_["sequenceNumber"]) == (
        jane.id,
        "Busy",
        "InACall",
        "A0000001",
    )
    (token,) = told["validationTokens"]
    keys = jwt.PyJWKSet.from_dict(office.http.get(f"{office.world.origin}/{TENANT}/discovery/v2.0/keys").json())
    claims = jwt.decode(
        token, keys[jwt.get_unverified_header(token)["kid"]].key, ["RS256"], {"verify_exp": False}, audience=CLIENT
    )
    assert claims["appid"] == "0bf30f3b-4a52-48df-9a82-234910c4a086"
    assert claims["iss"] == f"https://sts.windows.net/{TENANT}/"


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"changeType": "created,updated"}, 400),
        ({"includeResourceData": False}, 400),
        ({"encryptionCertificate": None}, 400),
        ({"encryptionCertificate": "bm9uZQ=="}, 400),
        ({"encryptionCertificateId": "x" * 129}, 400),
        ({"clientState": "x" * 129}, 400),
        ({"notificationUrl": "http://127.0.0.1/graph"}, 400),
        ({"notificationUrl": "https://agents.example/graph"}, 400),
        ({"lifecycleNotificationUrl": "https://127.0.0.1:1/graph"}, 400),
        ({"resource": "/users"}, 400),
        ({"resource": "/communications/presences?$filter=id in ('jane')"}, 400),
        ({"expirationDateTime": "soon"}, 400),
    ],
)
def test_what_it_does_not_take(subscriber: Subscriber, wrong: dict[str, Any], status: int) -> None:
    answer = subscriber.ask("POST", json=subscriber.wish([subscriber.person], **wrong))
    assert answer.status_code == status, answer.text
    assert not subscriber.office.world.subscriptions.alive


@pytest.mark.parametrize(("seconds", "status"), [(-1, 400), (60, 201), (3_600, 201), (3_700, 400)])
def test_it_lasts_an_hour_at_most(subscriber: Subscriber, seconds: float, status: int) -> None:
    wish = subscriber.wish([subscriber.person], expirationDateTime=subscriber.at(seconds))
    assert subscriber.ask("POST", json=wish).status_code == status


@pytest.mark.parametrize(("users", "status"), [(650, 201), (651, 400)])
def test_at_most_650_users(subscriber: Subscriber, users: int, status: int) -> None:
    many = [SimUser(f"99999999-0000-4000-8000-{number:012}", "x", "x") for number in range(users)]
    assert subscriber.ask("POST", json=subscriber.wish(many)).status_code == status


def test_persons_alone_and_one_for_each(subscriber: Subscriber) -> None:
    jane = subscriber.office.user("jane@contoso.com")
    wish = subscriber.wish([jane])
    assert error_of(subscriber.ask("POST", json=wish, token=subscriber.office.token()))[0] == 403
    without = subscriber.office.token("User.Read.All", person=jane)
    assert error_of(subscriber.ask("POST", json=wish, token=without))[0] == 403
    made = subscriber.made(jane)
    second = subscriber.ask("POST", json=wish)
    assert error_of(second) == (409, "ExtensionError")
    assert "must be deleted before" in second.text
    assert subscriber.ask("POST", json=wish, token=subscriber.token(jane)).status_code == 201
    (mine,) = subscriber.ask("GET").json()["value"]
    assert (mine["id"], mine["clientState"]) == (made["id"], None)
    assert subscriber.ask("GET", f"/{made['id']}", token=subscriber.token(jane)).status_code == 404
    assert subscriber.ask("DELETE", f"/{made['id']}").status_code == 204
    assert subscriber.ask("DELETE", f"/{made['id']}").status_code == 404
    assert subscriber.ask("GET").json()["value"] == []


def test_an_address_must_answer_its_validation(subscriber: Subscriber) -> None:
    subscriber.taker.echoes = False
    assert error_of(subscriber.ask("POST", json=subscriber.wish([subscriber.person]))) == (400, "ValidationError")


def test_it_ends_unless_it_is_renewed(subscriber: Subscriber) -> None:
    made = subscriber.made(subscriber.person)
    path, renewed = f"/{made['id']}", {"expirationDateTime": subscriber.at(5_000)}
    assert subscriber.ask("PATCH", path, json=renewed).status_code == 400
    assert subscriber.ask("PATCH", path, json={"resource": "x", **renewed}).status_code == 400
    subscriber.office.clock.now += 3_000
    assert subscriber.ask("PATCH", path, json=renewed).status_code == 200
    subscriber.office.clock.now += 1_999
    assert subscriber.ask("GET", path).status_code == 200
    subscriber.office.clock.now += 2
    assert subscriber.ask("PATCH", path, json={"expirationDateTime": subscriber.at(60)}).status_code == 404


def test_it_asks_for_authorization_before_it_falls_silent(subscriber: Subscriber) -> None:
    subscriber.office.world.token_lifetime = (1_200, 1_200)
    jane = subscriber.office.user("jane@contoso.com")
    made = subscriber.made(jane)
    subscriber.office.clock.now += 400
    until(lambda: subscriber.taker.told)
    (told,) = subscriber.taker.told
    assert (told["path"], told["value"][0]["lifecycleEvent"]) == ("/graph/lifecycle", "reauthorizationRequired")
    subscriber.office.clock.now += 900
    jane.availability = "Busy"
    time.sleep(0.3)
    assert len(subscriber.taker.told) == 1
    assert subscriber.ask("POST", f"/{made['id']}/reauthorize").status_code == 204
    until(lambda: len(subscriber.taker.told) == 2)


def test_what_an_endpoint_did_not_take_comes_again(subscriber: Subscriber) -> None:
    jane = subscriber.office.user("jane@contoso.com")
    subscriber.made(jane)
    subscriber.taker.status = 503
    jane.availability = "Busy"
    until(lambda: len(subscriber.taker.told) >= 2)
    subscriber.taker.status = 202
    until(lambda: not subscriber.office.world.subscriptions.outbox)
    assert subscriber.taker.told[0]["value"] == subscriber.taker.told[-1]["value"]
