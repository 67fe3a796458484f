"""`sync-agent import-ucc`: from the config.xml of the system before to accounts that sign in."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
import yaml

from sync_agent.settings import load
from tests.cli.commands import sentence
from tests.lab import Lab, Ran, command
from tests.setup.configs import CLIENT, ENCRYPTED, TENANT, account, config, source, with_secret

SITE = ("--site", "https://contoso.sharepoint.com/sites/ucc", "--list", "Agents")


def imported(folder: Path, text: str, *options: str) -> Ran:
    """Without a word of the secret, whatever comes of it."""
    path = folder / "config.xml"
    path.write_text(text, encoding="utf-8")
    ran = command("--settings", str(folder / "settings.yaml"), "import-ucc", str(path), *options)
    assert ENCRYPTED not in ran.out + ran.err
    return ran


def block(ran: Ran) -> list[dict[str, str]]:
    return yaml.safe_load(ran.out)["accounts"] or []


def test_the_block_is_printed_and_what_was_done_is_said(tmp_path: Path) -> None:
    ran = imported(tmp_path, config(source(with_secret(1), account(2, "fabrikam.com"))))
    assert ran.code == 0, ran.err
    by_app, by_person = block(ran)
    assert by_app == {
        "id": "contoso.com",
        "tenant_id": f"{TENANT}1",
        "client_id": f"{CLIENT}1",
        "auth": "client_secret",
        "client_secret": "${env:CONTOSO_COM_SECRET}",
    }
    assert (by_person["auth"], "client_secret" in by_person) == ("device_code", False)
    assert "EncryptedSecret opens only on the machine that made it" in ran.err
    assert "create a new client secret" in ran.err
    assert "`sync-agent login ACCOUNT`" in ran.err
    assert list(tmp_path.iterdir()) == [tmp_path / "config.xml"]


def test_nothing_is_said_of_what_is_not_there(tmp_path: Path) -> None:
    assert "EncryptedSecret" not in imported(tmp_path, config(source(account()))).err
    assert "login" not in imported(tmp_path, config(source(with_secret()))).err


def test_a_disabled_source_is_commented_out(tmp_path: Path) -> None:
    disabled = source(account(2, "fabrikam.com"), enabled="false")
    ran = imported(tmp_path, config(source(with_secret()), disabled))
    assert ran.code == 0
    assert [each["id"] for each in block(ran)] == ["contoso.com"]
    assert "\n  # - id: fabrikam.com\n" in ran.out
    assert "commented out: its source is disabled" in ran.err


def test_so_is_a_disabled_account(tmp_path: Path) -> None:
    ran = imported(tmp_path, config(source(account(1, "a"), account(2, "b", 'enabled="False"'))))
    assert [each["id"] for each in block(ran)] == ["a"]
    assert "commented out: it is disabled itself" in ran.err


@pytest.mark.parametrize(("switch", "told"), [(None, "does not say enabled="), ("perhaps", "says enabled=“perhaps”")])
def test_whether_it_is_enabled_is_not_guessed_silently(tmp_path: Path, switch: str | None, told: str) -> None:
    ran = imported(tmp_path, config(source(account(), enabled=switch)))
    assert f"The source in Configuration/PresenceProvider {told}; its accounts are taken as enabled." in ran.err


def test_several_accounts_of_one_tenant_share_it(tmp_path: Path) -> None:
    second = account(2, "second").replace(f"{TENANT}2", f"{TENANT}1")
    ran = imported(tmp_path, config(source(account(1, "first"), second)))
    assert [each["tenant_id"] for each in block(ran)] == [f"{TENANT}1"] * 2
    assert "it shares the users of its tenant with first" in ran.err


def test_ids_are_made_to_differ_and_that_is_said(tmp_path: Path) -> None:
    twice = [with_secret(1, "contoso.com"), with_secret(2, "Contoso.com"), with_secret(3, "contoso-com")]
    ran = imported(tmp_path, config(source(*twice)))
    made = block(ran)
    assert [each["id"] for each in made] == ["contoso.com", "Contoso.com-2", "contoso-com"]
    assert len({each["client_secret"] for each in made}) == 3
    assert all(re.fullmatch(r"\$\{env:[A-Z0-9_]+\}", each["client_secret"]) for each in made)
    assert "the later one is called Contoso.com-2" in ran.err


def test_without_an_id_it_is_called_after_its_tenant_and_that_is_said(tmp_path: Path) -> None:
    ran = imported(tmp_path, config(source(account().replace('Id="contoso.com"', ""))))
    assert [each["id"] for each in block(ran)] == [f"{TENANT}0"]
    assert "Account number 1, which has no Id, is called" in ran.err


def test_the_same_app_is_taken_once(tmp_path: Path) -> None:
    ran = imported(tmp_path, config(source(account(1, "a")), source(account(1, "b"))))
    assert (ran.code, [each["id"] for each in block(ran)]) == (0, ["a"])
    assert "Account b: the same app in the same tenant is account a already." in ran.err


def test_braces_and_capitals_around_ids_are_as_good(tmp_path: Path) -> None:
    text = config(source(account().replace(f"{CLIENT}0", f"{{{CLIENT.upper()}A}}")))
    assert block(imported(tmp_path, text))[0]["client_id"] == f"{CLIENT}a"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ((f'ClientId="{CLIENT}0"', ""), "Account contoso.com: it has no ClientId. Add it by hand"),
        ((f"{TENANT}0", "nowhere"), "its TenantId is “nowhere”, expected the tenant's id or a verified domain of it"),
        ((f"{CLIENT}0", "AbCdEfGhIjKlMnOpQrStUvWx123"), "its ClientId is a value that is not shown here, expected an"),
    ],
)
def test_an_account_that_is_wrong_is_left_out_with_the_reason(
    tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    text = config(source(account().replace(*change), account(1, "right")))
    ran = imported(tmp_path, text)
    assert (ran.code, [each["id"] for each in block(ran)]) == (1, ["right"])
    assert told in ran.err
    assert change[1] not in ran.err or change[1] == "nowhere" or not change[1]


def test_what_has_no_counterpart_is_named(tmp_path: Path) -> None:
    ran = imported(tmp_path, config(source(account(more='Scope="x"'))))
    assert ran.code == 0
    assert "Account contoso.com: scope has no counterpart here" in ran.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<a>", "is no well-formed XML: line 1"),
        (config(), "has no <MsGraphPresenceSource>"),
        (config(source()), "holds no account that could be taken over"),
    ],
)
def test_nothing_to_take_is_wrong_usage(tmp_path: Path, text: str, told: str) -> None:
    ran = imported(tmp_path, text)
    assert (ran.code, ran.out) == (2, "")
    assert told in sentence(ran)


def test_a_whole_settings_file(tmp_path: Path) -> None:
    disabled = source(account(2, "fabrikam.com"), enabled="false")
    ran = imported(tmp_path, config(source(with_secret()), disabled), "--write", *SITE, "--upn-column", "Sign-in name")
    assert (ran.code, ran.out) == (0, "")
    path = tmp_path / "settings.yaml"
    settings = load(path)
    assert [each.id for each in settings.accounts] == ["contoso.com"]
    assert settings.sharepoint.columns.upn == "Sign-in name"
    assert "# - id: fabrikam.com" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert sorted(each.name for each in tmp_path.iterdir()) == ["config.xml", "settings.yaml"]


def test_a_settings_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("mine")
    ran = imported(tmp_path, config(source(account())), "--write", *SITE)
    assert (ran.code, path.read_text()) == (2, "mine")
    assert "--force overwrites it" in sentence(ran)
    assert imported(tmp_path, config(source(account())), "--write", *SITE, "--force").code == 0
    assert load(path).accounts


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--write"], "needs besides: --site, --list, --account (one of a, b)."),
        (["--write", *SITE, "--account", "c"], "there is no account c in use. There are: a, b."),
        (["--write", "--site", "contoso", "--list", "x", "--account", "a"], "--site: expected the address of the site"),
        (["--site", "https://contoso.sharepoint.com"], "--site: only with --write."),
        (["--write", "--site", "https://contoso.sharepoint.us", "--list", "x", "--account", "a"], "cloud: usgov"),
    ],
)
def test_wrong_usage_leaves_nothing(tmp_path: Path, options: list[str], told: str) -> None:
    ran = imported(tmp_path, config(source(account(1, "a"), account(2, "b"))), *options)
    assert ran.code == 2
    assert told in sentence(ran)
    assert list(tmp_path.iterdir()) == [tmp_path / "config.xml"]


def test_another_cloud(tmp_path: Path) -> None:
    there = ("--cloud", "usgov", "--write", "--site", "https://contoso.sharepoint.us", "--list", "Agents")
    assert imported(tmp_path, config(source(account())), *there).code == 0
    assert [each.cloud for each in load(tmp_path / "settings.yaml").accounts] == ["usgov"]


def test_disabled_accounts_alone_make_no_settings_file(tmp_path: Path) -> None:
    ran = imported(tmp_path, config(source(account(), enabled="false")), "--write", *SITE)
    assert ran.code == 2
    assert "Every account is disabled" in sentence(ran)


def test_what_was_imported_signs_in_once_the_new_secret_is_there(ready: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The printed block in the place of the accounts of settings that work, as an operator would put it there."""
    found = [
        f'<Account Id="{id_}" ClientId="{app.client_id}" TenantId="{tenant.id}" EncryptedSecret="{ENCRYPTED}"/>'
        for id_, tenant, app in ready.world.accounts
    ]
    text = ready.settings.read_text()
    config_xml = ready.folder / "config.xml"
    config_xml.write_text(config(source(*found)))
    made = ready.run("import-ucc", str(config_xml))
    new = re.sub(r"^(  - id: .*)$", r"\1\n    cloud: lab", made.out, flags=re.MULTILINE)
    before, _, after = text.partition("accounts:\n")
    ready.settings.write_text(f"{before}{new}clouds:{after.partition('clouds:')[2]}")
    refused = ready.run("sync", "--json")
    assert refused.code == 2
    assert "the environment variable CONTOSO_COM_SECRET is not set" in refused.err
    for id_, _, app in ready.world.accounts:
        monkeypatch.setenv(f"{id_.upper().replace('.', '_')}_SECRET", next(iter(app.secrets)))
    ran = ready.run("sync", "--json")
    assert {account["state"] for account in ran.json()["accounts"].values()} == {"ok"}
