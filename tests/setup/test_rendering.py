"""The settings file that is made: the repository's example is one of them, and any answer survives being written."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.settings import load
from sync_agent.settings.yaml_source import read_yaml
from sync_agent.setup.draft import AccountDraft, CloudDraft, Draft, SiteDraft, unlike
from sync_agent.setup.rendering import accounts_text, scalar, settings_text

EXAMPLE = Path(__file__).parents[2] / "settings.yaml"
CLIENT = "66666666-7777-8888-9999-000000000000"
TENANT = "11111111-2222-3333-4444-555555555555"
ACCOUNT = AccountDraft("contoso.com", TENANT, "client_secret", CLIENT, client_secret="${env:CONTOSO_COM_SECRET}")
SITE = SiteDraft("https://contoso.sharepoint.com/sites/ucc", "Agents", "contoso.com")
SMALLEST = Draft(SITE, (ACCOUNT,))


def draft_of(path: Path) -> Draft:
    """What the example is made of."""
    settings = load(path)
    accounts = tuple(
        AccountDraft(
            each.id,
            each.tenant_id,
            each.auth,
            each.client_id or "",
            client_secret=each.client_secret.written if each.client_secret else "",
            cloud=each.cloud,
        )
        for each in settings.accounts
    )
    clouds = tuple(
        CloudDraft(name, cloud.authority, cloud.graph, str(cloud.ca_bundle.relative_to(path.parent)))
        for name, cloud in settings.clouds.items()
        if cloud.ca_bundle is not None
    )
    sharepoint = settings.sharepoint
    return Draft(SiteDraft(sharepoint.site_url, sharepoint.agent_list, sharepoint.account), accounts, clouds)


def without_head(text: str) -> str:
    return text.partition("\n\n")[2]


def test_the_example_of_the_repository_is_made_by_the_template() -> None:
    made = settings_text(draft_of(EXAMPLE), "`sync-agent init`")
    assert without_head(made) == without_head(EXAMPLE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "account",
    [
        ACCOUNT,
        AccountDraft("a: #b", "contoso.com", "device_code", CLIENT, note="two\nlines"),
        AccountDraft("null", TENANT, "managed_identity", cloud="usgov"),
        AccountDraft("c", TENANT, "certificate", CLIENT, certificate="a b,}.pem", certificate_password="${env:P}"),
        AccountDraft("w", TENANT, "workload_identity", CLIENT, token_file="C:\\token"),
    ],
    ids=lambda account: account.auth,
)
def test_each_way_to_sign_in_loads(account: AccountDraft, tmp_path: Path) -> None:
    site = SiteDraft("https://contoso.sharepoint.us/sites/ucc", "true", account.id, upn="Anmeldename (ä)", name="Name")
    cloud = "usgov" if account.cloud == "global" else account.cloud
    account = AccountDraft(**{name: getattr(account, name) for name in AccountDraft.__slots__} | {"cloud": cloud})
    path = tmp_path / "settings.yaml"
    path.write_text(settings_text(Draft(site, (account,), off=(ACCOUNT,)), "x"), encoding="utf-8")
    settings = load(path)
    (made,) = settings.accounts
    assert (made.id, made.auth, made.tenant_id, made.cloud) == (account.id, account.auth, account.tenant_id, cloud)
    assert settings.sharepoint.columns.upn == site.upn
    assert settings.sharepoint.agent_list == site.agent_list
    if account.certificate:
        assert made.certificate is not None
        assert made.certificate.path == tmp_path / account.certificate
        assert made.certificate.password is not None
        assert made.certificate.password.written == account.certificate_password


def test_accounts_that_are_off_are_comments_that_can_be_taken_out() -> None:
    text = accounts_text([ACCOUNT], [AccountDraft("fabrikam.com", TENANT, "device_code", CLIENT, note="off: why")])
    assert [each["id"] for each in yaml.safe_load(text)["accounts"]] == ["contoso.com"]
    lines = [line.replace("  # ", "  ", 1) for line in text.splitlines() if "off: why" not in line]
    assert [each["id"] for each in yaml.safe_load("\n".join(lines))["accounts"]] == ["contoso.com", "fabrikam.com"]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp"]), min_size=1))
def test_any_text_is_read_as_it_was_given(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "scalar.yaml"
    path.write_text(f"a: {scalar(text)} # x\nb: {{c: {scalar(text, flow=True)}, d: e}}\n", encoding="utf-8")
    document = read_yaml(path)
    assert document.mistakes == ()
    assert document.value == {"a": text, "b": {"c": text, "d": "e"}}


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert unlike("a", []) == "a"
    assert unlike("A", ["a", "a-2"]) == "A-3"
