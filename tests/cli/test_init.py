"""`sync-agent init` with nobody at a terminal: everything by options, tried live, and settings that work."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sync_agent.cli.init import init
from sync_agent.settings import load
from sync_agent.simulator.certificates import SelfSigned
from tests.cli.commands import sentence
from tests.lab import Lab, Ran, command, lab

SITE = "https://contoso.sharepoint.com/sites/ucc"


def options(lab: Lab, **changed: str | None) -> list[str]:
    """All that are needed for the home tenant, with changes by name."""
    domain, _, app = lab.world.accounts[0]
    usual: dict[str, str | None] = {
        "cloud": "lab",
        "authority": lab.world.origin,
        "graph": lab.world.origin,
        "ca_bundle": "ca.pem",
        "tenant": domain,
        "auth": "client_secret",
        "client_id": app.client_id,
        "client_secret": f"${{file:secrets/{domain}}}",
        "site": f"{lab.world.origin}/sites/ucc",
        "list": "Agents",
        "upn_column": "UPN",
    }
    given = {name: value for name, value in (usual | changed).items() if value is not None}
    return [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", value)]


def made(lab: Lab, *more: str, **changed: str | None) -> Ran:
    """Beside the settings of the lab, in its folder; nothing secret is said, whatever comes of it."""
    ran = command("--settings", str(new(lab)), "init", *options(lab, **changed), *more)
    assert all(secret not in ran.out + ran.err for _, _, app in lab.world.accounts for secret in app.secrets)
    return ran


def new(lab: Lab) -> Path:
    return lab.folder / "new.yaml"


def test_the_settings_work_at_once(tmp_path: Path) -> None:
    """As a newcomer goes on: what is told to be next, with the file that was made."""
    with lab(tmp_path, rows=45, tenants=1) as bare:
        _work_at_once(bare)


def _work_at_once(bare: Lab) -> None:
    ran = made(bare)
    assert (ran.code, ran.err) == (0, "")
    domain, tenant, app = bare.world.accounts[0]
    settings = load(new(bare))
    (account,) = settings.accounts
    assert (account.id, account.tenant_id, account.client_id) == (domain, tenant.id, app.client_id)
    assert stat.S_IMODE(new(bare).stat().st_mode) == 0o644
    told = [line.split()[3:] for line in ran.out.splitlines() if line.startswith("  sync-agent ")]
    assert told == [["check"], ["provision"], ["sync", "--dry-run"], ["sync"], ["run"]]
    done = [command("--settings", str(new(bare)), *each) for each in told[1:4]]
    assert [each.code for each in done] == [0, 0, 0], done
    checked = command("--settings", str(new(bare)), "check", "--json").json()
    assert {each["id"] for each in checked["findings"] if each["level"] == "error"} == set()


def test_what_was_found_is_told(bare: Lab) -> None:
    domain, tenant, app = bare.world.accounts[0]
    app.permissions.add("Organization.Read.All")
    other, other_tenant, _ = bare.world.accounts[1]
    out = made(bare).out
    assert f"{domain} belongs to tenant {tenant.id}." in out
    assert f"The tenant is called {tenant.name}." in out
    assert f"✓ Account {domain} signs in (auth: client_secret)." in out
    assert "The list Agents has 45 rows." in out
    assert "UPN: 43 of 44 filled cells read as a UPN." in out
    assert f"in {other}: another tenant, {other_tenant.id}. It needs an account of its own." in out


def test_by_certificate(bare: Lab) -> None:
    _, _, app = bare.world.accounts[0]
    certificate = SelfSigned("sync-agent")
    app.certificates.append(certificate.certificate)
    (bare.folder / "c.pem").write_bytes(certificate.pem())
    (bare.folder / "c.pem").chmod(0o600)
    assert made(bare, auth="certificate", client_secret=None, certificate="c.pem").code == 0
    assert load(new(bare)).list_api() == "rest"
    assert command("--settings", str(new(bare)), "provision").code == 0


def test_by_a_certificate_with_a_password(bare: Lab) -> None:
    _, _, app = bare.world.accounts[0]
    certificate = SelfSigned("sync-agent")
    app.certificates.append(certificate.certificate)
    (bare.folder / "c.pfx").write_bytes(certificate.pfx("hunter2"))
    (bare.folder / "password").write_text("hunter2\n")
    by_file = {"auth": "certificate", "client_secret": None, "certificate": "c.pfx"}
    refused = made(bare, **by_file)
    assert refused.code == 1
    assert "certificate_unusable" in refused.out
    ran = made(bare, **by_file, certificate_password="${file:password}")
    assert ran.code == 0, ran.out
    assert "hunter2" not in new(bare).read_text() + ran.out
    assert command("--settings", str(new(bare)), "provision", "--dry-run").code == 0


def test_where_lists_may_not_be_listed_the_one_that_is_named_is_opened(bare: Lab) -> None:
    """A permission on one list alone: Graph then tells of that one and of no other."""
    bare.world.faults.add(r"GET /v1.0/sites/[^/]+/lists\?", status=403)
    ran = made(bare)
    assert ran.code == 0, ran.out
    assert "The list Agents has 45 rows." in ran.out


def test_a_persons_sign_in_is_left_for_later(bare: Lab) -> None:
    ran = made(bare, auth="device_code", client_secret=None)
    assert ran.code == 0
    domain = bare.world.accounts[0][0]
    assert f"Nobody has signed in to account {domain} yet" in ran.out
    assert ran.out.index(f" login {domain}") < ran.out.index(" check")
    assert not (bare.folder / "state").exists()


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        (["tenant", "auth", "client_id", "client_secret"], "--tenant, --auth."),
        (["client_id", "client_secret"], "--client-id, --client-secret."),
        (["site", "list", "upn_column"], "--site, --list, --upn-column."),
        (["authority", "graph"], "--authority, --graph."),
    ],
)
def test_missing_answers_are_named_all_at_once(bare: Lab, missing: list[str], told: str) -> None:
    ran = made(bare, **dict.fromkeys(missing))
    assert (ran.code, ran.out) == (2, "")
    assert sentence(ran) == f"Nobody is at a terminal to be asked, so these are needed: {told}"
    assert not new(bare).exists()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"tenant": "nowhere"}, "--tenant: expected the tenant's id or a verified domain of it"),
        ({"client_id": "mine"}, "--client-id: expected an id such as"),
        ({"auth": "password"}, "--auth: expected one of certificate, client_secret, device_code"),
        ({"client_secret": "hunter2-hunter2"}, "--client-secret: expected ${env:NAME}, ${file:/path}"),
        ({"upn_column": "UPM"}, 'Did you mean "UPN"?'),
        ({"name_column": "Names"}, 'Did you mean "Name"?'),
        ({"ca_bundle": "none.pem"}, "none.pem"),
        ({"site": f"{SITE}/Lists/Agents/AllItems.aspx"}, f"write {SITE}."),
    ],
)
def test_answers_that_cannot_be_right(bare: Lab, changed: dict[str, str], told: str) -> None:
    ran = made(bare, **changed)
    assert ran.code == 2
    assert told in sentence(ran)
    assert "hunter2" not in ran.out + ran.err
    assert not new(bare).exists()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"tenant": "nobody-has-this.example"}, "No tenant has the domain nobody-has-this.example."),
        ({"client_id": "99999999-9999-4999-8999-999999999999"}, "app_unknown"),
        ({"client_secret": "${env:NOT_SET_ANYWHERE}"}, "the environment variable NOT_SET_ANYWHERE is not set"),
        ({"list": "Agent"}, "list_not_found"),
    ],
)
def test_a_trial_that_fails_writes_nothing_unless_it_is_to_be_kept(
    bare: Lab, changed: dict[str, str], told: str
) -> None:
    ran = made(bare, **changed)
    assert ran.code == 1
    assert told in ran.out
    assert "Nothing was written" in ran.err
    assert not new(bare).exists()
    assert made(bare, "--keep", **changed).code == 0
    assert load(new(bare)).accounts


def test_a_permission_that_is_missing_is_found(bare: Lab) -> None:
    _, _, app = bare.world.accounts[0]
    app.permissions.remove("Presence.Read.All")
    ran = made(bare)
    assert ran.code == 1
    assert "presence_not_permitted" in ran.out


def test_a_site_that_is_not_granted_is_found(bare: Lab) -> None:
    next(iter(bare.world.sites.values())).grants.clear()
    ran = made(bare)
    assert ran.code == 1
    assert "site_not_granted" in ran.out
    assert "step 5" in ran.out


def test_a_column_without_upns_is_doubted(bare: Lab) -> None:
    ran = made(bare, upn_column="Extension")
    assert ran.code == 0
    assert "! Extension is a strange choice: 0 of 45 filled cells read as a UPN." in ran.out


def test_settings_that_are_there_need_force(bare: Lab) -> None:
    new(bare).write_text("mine")
    ran = made(bare)
    assert (ran.code, new(bare).read_text()) == (2, "mine")
    assert "--force overwrites it" in sentence(ran)
    assert made(bare, "--force").code == 0
    assert load(new(bare)).accounts


def test_one_of_microsofts_own_clouds_needs_no_addresses(tmp_path: Path) -> None:
    """The government's tenants are not here to be asked: kept without proof, it loads for that cloud."""
    by_guid = "11111111-2222-4333-8444-555555555555"
    answers = {
        "cloud": "usgov",
        "tenant": by_guid,
        "auth": "client_secret",
        "client-id": by_guid,
        "client-secret": "${env:NOT_SET_ANYWHERE}",
        "site": "https://contoso.sharepoint.us/sites/ucc",
        "list": "Agents",
        "upn-column": "UPN",
    }
    given = [part for name, value in answers.items() for part in (f"--{name}", value)]
    path = tmp_path / "settings.yaml"
    ran = command("--settings", str(path), "init", *given, "--keep")
    assert ran.code == 0, ran.err
    assert [each.cloud for each in load(path).accounts] == ["usgov"]


def test_the_help_says_what_each_option_is_for() -> None:
    assert all(getattr(option, "help", None) for option in init.params)
