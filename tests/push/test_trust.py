"""What comes in is believed only where everything about it is right."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sync_agent.jobs.take_notifications import (
    KEYS_AWAY,
    NO_CONTENT,
    OTHER_USER,
    OUTDATED,
    REPEATED,
    STRANGER,
    WRONG_SECRET,
    WRONG_TENANT,
)
from sync_agent.simulator.certificates import SelfSigned
from sync_agent.simulator.notifying import seal
from tests.microsoft365.contoso import saying
from tests.push.desk import Desk, desk
from tests.simulator.office import CLIENT, OTHER_TENANT, TENANT, Office

UNPROVEN = "it is not proven to be Graph's"
TAMPERED = "its content is not as it was sealed"
ANOTHER_KEY = "it is sealed for another key"

Told = dict[str, Any]


@pytest.mark.anyio
@pytest.mark.parametrize("version", [1, 2])
async def test_what_graph_tells_is_believed_by_either_form_of_token(office: Office, version: int) -> None:
    async with desk(office) as it:
        await it.looked(it.jane, it.bob)
        office.world.subscriptions.token_version = version
        assert await it.takes(it.told(it.jane)) == {it.jane.id: ("Busy", "InACall")}
        assert await it.takes(it.told(it.bob, "Away", "Away")) == {it.bob.id: ("Away", "Away")}
        assert not it.take.refused


def change(name: str, value: object) -> Callable[[Desk, Told], None]:
    def changed(it: Desk, told: Told) -> None:
        told["value"][0][name] = value

    return changed


def content(name: str, value: Callable[[str], str]) -> Callable[[Desk, Told], None]:
    def changed(it: Desk, told: Told) -> None:
        sealed = told["value"][0]["encryptedContent"]
        sealed[name] = value(sealed[name])

    return changed


def _flipped(text: str) -> str:
    raw = bytearray(base64.b64decode(text))
    raw[0] ^= 1
    return base64.b64encode(raw).decode()


def claiming(key: Any = None, algorithm: str = "RS256", kid: str = "embedded", **claims: object) -> Any:
    """A token with other claims, or signed otherwise."""

    def changed(it: Desk, told: Told) -> None:
        world = it.office.world
        right = jwt.decode(told["validationTokens"][0], options={"verify_signature": False})
        secret = key(it) if key is not None else world.mint._key
        token = jwt.encode({**right, **claims}, secret, algorithm, headers={"kid": kid})
        told["validationTokens"] = [token]

    return changed


def _resealed(**resource: object) -> Callable[[Desk, Told], None]:
    """By somebody who has our certificate, as whoever sees a subscription made has."""

    def changed(it: Desk, told: Told) -> None:
        (one,) = it.at_graph
        is_ = {"id": it.jane.id, "availability": "Busy", "activity": "InACall", **resource}
        told["value"][0]["encryptedContent"] |= seal(orjson.dumps(is_), one.certificate)

    return changed


def _beside(it: Desk, told: Told) -> None:
    token = it.office.world.mint.validation_token(it.office.world, TENANT, "00000000-0000-4000-8000-00000000000f")
    told["validationTokens"].append(token)


def _drop_tokens(it: Desk, told: Told) -> None:
    told.pop("validationTokens")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (change("subscriptionId", "00000000-0000-4000-8000-000000000000"), STRANGER),
        (change("clientState", "guessed"), WRONG_SECRET),
        (change("clientState", None), WRONG_SECRET),
        (change("tenantId", OTHER_TENANT), WRONG_TENANT),
        (change("tenantId", None), WRONG_TENANT),
        (_drop_tokens, WRONG_TENANT),
        (claiming(aud="another app"), UNPROVEN),
        (claiming(appid=CLIENT), UNPROVEN),
        (claiming(appid=None, azp="0bf30f3b-4a52-48df-9a82-234910c4a086"), UNPROVEN),
        (claiming(iss=f"https://sts.windows.net/{OTHER_TENANT}/"), UNPROVEN),
        (claiming(exp=1_789_999_000), UNPROVEN),
        (claiming(exp="never"), UNPROVEN),
        (claiming(nbf=1_790_001_000), UNPROVEN),
        (claiming(lambda it: rsa.generate_private_key(public_exponent=65_537, key_size=2_048)), UNPROVEN),
        (claiming(kid="unheard of"), UNPROVEN),
        (claiming(lambda it: None, "none"), UNPROVEN),
        (claiming(lambda it: b"x" * 64, "HS256"), UNPROVEN),
        (_beside, UNPROVEN),
        (change("encryptedContent", None), NO_CONTENT),
        (content("data", _flipped), TAMPERED),
        (content("dataSignature", _flipped), TAMPERED),
        (content("dataKey", _flipped), TAMPERED),
        (content("encryptionCertificateId", lambda _: "another"), ANOTHER_KEY),
        (_resealed(id="99999999-0000-4000-8000-000000000009"), OTHER_USER),
        (_resealed(availability=7), "it tells no presence"),
    ],
)
async def test_what_is_wrong_is_not_believed(office: Office, wrong: Callable[[Desk, Told], None], why: str) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        told = it.told(it.jane)
        wrong(it, told)
        assert await it.takes(told) == {}
        assert dict(it.take.refused) == {why: 1}
        assert await it.takes(it.told(it.jane, "Away", "Away")) == {it.jane.id: ("Away", "Away")}


@pytest.mark.anyio
async def test_what_is_wrong_takes_nothing_from_what_is_right_beside_it(office: Office) -> None:
    async with desk(office) as it:
        await it.looked(it.jane, it.bob)
        told, other = it.told(it.jane), it.told(it.bob)
        told["value"][0]["encryptedContent"]["data"] = "AAAA"
        told["value"] += other["value"]
        assert await it.takes(told) == {it.bob.id: ("Busy", "InACall")}


@pytest.mark.anyio
@pytest.mark.parametrize("sequenced", [True, False])
async def test_what_came_before_is_not_taken_again(office: Office, sequenced: bool) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        office.world.subscriptions.sequenced = sequenced
        first = it.told(it.jane)
        assert await it.takes(first)
        assert await it.takes(it.told(it.jane, "Away", "Away"))
        assert await it.takes(first) == {}
        assert dict(it.take.refused) == {REPEATED: 1}


@pytest.mark.anyio
async def test_what_comes_late_sets_nobody_back(office: Office) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        late, now = it.told(it.jane), it.told(it.jane, "Away", "Away")
        assert await it.takes(now) == {it.jane.id: ("Away", "Away")}
        assert await it.takes(late) == {}
        assert dict(it.take.refused) == {OUTDATED: 1}


@pytest.mark.anyio
async def test_what_belongs_to_a_subscription_of_before_is_a_strangers(office: Office) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        told = it.told(it.jane)
        await it.keep.end()
        assert await it.takes(told) == {}
        assert dict(it.take.refused) == {STRANGER: 1}


@pytest.mark.anyio
async def test_without_entras_keys_nothing_is_believed_and_later_it_is(office: Office) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        office.world.faults.add("openid-configuration", status=500)
        assert await it.takes(it.told(it.jane)) == {}
        assert dict(it.take.refused) == {KEYS_AWAY: 1}
        office.world.faults.clear()
        assert await it.takes(it.told(it.jane))


@pytest.mark.anyio
async def test_made_up_keys_do_not_make_us_ask_entra_all_the_time(office: Office) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        asked = office.world.faults.add("openid-configuration", instead=lambda call, truly: truly(call))
        for number in range(20):
            told = it.told(it.jane)
            claiming(kid=f"made up {number}")(it, told)
            assert await it.takes(told) == {}
        assert asked.seen == 1
        it.passes(301)
        told = it.told(it.jane)
        claiming(kid="made up")(it, told)
        assert await it.takes(told) == {}
        assert asked.seen == 2


@pytest.mark.anyio
async def test_keys_that_entra_publishes_anew_are_found(office: Office) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        assert await it.takes(it.told(it.jane))
        new = SelfSigned("new")._key
        jwk = {**jwt.algorithms.RSAAlgorithm.to_jwk(new.public_key(), as_dict=True), "kid": "new", "use": "sig"}
        unusable = [{"kty": "EC", "kid": "x"}, {"kty": "RSA", "kid": "y"}, {**jwk, "use": "enc", "kid": "z"}]
        keys = {"keys": [*unusable, jwk]}
        office.world.faults.add("discovery/v2.0/keys", **saying(keys))
        it.passes(301)
        told = it.told(it.jane)
        claiming(lambda _: new, kid="new")(it, told)
        assert await it.takes(told) == {it.jane.id: ("Busy", "InACall")}


@pytest.mark.anyio
async def test_events_need_the_secret_too(office: Office) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        (one,) = it.at_graph
        event: Told = {"subscriptionId": one.id, "tenantId": TENANT, "lifecycleEvent": "subscriptionRemoved"}
        assert await it.takes({"value": [{**event, "clientState": "guessed"}]}) == {}
        assert it.keep.users == {it.jane.id}
        assert await it.takes({"value": [{**event, "clientState": one.client_state}]}) == {}
        assert it.keep.users == frozenset()
