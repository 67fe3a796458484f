"""deploy/register-app.sh, against an Azure CLI that takes only what Microsoft's pages have."""

from __future__ import annotations

import base64
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from sync_agent.check.needed import LIST_ALONE, TABLE, Service, When
from sync_agent.settings import load
from tests.deploy import az
from tests.deploy.conftest import SCRIPT, Shell

SITE = ("--site-url", "https://contoso.sharepoint.com/sites/ucc")
PLACE = f"/sites/{az.SITE}"
_SERVICES = {Service.GRAPH: az.GRAPH, Service.SHAREPOINT: az.SHAREPOINT}


def least(*when: When) -> list[tuple[str, str]]:
    return sorted((_SERVICES[each.service], each.permission) for each in TABLE if each.when in when)


def grants(shell: Shell, place: str = PLACE) -> list[tuple[str, list[str]]]:
    """Client id and roles."""
    found = []
    for each in shell.tenant["grants"].get(place, []):
        [identity] = each.get("grantedToIdentities") or [each["grantedToV2"]]
        found.append((identity["application"]["id"], each["roles"]))
    return found


def settings(shell: Shell, printed: str) -> Any:
    file = shell.folder / "settings.yaml"
    file.write_text(printed)
    return load(file)


def test_an_app_with_the_least_permissions_a_certificate_and_the_one_site(shell: Shell) -> None:
    done = shell.run(*SITE)
    assert done.returncode == 0, done.stderr
    wanted = least(When.ALWAYS, When.LIST, When.LIST_BY_REST)
    assert shell.asked_for("Role") == shell.granted() == wanted
    assert shell.asked_for("Scope") == shell.tenant["scope_grants"] == []
    [app] = shell.tenant["applications"]
    assert app["signInAudience"] == "AzureADMyOrg"
    assert app["isFallbackPublicClient"] is False
    assert grants(shell) == [(app["appId"], ["manage"])]


def test_the_key_stays_here_readable_by_its_owner_alone(shell: Shell) -> None:
    assert shell.run(*SITE).returncode == 0
    pem = shell.folder / "sync-agent.pem"
    assert stat.S_IMODE(pem.stat().st_mode) == 0o600
    [uploaded] = shell.tenant["applications"][0]["keyCredentials"]
    certificate = x509.load_der_x509_certificate(base64.b64decode(uploaded["key"]))
    assert certificate == x509.load_pem_x509_certificate(pem.read_bytes())
    assert 729 <= (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days <= 731
    assert "PRIVATE KEY" not in (shell.folder / "tenant.json").read_text()
    assert sorted(each.name for each in shell.folder.iterdir()) == ["bin", "sync-agent.pem", "tenant.json"]


def test_the_second_run_changes_nothing(shell: Shell) -> None:
    first = shell.run(*SITE)
    before, key = shell.tenant, (shell.folder / "sync-agent.pem").read_bytes()
    shell.set(said=[])
    second = shell.run(*SITE)
    assert second.returncode == 0, second.stderr
    assert second.stdout == first.stdout
    assert shell.said("post", "patch", "delete") == []
    assert shell.tenant | {"said": []} == before | {"said": []}
    assert (shell.folder / "sync-agent.pem").read_bytes() == key


LOOKS = ["get /servicePrincipals$", "get /applications$"]
STEPS = [
    "post /applications",
    "get /applications/",
    "patch /applications/",
    "post /servicePrincipals$",
    "get /servicePrincipals/.*/appRoleAssignments",
    "post /servicePrincipals/.*/appRoleAssignedTo",
    "post /sites/",
]


def test_a_run_that_was_refused_half_way_is_finished_by_the_next(shell: Shell) -> None:
    for step in (*LOOKS, *STEPS):
        shell.set(refused=[step])
        stopped = shell.run(*SITE)
        assert stopped.returncode == (3 if step == "post /sites/" else 1), step
        assert "Access denied (accessDenied)" in stopped.stderr
        assert "Traceback" not in stopped.stderr
    shell.set(refused=[])
    assert shell.run(*SITE).returncode == 0
    tenant = shell.tenant
    assert len(tenant["applications"]) == len(tenant["principals"]) == len(grants(shell)) == 1
    assert len(tenant["applications"][0]["keyCredentials"]) == 1
    assert shell.granted() == least(When.ALWAYS, When.LIST, When.LIST_BY_REST)


def test_what_entra_does_not_know_everywhere_yet_is_waited_for(shell: Shell) -> None:
    shell.set(not_yet=STEPS[1:-1])
    done = shell.run(*SITE)
    assert done.returncode == 0, done.stderr
    assert shell.tenant["not_yet"] == []


@pytest.mark.parametrize(
    "refused", ["get /sites/contoso.sharepoint.com:", "get /sites/.*/permissions$", "post /sites/"]
)
def test_whoever_may_not_open_the_site_is_told_who_may_and_has_the_settings(shell: Shell, refused: str) -> None:
    shell.set(refused=[refused])
    done = shell.run(*SITE)
    assert done.returncode == 3
    assert grants(shell) == []
    assert "Sites.FullControl.All" in done.stderr
    assert shell.tenant["applications"][0]["appId"] in done.stderr
    assert settings(shell, done.stdout).sharepoint.agent_list == "Agents"


def test_a_person_signs_in_by_device_code(shell: Shell) -> None:
    options = (*SITE, "--auth", "device_code")
    done = shell.run(*options)
    assert done.returncode == 0, done.stderr
    wanted = least(When.ALWAYS, When.LIST, When.LIST_BY_REST, When.PERSON)
    assert shell.asked_for("Scope") == wanted
    assert shell.asked_for("Role") == shell.tenant["role_assignments"] == []
    services = {each["id"]: each["appId"] for each in shell.tenant["services"]}
    given = [
        (services[one["resourceId"]], name) for one in shell.tenant["scope_grants"] for name in one["scope"].split()
    ]
    assert sorted(given) == wanted
    [app] = shell.tenant["applications"]
    assert app["isFallbackPublicClient"] is True
    assert app["keyCredentials"] == []
    assert not (shell.folder / "sync-agent.pem").exists()
    assert settings(shell, done.stdout).accounts[0].auth == "device_code"
    shell.set(said=[])
    assert shell.run(*options).returncode == 0
    assert shell.said("post", "patch", "delete") == []


def test_scopes_that_are_consented_to_already_stay(shell: Shell) -> None:
    options = (*SITE, "--auth", "device_code")
    assert shell.run(*options).returncode == 0
    old = [each | {"scope": "Mail.Send User.Read.All"} for each in shell.tenant["scope_grants"]]
    shell.set(scope_grants=old)
    assert shell.run(*options).returncode == 0
    of_graph = shell.tenant["scope_grants"][0]["scope"].split()
    assert of_graph[:2] == ["Mail.Send", "User.Read.All"]
    assert len(of_graph) == len(set(of_graph)) == 5


def test_one_list_alone(shell: Shell) -> None:
    title = "Ag'ents & Co #1"
    options = (*SITE, "--grant", "list", "--list", title)
    done = shell.run(*options)
    assert done.returncode == 0, done.stderr
    assert {name for _, name in shell.granted()} == {"User.Read.All", "Presence.Read.All", LIST_ALONE}
    place, client_id = f"{PLACE}/lists/list-2", shell.tenant["applications"][0]["appId"]
    assert grants(shell) == []
    assert grants(shell, place) == [(client_id, ["manage"])]
    assert settings(shell, done.stdout).sharepoint.agent_list == title
    assert shell.run(*options, "--role", "write").returncode == 0
    assert grants(shell, place) == [(client_id, ["write"])]


def test_the_role_is_lowered_and_the_grants_of_others_stay(shell: Shell) -> None:
    other = {"id": "1", "roles": ["read"], "grantedToIdentities": [{"application": {"id": "other"}}]}
    shell.set(grants={PLACE: [other]})
    assert shell.run(*SITE).returncode == 0
    assert shell.run(*SITE, "--role", "write").returncode == 0
    assert grants(shell) == [("other", ["read"]), (shell.tenant["applications"][0]["appId"], ["write"])]


def test_a_tenant_with_agents_but_not_the_list(shell: Shell) -> None:
    done = shell.run("--optional", "Organization.Read.All")
    assert done.returncode == 0, done.stderr
    assert shell.granted() == sorted([*least(When.ALWAYS), (az.GRAPH, "Organization.Read.All")])
    assert shell.tenant["grants"] == {}
    assert yaml.safe_load(done.stdout).keys() == {"accounts"}


def test_by_graph_sharepoint_itself_is_not_asked_for(shell: Shell) -> None:
    assert shell.run(*SITE, "--api", "graph").returncode == 0
    assert shell.granted() == least(When.ALWAYS, When.LIST)


def test_what_is_printed_is_what_the_product_reads(shell: Shell) -> None:
    name, account = """Agents' "sync" & #1 $(touch x) 100 %""", "contact: centre"
    (shell.folder / "a folder").mkdir()
    options = (*SITE, "--name", name, "--account", account, "--certificate", "a folder/key's.pem")
    done = shell.run(*options)
    assert done.returncode == 0, done.stderr
    [app] = shell.tenant["applications"]
    assert app["displayName"] == name
    loaded = settings(shell, done.stdout)
    [read] = loaded.accounts
    assert (read.id, read.client_id, read.tenant_id) == (account, app["appId"], shell.tenant["account"]["tenantId"])
    assert Path(read.certificate.path) == shell.folder / "a folder" / "key's.pem"
    assert (loaded.sharepoint.site_url, loaded.sharepoint.account, loaded.sharepoint.api) == (SITE[1], account, "rest")
    assert shell.run(*options).returncode == 0
    assert len(shell.tenant["applications"]) == 1
    assert not (shell.folder / "x").exists()


def test_a_registration_of_others_is_not_touched_unless_it_is_named(shell: Shell) -> None:
    assert shell.run(*SITE).returncode == 0
    [app] = shell.tenant["applications"]
    theirs = app | {"tags": [], "requiredResourceAccess": [], "keyCredentials": []}
    shell.set(applications=[theirs])
    refused = shell.run(*SITE)
    assert refused.returncode == 1
    assert f"--client-id {app['appId']}" in refused.stderr
    assert shell.tenant["applications"] == [theirs]
    assert shell.run(*SITE, "--client-id", app["appId"]).returncode == 0
    assert shell.asked_for("Role") == least(When.ALWAYS, When.LIST, When.LIST_BY_REST)
    shell.set(applications=[app, app | {"appId": "b", "id": "b"}])
    assert "choose one by --client-id" in shell.run(*SITE).stderr


def test_permissions_and_certificates_that_are_there_stay_and_too_much_is_said(shell: Shell) -> None:
    assert shell.run(*SITE).returncode == 0
    tenant = shell.tenant
    [app], graph = tenant["applications"], tenant["services"][0]
    mail = next(each["id"] for each in graph["appRoles"] if each["value"] == "Mail.Send")
    assignment = tenant["role_assignments"][0] | {"resourceId": graph["id"], "appRoleId": mail}
    access = [{"resourceAppId": az.GRAPH, "resourceAccess": [{"id": mail, "type": "Role"}]}]
    shell.set(
        applications=[app | {"requiredResourceAccess": access}],
        role_assignments=[*tenant["role_assignments"], assignment],
    )
    (shell.folder / "sync-agent.pem").unlink()
    done = shell.run(*SITE)
    assert done.returncode == 0, done.stderr
    wanted = sorted([*least(When.ALWAYS, When.LIST, When.LIST_BY_REST), (az.GRAPH, "Mail.Send")])
    assert shell.asked_for("Role") == shell.granted() == wanted
    assert "1 permission(s) that sync-agent does not need" in done.stderr
    keys = shell.tenant["applications"][0]["keyCredentials"]
    assert len(keys) == 2
    assert keys[0] == app["keyCredentials"][0]


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        ({"account": None}, (), "not signed in"),
        ({}, ("--tenant", "another"), "signed in to tenant 11111111-2222-3333-4444-555555555555, not another"),
        ({"services": []}, (), "does not know the service"),
        ({"account": {"environmentName": "Other", "tenantId": "x"}}, (), "a cloud that sync-agent does not know"),
    ],
)
def test_where_nothing_can_be_done_nothing_is_made(
    shell: Shell, values: dict[str, object], options: tuple[str, ...], words: str
) -> None:
    shell.set(**values)
    done = shell.run(*SITE, *options)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stdout == ""
    assert shell.said("post", "patch", "delete") == []
    assert not (shell.folder / "sync-agent.pem").exists()


def test_a_permission_that_the_tenant_does_not_offer_is_named(shell: Shell) -> None:
    services = shell.tenant["services"]
    services[1]["appRoles"] = []
    shell.set(services=services)
    done = shell.run(*SITE)
    assert done.returncode == 1
    assert "offers no permission Sites.Selected" in done.stderr
    assert shell.tenant["applications"] == []


def test_a_file_that_is_no_certificate_is_not_overwritten(shell: Shell) -> None:
    (shell.folder / "sync-agent.pem").write_text("precious")
    done = shell.run(*SITE)
    assert done.returncode == 1
    assert "holds no key" in done.stderr
    assert (shell.folder / "sync-agent.pem").read_text() == "precious"
    assert shell.tenant["applications"] == []


@pytest.mark.parametrize(
    "options",
    [
        ("--role", "admin"),
        ("--optional", "Mail.Send"),
        ("--days", "x"),
        ("--site-url", "http://contoso.sharepoint.com/sites/ucc"),
        ("--site-url", "https://contoso.sharepoint.com/sites/ucc/Lists/Agents/AllItems.aspx"),
        ("--sit-url", "x"),
        ("--name",),
        ("--name", ""),
    ],
)
def test_wrong_usage(shell: Shell, options: tuple[str, ...]) -> None:
    done = shell.run(*options)
    assert done.returncode == 2
    assert "--help" in done.stderr
    assert shell.tenant["said"] == []


@pytest.mark.parametrize(
    ("environment", "options", "cloud", "host"),
    [
        ("AzureUSGovernment", (), "usgov", "https://graph.microsoft.us"),
        ("AzureUSGovernment", ("--cloud", "usgov_dod"), "usgov_dod", "https://dod-graph.microsoft.us"),
        ("AzureChinaCloud", (), "china", "https://microsoftgraph.chinacloudapi.cn"),
    ],
)
def test_national_clouds(shell: Shell, environment: str, options: tuple[str, ...], cloud: str, host: str) -> None:
    shell.set(host=host, account=shell.tenant["account"] | {"environmentName": environment})
    done = shell.run(*options)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["accounts"][0]["cloud"] == cloud
    assert ((az.GRAPH, "Presence.Read.All") in shell.granted()) == (cloud != "china")


def test_the_linter_of_shells_has_nothing_to_say() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("shellcheck")), "--severity=style", str(SCRIPT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
