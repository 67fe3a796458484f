"""Names that no setting has: told with the nearest that one has, or where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.files import NEXT_LINE, SMALLEST, changed, said

_UNKNOWN = "found a setting that does not exist"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("client_id:", "clinet_id:", f"7:5: accounts.contoso.clinet_id: {_UNKNOWN}; did you mean client_id?"),
        ("client_id:", "ClientId:", f"7:5: accounts.contoso.ClientId: {_UNKNOWN}; did you mean client_id?"),
        ("site_url:", "site_ulr:", f"2:3: sharepoint.site_ulr: {_UNKNOWN}; did you mean site_url?"),
        ("site_url:", "url:", f"2:3: sharepoint.url: {_UNKNOWN}; did you mean site_url?"),
        ("sharepoint:", "sharepiont:", f"1:1: sharepiont: {_UNKNOWN}; did you mean sharepoint?"),
        ("accounts:", "acounts:", f"4:1: acounts: {_UNKNOWN}; did you mean accounts?"),
    ],
)
def test_a_misspelt_name_is_told_once_although_the_right_one_is_missing(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert said(tmp_path, changed(old, new)) == [told]


_LAB = "clouds:\n  {name}:\n    {authority}: https://x\n    graph: https://x\n"


@pytest.mark.parametrize(
    ("addition", "line", "column", "where", "hint"),
    [
        ("shedule: {}\n", 0, 1, "shedule", "did you mean schedule?"),
        ("schedule:\n  readlist: 5s\n", 1, 3, "schedule.readlist", "did you mean read_list?"),
        ("schedule:\n  list: 5s\n", 1, 3, "schedule.list", "did you mean read_list?"),
        ("log:\n  colour: red\n", 1, 3, "log.colour", "there is format or level"),
        (f"{_LAB}    bundle: x\n", 4, 5, "clouds.lab.bundle", "did you mean ca_bundle?"),
        (f"{_LAB}    certs: x\n", 4, 5, "clouds.lab.certs", "there is authority, graph or ca_bundle"),
        (_LAB.replace("{authority}", "autority"), 2, 5, "clouds.lab.autority", "did you mean authority?"),
        (_LAB.replace("{name}", "graph") + "    ca: x\n", 4, 5, "clouds.graph.ca", "did you mean ca_bundle?"),
        ("web:\n  read_list: 5s\n", 1, 3, "web.read_list", "it belongs under schedule:"),
        ("client_id: x\n", 0, 1, "client_id", "it belongs under accounts:"),
        ("log:\n  clouds: {}\n", 1, 3, "log.clouds", "it belongs at the top, without indentation"),
        (
            "log:\n  presence: 2s\n",
            1,
            3,
            "log.presence",
            "it belongs under schedule: or at the top, without indentation",
        ),
        ("log:\n  password: x\n", 1, 3, "log.password", "it belongs under certificate:"),
    ],
)
def test_a_name_that_no_setting_has_there(
    tmp_path: Path, addition: str, line: int, column: int, where: str, hint: str
) -> None:
    addition = addition.replace("{name}", "lab").replace("{authority}", "authority")
    assert said(tmp_path, SMALLEST + addition) == [f"{NEXT_LINE + line}:{column}: {where}: {_UNKNOWN}; {hint}"]


def test_below_a_certificate(tmp_path: Path) -> None:
    text = changed("auth: client_secret", "auth: certificate\n    certificate:\n      path: x\n      pasword: y")
    assert said(tmp_path, text) == [f"11:7: accounts.contoso.certificate.pasword: {_UNKNOWN}; did you mean password?"]


def test_ours_are_columns_by_their_contract_names_only(tmp_path: Path) -> None:
    text = changed("  agent_list: Agents", "  agent_list: Agents\n  columns: {status: State}")
    assert said(tmp_path, text) == [f"4:13: sharepoint.columns.status: {_UNKNOWN}; did you mean SyncStatus?"]


def test_everything_wrong_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
sharepoint:
  site_url: contoso
  agent_lst: Agents
  account: fabrikam
accounts:
  - id: contoso
    tenant_id: contoso
    clinet_id: x
    auth: client_secret
  - id: Contoso
    tenant_id: contoso.com
    auth: secret
    cloud: labb
clouds:
  lab: {authority: https://x}
  china: {authority: https://x, graph: https://x}
schedule: {presence: soon}
"""
    assert [line.split(": ")[0] + " " + line.split(": ")[1] for line in said(tmp_path, text)] == [
        "2:3 sharepoint.site_url",
        "3:3 sharepoint.agent_lst",
        "4:3 sharepoint.account",
        "6:5 accounts.contoso.client_secret",
        "7:5 accounts.contoso.tenant_id",
        "8:5 accounts.contoso.clinet_id",
        "10:5 accounts.Contoso.id",
        "12:5 accounts.Contoso.auth",
        "13:5 accounts.Contoso.cloud",
        "15:3 clouds.lab.graph",
        "16:3 clouds.china",
        "17:12 schedule.presence",
    ]
