"""Settings that are right one by one, and wrong together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.files import NEXT_LINE, SECOND_ACCOUNT, SMALLEST, changed, loaded, said

NAMED = changed("  agent_list: Agents", "  agent_list: Agents\n  account: contoso")


@pytest.mark.parametrize("id_", ["contoso", "Contoso", '" contoso"'])
def test_two_accounts_of_one_id(tmp_path: Path, id_: str) -> None:
    name = id_.strip('" ')
    told = f"found “{name}” a second time, expected ids that differ, case aside"
    (line,) = said(tmp_path, NAMED + changed("fabrikam\n", f"{id_}\n", SECOND_ACCOUNT))
    assert line.startswith(f"{NEXT_LINE + 1}:5: accounts.")
    assert line.endswith(told)


@pytest.mark.parametrize(
    ("named", "hint"), [("contosso", "did you mean contoso?"), ("tailspin", "there is contoso or fabrikam")]
)
def test_a_list_opened_by_no_account(tmp_path: Path, named: str, hint: str) -> None:
    text = changed("account: contoso", f"account: {named}", NAMED) + SECOND_ACCOUNT
    assert said(tmp_path, text) == [f"4:3: sharepoint.account: found “{named}”, expected the id of an account; {hint}"]


@pytest.mark.parametrize(
    ("cloud", "hint"),
    [("labb", "did you mean lab?"), ("mars", "there is global, usgov, usgov_dod, china or lab")],
)
def test_an_account_in_a_cloud_that_nobody_knows(tmp_path: Path, cloud: str, hint: str) -> None:
    clouds = "clouds: {lab: {authority: 'https://x', graph: 'https://x'}}\n"
    text = changed("auth: client_secret", f"auth: client_secret\n    cloud: {cloud}") + clouds
    told = f"9:5: accounts.contoso.cloud: found “{cloud}”, expected a known cloud; {hint}"
    assert said(tmp_path, text) == [told]


@pytest.mark.parametrize("name", ["global", "usgov", "usgov_dod", "china"])
def test_a_cloud_of_ones_own_with_the_name_of_microsofts(tmp_path: Path, name: str) -> None:
    text = f"{SMALLEST}clouds:\n  {name}: {{authority: 'https://x', graph: 'https://x'}}\n"
    told = f"{NEXT_LINE + 1}:3: clouds.{name}: found the name of a cloud of Microsoft's, expected another name"
    assert said(tmp_path, text) == [told]


@pytest.mark.parametrize("cloud", ["global", "usgov", "usgov_dod", "china"])
@pytest.mark.parametrize(
    "host", ["sharepoint.com", "sharepoint.us", "sharepoint-mil.us", "sharepoint.cn", "example.com"]
)
def test_a_site_in_another_cloud_than_its_account(tmp_path: Path, cloud: str, host: str) -> None:
    clouds = {
        "sharepoint.com": "global",
        "sharepoint.us": "usgov",
        "sharepoint-mil.us": "usgov_dod",
        "sharepoint.cn": "china",
    }
    site = f"https://contoso.{host}/sites/ucc"
    text = changed("https://contoso.sharepoint.com/sites/ucc", site)
    text = changed("auth: client_secret", f"auth: client_secret\n    cloud: {cloud}", text)
    if clouds.get(host, cloud) == cloud:
        assert loaded(tmp_path, text).sharepoint.site_url == site
        return
    (line,) = said(tmp_path, text)
    ending = next(end for end, name in clouds.items() if name == cloud)
    assert line == (
        f"2:3: sharepoint.site_url: found “{site}”, expected a site of the account's cloud, {cloud}: "
        f"one that ends in .{ending}; or give the account cloud: {clouds[host]}"
    )


def test_a_cloud_of_ones_own_may_have_any_site(tmp_path: Path) -> None:
    clouds = "clouds: {lab: {authority: 'https://x', graph: 'https://x'}}\n"
    text = changed("auth: client_secret", "auth: client_secret\n    cloud: lab") + clouds
    assert loaded(tmp_path, text).accounts[0].cloud == "lab"


@pytest.mark.parametrize(
    ("columns", "place", "told"),
    [
        ("{SyncStatus: UPN}", "4:13: sharepoint.columns.SyncStatus", "“UPN” for both upn and SyncStatus"),
        ("{SyncStatus: upn}", "4:13: sharepoint.columns.SyncStatus", "“upn” for both upn and SyncStatus"),
        ("{Presence: Title}", "4:13: sharepoint.columns.Presence", "“Title” for both name and Presence"),
        ("{upn: SyncStatus}", "4:13: sharepoint.columns.upn", "“SyncStatus” for both upn and SyncStatus"),
        (
            "{Presence: X, PresenceActivity: ' x'}",
            "4:26: sharepoint.columns.PresenceActivity",
            "“x” for both Presence and PresenceActivity",
        ),
        (
            "{Presence: PresenceActivity}",
            "4:13: sharepoint.columns.Presence",
            "“PresenceActivity” for both Presence and PresenceActivity",
        ),
    ],
)
def test_a_column_for_two_things(tmp_path: Path, columns: str, place: str, told: str) -> None:
    text = changed("  agent_list: Agents", f"  agent_list: Agents\n  columns: {columns}")
    assert said(tmp_path, text) == [f"{place}: found {told}, expected a column of its own for each"]


def test_upn_and_name_may_be_one_column(tmp_path: Path) -> None:
    text = changed("  agent_list: Agents", "  agent_list: Agents\n  columns: {upn: Title}")
    assert loaded(tmp_path, text).sharepoint.columns.upn == "Title"


def test_several_accounts_may_name_one_tenant(tmp_path: Path) -> None:
    second = changed("fabrikam.onmicrosoft.com", "11111111-2222-3333-4444-555555555555", SECOND_ACCOUNT)
    tenants = {account.tenant_id for account in loaded(tmp_path, NAMED + second).accounts}
    assert len(tenants) == 1


@pytest.mark.parametrize("name", ["Agents", "' agents'"])
def test_the_list_of_anomalies_is_not_the_agent_list(tmp_path: Path, name: str) -> None:
    text = changed("  agent_list: Agents", f"  agent_list: Agents\n  anomaly_list: {name}")
    (line,) = said(tmp_path, text)
    assert line.startswith("4:3: sharepoint.anomaly_list: found “")
    assert line.endswith("which is the agent_list, expected a list of its own")


_PUSH = "presence:\n  push:\n    notification_url: https://agents.contoso.com/graph\n"


def test_push_with_a_persons_account(tmp_path: Path) -> None:
    push = loaded(tmp_path, NAMED + SECOND_ACCOUNT + _PUSH).presence.push
    assert push is not None
    assert (push.listen, push.accounts, push.most) == ("127.0.0.1:8091", None, 650)
    named = loaded(tmp_path, NAMED + SECOND_ACCOUNT + _PUSH + "    accounts: [fabrikam]\n").presence.push
    assert named is not None
    assert named.accounts == ("fabrikam",)


@pytest.mark.parametrize("cloud", ["", "    cloud: china\n"])
def test_push_without_an_account_that_graph_tells(tmp_path: Path, cloud: str) -> None:
    text = NAMED + (SECOND_ACCOUNT + cloud if cloud else "") + _PUSH
    (line,) = said(tmp_path, text)
    assert "presence.push: found no account that could be told of presence" in line
    assert line.endswith("expected an account with auth: device_code: Graph tells of presence a person's sign-in alone")


@pytest.mark.parametrize("name", ["contoso", "tailspin"])
def test_push_to_an_account_that_is_no_persons(tmp_path: Path, name: str) -> None:
    (line,) = said(tmp_path, NAMED + SECOND_ACCOUNT + _PUSH + f"    accounts: [{name}]\n")
    assert f"found “{name}”, expected the id of an account with auth: device_code" in line


@pytest.mark.parametrize("more", ["    listen: 127.0.0.1:8090\n", "web: {listen: 127.0.0.1:8091}\n"])
def test_push_where_the_pages_are(tmp_path: Path, more: str) -> None:
    (line,) = said(tmp_path, NAMED + SECOND_ACCOUNT + _PUSH + more)
    assert "web.listen, expected an address of its own: what Graph reaches is public, /metrics is not" in line


@pytest.mark.parametrize("wrong", ["most: 651", "most: 0", "accounts: []", "notification_url: http://x"])
def test_push_beyond_what_graph_takes(tmp_path: Path, wrong: str) -> None:
    text = (
        NAMED
        + SECOND_ACCOUNT
        + _PUSH.replace("    notification_url", "    #" if "url" in wrong else "    notification_url")
    )
    assert len(said(tmp_path, text + f"    {wrong}\n")) == 1
