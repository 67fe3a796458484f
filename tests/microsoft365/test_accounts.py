"""Apps that sign in by themselves: tokens, when they are asked for again, and what is said when there is none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from structlog.testing import capture_logs

from sync_agent.microsoft365.errors import SignInFailed, Unreachable
from sync_agent.settings import SecretUnavailable
from tests.microsoft365.signing_in import GRAPH, SHAREPOINT, Clock, opened, refusal, settings_for
from tests.microsoft365.small_entra import CLIENT, SECRET, TENANT, SmallEntra, entra_error, small_entra


@pytest.fixture
def entra() -> Iterator[SmallEntra]:
    with small_entra() as running:
        yield running


def contoso(**more: Any) -> dict[str, Any]:
    plain = {"id": "contoso", "tenant_id": TENANT, "client_id": CLIENT, "auth": "client_secret"}
    return {**plain, "client_secret": SECRET, **more}


@pytest.mark.anyio
async def test_one_sign_in_serves_graph_and_sharepoint(entra: SmallEntra, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra.url, [contoso()]), entra.service.ca_bundle) as accounts:
        account = accounts["contoso"]
        await account.sign_in()
        first = await account.tokens(GRAPH).token()
        second = await account.tokens(SHAREPOINT).token()
    assert (first, second) == ("access-token-1", "access-token-2")
    assert [form["scope"] for form in entra.forms if form] == [f"{GRAPH}/.default", f"{SHAREPOINT}/.default"]
    assert entra.kinds == ["discovery", "app", "app"]
    assert account.trouble is None


@pytest.mark.anyio
async def test_ten_at_once_make_one_request(entra: SmallEntra, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra.url, [contoso()]), entra.service.ca_bundle) as accounts:
        tokens = accounts["contoso"].tokens(GRAPH)
        assert set(await asyncio.gather(*(tokens.token() for _ in range(10)))) == {"access-token-1"}
    assert entra.kinds.count("app") == 1


@pytest.mark.anyio
async def test_a_held_token_costs_next_to_nothing(entra: SmallEntra, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra.url, [contoso()]), entra.service.ca_bundle) as accounts:
        tokens = accounts["contoso"].tokens(GRAPH)
        await tokens.token()
        started = time.process_time()
        for _ in range(10_000):
            await tokens.token()
        assert (time.process_time() - started) / 10_000 < 5e-6  # measured: 0.2 µs


@pytest.mark.anyio
async def test_a_token_is_renewed_before_its_end(entra: SmallEntra, tmp_path: Path) -> None:
    entra.lifetime, clock = 250, Clock()
    settings = settings_for(tmp_path, entra.url, [contoso()])
    async with opened(settings, entra.service.ca_bundle, clock=clock) as accounts:
        tokens = accounts["contoso"].tokens(GRAPH)
        assert await tokens.token() == "access-token-1"
        clock.now += 120
        assert await tokens.token() == "access-token-1"
        clock.now += 10
        assert await tokens.token() == "access-token-2"


@pytest.mark.anyio
async def test_a_token_that_is_still_good_outlives_an_outage(entra: SmallEntra, tmp_path: Path) -> None:
    entra.lifetime, clock = 250, Clock()
    settings = settings_for(tmp_path, entra.url, [contoso()])
    async with opened(settings, entra.service.ca_bundle, clock=clock) as accounts:
        tokens = accounts["contoso"].tokens(GRAPH)
        await tokens.token()
        entra.spoil = lambda kind, form: Response(status_code=500)
        clock.now += 130
        assert await tokens.token() == "access-token-1"
        assert accounts["contoso"].trouble is not None
        clock.now += 100
        with pytest.raises(Unreachable):
            await tokens.token()


@pytest.mark.anyio
async def test_entra_may_ask_for_an_earlier_renewal(entra: SmallEntra, tmp_path: Path) -> None:
    entra.refresh_in, clock = 600, Clock()
    settings = settings_for(tmp_path, entra.url, [contoso()])
    async with opened(settings, entra.service.ca_bundle, clock=clock) as accounts:
        tokens = accounts["contoso"].tokens(GRAPH)
        await tokens.token()
        clock.now += 590
        assert await tokens.token() == "access-token-1"
        assert entra.kinds.count("app") == 1
        clock.now += 11
        await tokens.token()  # msal is asked, which by its own clock finds the token fresh
        assert entra.kinds.count("app") == 1


@pytest.mark.anyio
async def test_a_rejected_token_is_not_given_again(entra: SmallEntra, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra.url, [contoso()]), entra.service.ca_bundle) as accounts:
        tokens = accounts["contoso"].tokens(GRAPH)
        first = await tokens.token()
        await asyncio.gather(tokens.renew(first), tokens.renew(first))
        assert await tokens.token() == "access-token-2"
        await tokens.renew(first)  # late: the token is another by now
        assert await tokens.token() == "access-token-2"


@pytest.mark.anyio
async def test_a_token_survives_a_restart(entra: SmallEntra, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra.url, [contoso()])
    for _ in range(2):
        async with opened(settings, entra.service.ca_bundle) as accounts:
            assert await accounts["contoso"].tokens(GRAPH).token() == "access-token-1"


@pytest.mark.anyio
async def test_accounts_of_one_tenant_keep_their_tokens_apart(entra: SmallEntra, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra.url, [contoso(), contoso(id="contoso-2")])
    async with opened(settings, entra.service.ca_bundle) as accounts:
        assert await accounts["contoso"].tokens(GRAPH).token() == "access-token-1"
        assert await accounts["contoso-2"].tokens(GRAPH).token() == "access-token-2"


@pytest.mark.anyio
async def test_a_wrong_secret_is_told_and_not_repeated_for_a_minute(entra: SmallEntra, tmp_path: Path) -> None:
    clock, secret = Clock(), tmp_path / "secret"
    secret.write_text("wrong-one")
    settings = settings_for(tmp_path, entra.url, [contoso(client_secret=f"${{file:{secret}}}")])
    async with opened(settings, entra.service.ca_bundle, clock=clock) as accounts:
        account = accounts["contoso"]
        for _ in range(5):
            failure = await refusal(account)
        assert failure.aadsts == 7000215
        assert failure.reason == (
            "account contoso cannot sign in: the client secret is wrong (AADSTS7000215); paste the secret's value, not its id"
        )
        assert account.trouble == failure.reason
        assert entra.kinds.count("app") == 1
        secret.write_text(SECRET)  # mended without a restart
        clock.now += 61
        await account.sign_in()
        assert account.trouble is None


@pytest.mark.anyio
async def test_what_one_service_refuses_does_not_stop_the_other(entra: SmallEntra, tmp_path: Path) -> None:
    def no_sharepoint(kind: str, form: Any) -> Response | None:
        return entra_error(400, "invalid_resource", 500011) if SHAREPOINT in form.get("scope", "") else None

    entra.spoil = no_sharepoint
    async with opened(settings_for(tmp_path, entra.url, [contoso()]), entra.service.ca_bundle) as accounts:
        account = accounts["contoso"]
        failure = await refusal(account, SHAREPOINT)
        await account.sign_in()
        assert "site_url" in failure.reason
        assert account.trouble == failure.reason


CASES = [
    ({"client_id": "44444444-0000-4000-8000-000000000004"}, 700016, "check client_id and tenant_id"),
    ({"tenant_id": "55555555-0000-4000-8000-000000000005"}, 90002, "check tenant_id"),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("wrong", "number", "remedy"), CASES)
async def test_wrong_ids(entra: SmallEntra, tmp_path: Path, wrong: dict[str, Any], number: int, remedy: str) -> None:
    async with opened(settings_for(tmp_path, entra.url, [contoso(**wrong)]), entra.service.ca_bundle) as accounts:
        failure = await refusal(accounts["contoso"])
    assert failure.aadsts == number
    assert f"(AADSTS{number})" in failure.reason
    assert remedy in failure.reason


@pytest.mark.anyio
async def test_a_tenant_may_be_named_by_its_domain(entra: SmallEntra, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra.url, [contoso(tenant_id="contoso.com")])
    async with opened(settings, entra.service.ca_bundle) as accounts:
        await accounts["contoso"].sign_in()


@pytest.mark.anyio
async def test_missing_consent(entra: SmallEntra, tmp_path: Path) -> None:
    entra.spoil = lambda kind, form: entra_error(400, "invalid_grant", 65001) if kind == "app" else None
    async with opened(settings_for(tmp_path, entra.url, [contoso()]), entra.service.ca_bundle) as accounts:
        failure = await refusal(accounts["contoso"])
    assert "grant admin consent" in failure.reason


@pytest.mark.anyio
async def test_an_unknown_number_is_told_in_entras_words(entra: SmallEntra, tmp_path: Path) -> None:
    entra.spoil = lambda kind, form: entra_error(400, "odd", 999123, "The moon is in the way.") if kind == "app" else None
    async with opened(settings_for(tmp_path, entra.url, [contoso()]), entra.service.ca_bundle) as accounts:
        failure = await refusal(accounts["contoso"])
    assert failure.reason == (
        "account contoso cannot sign in: AADSTS999123: The moon is in the way; "
        "see https://login.microsoftonline.com/error?code=999123"
    )


@pytest.mark.anyio
async def test_a_passing_fault_is_no_fault_of_the_settings(entra: SmallEntra, tmp_path: Path) -> None:
    entra.spoil = lambda kind, form: entra_error(400, "temporarily_unavailable", 90033) if kind == "app" else None
    async with opened(settings_for(tmp_path, entra.url, [contoso()]), entra.service.ca_bundle) as accounts:
        with pytest.raises(Unreachable, match="AADSTS90033"):
            await accounts["contoso"].sign_in()


PAGES = {
    "a page instead of the discovery": ("discovery", Response("<html>Sign in", media_type="text/html")),
    "a page instead of a token": ("app", Response("<html>Sign in", media_type="text/html")),
    "a token cut off": ("app", Response('{"access_token": "eyJ-secret', media_type="application/json")),
    "other JSON": ("discovery", Response('{"hello": 1}', media_type="application/json")),
    "a list": ("app", Response("[]", media_type="application/json")),
    "failing discovery": ("discovery", Response(status_code=500)),
    "failing": ("app", Response(status_code=500)),
    "bad gateway": ("app", Response(status_code=502)),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", PAGES)
async def test_what_is_no_answer_of_entras(
    entra: SmallEntra, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    spoilt, page = PAGES[name]
    entra.spoil = lambda kind, form: page if kind == spoilt else None
    async with opened(settings_for(tmp_path, entra.url, [contoso()]), entra.service.ca_bundle) as accounts:
        with pytest.raises(Unreachable, match="account contoso cannot sign in") as caught:
            await accounts["contoso"].sign_in()
        entra.spoil = lambda kind, form: None
    assert "\n" not in caught.value.reason
    assert "eyJ-secret" not in caplog.text + caught.value.reason


@pytest.mark.anyio
async def test_an_authority_that_is_none(entra: SmallEntra, tmp_path: Path) -> None:
    entra.spoil = lambda kind, form: Response(status_code=404)
    async with opened(settings_for(tmp_path, entra.url, [contoso()]), entra.service.ca_bundle) as accounts:
        with pytest.raises(SignInFailed, match="is no authority; check tenant_id, and authority: under clouds:"):
            await accounts["contoso"].sign_in()


@pytest.mark.anyio
async def test_a_network_that_is_down(entra: SmallEntra, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, "https://127.0.0.1:9", [contoso()])
    async with opened(settings, entra.service.ca_bundle) as accounts:
        with pytest.raises(Unreachable, match=r"account contoso cannot sign in: 127.0.0.1:9 could not be reached"):
            await accounts["contoso"].sign_in()
        assert accounts["contoso"].trouble is not None


@pytest.mark.anyio
async def test_a_secret_that_cannot_be_had_is_a_fault_of_the_settings(
    entra: SmallEntra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONTOSO_SECRET", raising=False)
    settings = settings_for(tmp_path, entra.url, [contoso(client_secret="${env:CONTOSO_SECRET}")])
    async with opened(settings, entra.service.ca_bundle) as accounts:  # opening asks nobody and reveals nothing
        with pytest.raises(SecretUnavailable, match="CONTOSO_SECRET"):
            await accounts["contoso"].sign_in()


@pytest.mark.anyio
async def test_nothing_secret_is_ever_said(
    entra: SmallEntra, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    settings = settings_for(tmp_path, entra.url, [contoso(), contoso(id="wrong", client_secret="another-s3cret")])
    with capture_logs() as events:
        async with opened(settings, entra.service.ca_bundle) as accounts:
            await accounts["contoso"].sign_in()
            failure = await refusal(accounts["wrong"])
            held = repr((accounts, vars(accounts["contoso"]), accounts["contoso"].tokens(GRAPH)))
    names = " ".join(str(path) for path in tmp_path.rglob("*"))
    said = f"{events} {caplog.text} {failure!r} {held} {names} {settings!r}"
    for secret in (SECRET, "another-s3cret", "access-token-1"):
        assert secret not in said


@pytest.mark.anyio
async def test_the_budgets_are_the_accounts_own(entra: SmallEntra, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra.url, [contoso(), contoso(id="contoso-2")])
    async with opened(settings, entra.service.ca_bundle) as accounts:
        budgets = [(a.presence_budget, a.directory_budget) for a in accounts.values()]
    assert [(p.name, p.limit, p.window) for p, _ in budgets] == [
        ("presence of contoso", 1_200, 30),
        ("presence of contoso-2", 1_200, 30),
    ]
    assert [(d.limit, d.window) for _, d in budgets] == [(2_800, 10)] * 2
