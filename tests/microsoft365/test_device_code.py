"""Signing in a person by device code: the codes, the people, and what comes after."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from structlog.testing import capture_logs

from sync_agent.microsoft365.accounts import Account
from sync_agent.microsoft365.errors import SignInFailed, SignInPending
from tests.microsoft365.scripted import said
from tests.microsoft365.signing_in import GRAPH, SHAREPOINT, Announced, Clock, opened, refusal, settings_for
from tests.microsoft365.small_entra import (
    CLIENT,
    OTHER_TENANT,
    SECRET,
    TENANT,
    Person,
    SmallEntra,
    entra_error,
    small_entra,
)

JANE = Person("jane@contoso.com")
BOB = Person("bob@contoso.com")
STRANGER = Person("jane@fabrikam.com", OTHER_TENANT)


@pytest.fixture
def entra() -> Iterator[SmallEntra]:
    with small_entra() as running:
        yield running


def contoso(**more: Any) -> dict[str, Any]:
    return {"id": "contoso", "tenant_id": TENANT, "client_id": CLIENT, "auth": "device_code", **more}


async def pending(account: Account, resource: str = GRAPH) -> str:
    failure = await refusal(account, resource)
    assert isinstance(failure, SignInPending)
    return failure.reason


async def sign_in(account: Account, entra: SmallEntra, clock: Clock, announced: Announced, person: Person = JANE) -> None:
    """What a person does with the code that is out."""
    await clock.asleep()
    entra.enter(announced.codes[-1], person)
    await clock.advance(5)
    await account.wait_signed_in()


@pytest.mark.anyio
async def test_from_the_code_to_tokens_for_every_service(entra: SmallEntra, tmp_path: Path) -> None:
    clock, announced = Clock(), Announced()
    settings = settings_for(tmp_path, entra.url, [contoso()])
    async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
        account = accounts["contoso"]
        assert "waits for a person to sign in" in await pending(account)
        for _ in range(2):
            await clock.advance(5)
        await clock.asleep()
        assert await pending(account) == (
            f"account contoso waits for a person to sign in: open {entra.url}/devicelogin and enter CODE1, "
            "or run `sync-agent login contoso`"
        )
        assert account.trouble == await pending(account)
        (prompt,) = announced.prompts
        assert (prompt.account, prompt.tenant, prompt.code) == ("contoso", TENANT, "CODE1")
        assert account.prompt == prompt
        await sign_in(account, entra, clock, announced)
        assert await account.tokens(GRAPH).token() == "access-token-1"
        assert await account.tokens(SHAREPOINT).token() == "access-token-2"
        assert (account.trouble, account.prompt) == (None, None)
    assert entra.kinds == ["discovery", "code", "poll", "poll", "poll", "refresh"]
    scopes = next(form for form in entra.forms if "device_code" not in form and form)["scope"].split()
    assert {f"{GRAPH}/.default", "offline_access"} <= set(scopes)


@pytest.mark.anyio
async def test_who_waits_for_a_person_holds_up_nobody(entra: SmallEntra, tmp_path: Path) -> None:
    app = {**contoso(id="app"), "auth": "client_secret", "client_secret": SECRET}
    settings = settings_for(tmp_path, entra.url, [contoso(), app])
    announced = Announced()
    async with opened(settings, entra.service.ca_bundle, announced, Clock()) as accounts:
        graph, sharepoint = (accounts["contoso"].tokens(resource) for resource in (GRAPH, SHAREPOINT))
        asked = [graph.token(), sharepoint.token(), graph.token(), accounts["app"].tokens(GRAPH).token()]
        *waiting, token = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(answer, SignInPending) for answer in waiting)
        assert token == "access-token-1"  # noqa: S105
    assert entra.kinds.count("code") <= 1


@pytest.mark.anyio
async def test_without_anybody_to_tell_no_code_is_asked_for(entra: SmallEntra, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra.url, [contoso()]), entra.service.ca_bundle) as accounts:
        assert (await pending(accounts["contoso"])).endswith("run `sync-agent login contoso`")
        await accounts["contoso"].wait_signed_in()
    assert "code" not in entra.kinds


@pytest.mark.anyio
async def test_slow_down_is_obeyed(entra: SmallEntra, tmp_path: Path) -> None:
    clock, announced = Clock(), Announced()
    settings = settings_for(tmp_path, entra.url, [contoso()])
    async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
        await pending(accounts["contoso"])
        await clock.asleep()
        entra.set_state("CODE1", "slow_down")
        await clock.advance(5)
        await clock.advance(5)  # too early now: the interval is 10 s
        entra.enter("CODE1", JANE)
        assert entra.kinds.count("poll") == 1
        await clock.advance(5)
        await accounts["contoso"].wait_signed_in()
        await accounts["contoso"].sign_in()


@pytest.mark.anyio
@pytest.mark.parametrize("end", ["expired_token", "bad_verification_code", "time"])
async def test_a_lapsed_code_is_replaced(entra: SmallEntra, tmp_path: Path, end: str) -> None:
    clock, announced = Clock(), Announced()
    settings = settings_for(tmp_path, entra.url, [contoso()])
    async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
        await pending(accounts["contoso"])
        await clock.asleep()
        if end == "time":
            await clock.advance(901)
        else:
            entra.set_state("CODE1", end)
            await clock.advance(5)
        await sign_in(accounts["contoso"], entra, clock, announced)
        await accounts["contoso"].sign_in()
    assert announced.codes == ["CODE1", "CODE2"]


@pytest.mark.anyio
async def test_an_outage_while_a_code_is_out_costs_nobody_the_code(entra: SmallEntra, tmp_path: Path) -> None:
    clock, announced = Clock(), Announced()
    settings = settings_for(tmp_path, entra.url, [contoso()])
    async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
        await pending(accounts["contoso"])
        await clock.asleep()
        entra.spoil = lambda kind, form: Response("<html>maintenance")
        await clock.advance(5)
        await clock.asleep()
        entra.spoil = lambda kind, form: None
        await sign_in(accounts["contoso"], entra, clock, announced)
        await accounts["contoso"].sign_in()
    assert announced.codes == ["CODE1"]


@pytest.mark.anyio
async def test_a_person_of_another_tenant_is_refused(entra: SmallEntra, tmp_path: Path) -> None:
    clock, announced = Clock(), Announced()
    settings = settings_for(tmp_path, entra.url, [contoso()])
    async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
        account = accounts["contoso"]
        await pending(account)
        await clock.asleep()
        with capture_logs() as events:
            entra.enter("CODE1", STRANGER)
            await clock.advance(5)
            await clock.asleep()
        await pending(account)
        assert announced.codes == ["CODE1", "CODE2"]
        await sign_in(account, entra, clock, announced)
        assert await account.tokens(GRAPH).token() == "access-token-2"
    (told,) = [event for event in events if event["event"] == "sign_in_refused"]
    assert told["reason"] == (
        f"account contoso is for tenant {TENANT}, but jane@fabrikam.com of tenant {OTHER_TENANT} signed in; "
        "sign in with a user of the account's own tenant"
    )
    kept = next((tmp_path / "state" / "tokens").iterdir()).read_text()
    assert "fabrikam" not in kept
    assert "refresh-token-1" not in kept


@pytest.mark.anyio
@pytest.mark.parametrize("spoilt", [said({"error": "authorization_declined"}, 400), entra_error(400, "invalid_grant", 50020)])
async def test_who_declines_gets_another_code(entra: SmallEntra, tmp_path: Path, spoilt: Response) -> None:
    clock, announced = Clock(), Announced()
    settings = settings_for(tmp_path, entra.url, [contoso()])
    async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
        await pending(accounts["contoso"])
        await clock.asleep()
        entra.spoil = lambda kind, form: spoilt if kind == "poll" else None
        await clock.advance(5)
        await clock.asleep()
        entra.spoil = lambda kind, form: None
        await sign_in(accounts["contoso"], entra, clock, announced)
    assert announced.codes == ["CODE1", "CODE2"]


@pytest.mark.anyio
async def test_public_client_flows_not_allowed(entra: SmallEntra, tmp_path: Path) -> None:
    clock, announced = Clock(), Announced()
    settings = settings_for(tmp_path, entra.url, [contoso()])
    entra.spoil = lambda kind, form: entra_error(401, "invalid_client", 7000218) if kind == "poll" else None
    async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
        account = accounts["contoso"]
        await pending(account)
        await clock.advance(5)
        await clock.asleep()
        failure = await refusal(account)
        assert not isinstance(failure, SignInPending)
        assert "set “Allow public client flows” to Yes" in failure.reason
        entra.spoil = lambda kind, form: None
        await clock.advance(60)
        await sign_in(account, entra, clock, announced)
        await account.sign_in()


@pytest.mark.anyio
async def test_an_app_that_is_unknown_gives_no_code(entra: SmallEntra, tmp_path: Path) -> None:
    clock, announced = Clock(), Announced()
    settings = settings_for(tmp_path, entra.url, [contoso()])
    entra.spoil = lambda kind, form: entra_error(400, "unauthorized_client", 700016) if kind == "code" else None
    async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
        await pending(accounts["contoso"])
        await clock.asleep()
        assert (await refusal(accounts["contoso"])).aadsts == 700016
        with pytest.raises(SignInFailed, match="AADSTS700016"):
            await accounts["contoso"].sign_in_person(announced)
    assert announced.codes == []


@pytest.mark.anyio
async def test_a_sign_in_survives_a_restart(entra: SmallEntra, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra.url, [contoso()])
    clock, announced = Clock(), Announced()
    async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
        await pending(accounts["contoso"])
        await sign_in(accounts["contoso"], entra, clock, announced)
    async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
        assert await accounts["contoso"].tokens(GRAPH).token() == "access-token-1"
        assert await accounts["contoso"].tokens(SHAREPOINT).token() == "access-token-2"
    assert announced.codes == ["CODE1"]


@pytest.mark.anyio
async def test_a_short_token_is_refreshed_without_anybody(entra: SmallEntra, tmp_path: Path) -> None:
    entra.lifetime = 200
    settings = settings_for(tmp_path, entra.url, [contoso()])
    clock, announced = Clock(), Announced()
    async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
        await pending(accounts["contoso"])
        await sign_in(accounts["contoso"], entra, clock, announced)
        tokens = accounts["contoso"].tokens(GRAPH)
        first = await tokens.token()
        clock.now += 101
        assert await tokens.token() != first
        await tokens.renew(await tokens.token())
        assert await tokens.token() == f"access-token-{entra.issued}"
    assert announced.codes == ["CODE1"]


@pytest.mark.anyio
async def test_a_rejected_token_is_refreshed_though_msal_would_keep_it(entra: SmallEntra, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra.url, [contoso()])
    clock, announced = Clock(), Announced()
    async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
        await pending(accounts["contoso"])
        await sign_in(accounts["contoso"], entra, clock, announced)
        tokens = accounts["contoso"].tokens(GRAPH)
        await tokens.renew(await tokens.token())
        assert await tokens.token() == "access-token-2"
        assert await tokens.token() == "access-token-2"


@pytest.mark.anyio
async def test_a_revoked_sign_in_asks_again_by_itself(entra: SmallEntra, tmp_path: Path) -> None:
    entra.lifetime = 200
    settings = settings_for(tmp_path, entra.url, [contoso()])
    clock, announced = Clock(), Announced()
    async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
        account = accounts["contoso"]
        await pending(account)
        await sign_in(account, entra, clock, announced)
        first = await account.tokens(GRAPH).token()
        entra.revoke_all()
        clock.now += 101
        assert await account.tokens(GRAPH).token() == first  # still good for a while, and a code is out already
        await clock.asleep()
        assert announced.codes == ["CODE1", "CODE2"]
        clock.now += 80
        assert "(the sign-in was revoked, as a change of password does (AADSTS50173))" in await pending(account)
        await sign_in(account, entra, clock, announced, BOB)
        assert await account.tokens(GRAPH).token() != first
    kept = next((tmp_path / "state" / "tokens").iterdir()).read_text()
    assert BOB.upn in kept
    assert JANE.upn not in kept


@pytest.mark.anyio
async def test_a_missing_consent_is_not_put_to_a_person(entra: SmallEntra, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra.url, [contoso()])
    clock, announced = Clock(), Announced()
    async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
        account = accounts["contoso"]
        await pending(account)
        await sign_in(account, entra, clock, announced)
        entra.spoil = lambda kind, form: entra_error(400, "invalid_grant", 65001) if kind == "refresh" else None
        failure = await refusal(account, SHAREPOINT)
        assert not isinstance(failure, SignInPending)
        assert "grant admin consent" in failure.reason
        await account.sign_in()
    assert announced.codes == ["CODE1"]


@pytest.mark.anyio
async def test_what_entra_wants_proven_is_handed_on(entra: SmallEntra, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra.url, [contoso()])
    clock, announced = Clock(), Announced()
    wanted = '{"access_token":{"capolids":{"essential":true}}}'
    async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
        account = accounts["contoso"]
        await pending(account)
        await sign_in(account, entra, clock, announced)
        mfa = entra_error(400, "interaction_required", 50076, claims=wanted)
        entra.spoil = lambda kind, form: mfa if kind == "refresh" else None
        assert "another factor" in await pending(account, SHAREPOINT)
        await account.sign_in()
        entra.spoil = lambda kind, form: None
        await sign_in(account, entra, clock, announced)
        await account.tokens(SHAREPOINT).token()
    asked = [form for kind, form in zip(entra.kinds, entra.forms, strict=True) if kind == "code"]
    assert asked[1]["claims"] == wanted
    assert f"{SHAREPOINT}/.default" in asked[1]["scope"]


@pytest.mark.anyio
async def test_login_ahead_of_the_service(entra: SmallEntra, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra.url, [contoso()])
    clock, announced = Clock(), Announced()
    async with opened(settings, entra.service.ca_bundle, None, clock) as accounts:
        login = asyncio.create_task(accounts["contoso"].sign_in_person(announced))
        await clock.asleep()
        entra.enter("CODE1", STRANGER)
        await clock.advance(5)
        await clock.asleep()
        entra.enter("CODE2", JANE)
        await clock.advance(5)
        await login
        await accounts["contoso"].sign_in_person(announced)  # nothing to do the second time
    assert announced.codes == ["CODE1", "CODE2"]


@pytest.mark.anyio
async def test_login_in_another_terminal_ends_the_waiting(entra: SmallEntra, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra.url, [contoso()])
    service, terminal, asked, shown = Clock(), Clock(), Announced(), Announced()
    async with (
        opened(settings, entra.service.ca_bundle, asked, service) as accounts,
        opened(settings, entra.service.ca_bundle, None, terminal) as others,
    ):
        await pending(accounts["contoso"])
        await service.asleep()
        login = asyncio.create_task(others["contoso"].sign_in_person(shown))
        await terminal.asleep()
        entra.enter(shown.codes[0], JANE)
        await terminal.advance(5)
        await login
        await service.advance(5)
        await accounts["contoso"].wait_signed_in()
        assert await accounts["contoso"].tokens(GRAPH).token() == await others["contoso"].tokens(GRAPH).token()


@pytest.mark.anyio
async def test_closing_does_not_wait_for_the_person(entra: SmallEntra, tmp_path: Path) -> None:
    announced = Announced()
    async with asyncio.timeout(5):
        async with opened(
            settings_for(tmp_path, entra.url, [contoso()]), entra.service.ca_bundle, announced, Clock()
        ) as accounts:
            await pending(accounts["contoso"])


@pytest.mark.anyio
async def test_nothing_secret_is_ever_said(
    entra: SmallEntra, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    settings = settings_for(tmp_path, entra.url, [contoso()])
    clock, announced = Clock(), Announced()
    with capture_logs() as events:
        async with opened(settings, entra.service.ca_bundle, announced, clock) as accounts:
            reason = await pending(accounts["contoso"])
            await sign_in(accounts["contoso"], entra, clock, announced)
            token = await accounts["contoso"].tokens(GRAPH).token()
    said_ = f"{events} {caplog.text} {reason} {announced}"
    for secret in (token, "refresh-token-1", *entra.codes):
        assert secret not in said_
