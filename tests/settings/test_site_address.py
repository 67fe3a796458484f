"""sharepoint.site_url: the site, whatever page of it was open when the address was copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.files import SMALLEST, changed, loaded, only

HOST = "https://contoso.sharepoint.com"


def with_site(address: str) -> str:
    return changed(f"{HOST}/sites/ucc", f'"{address}"', SMALLEST)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (f"{HOST}/sites/ucc", f"{HOST}/sites/ucc"),
        (f"{HOST}/sites/ucc/", f"{HOST}/sites/ucc"),
        ("https://Contoso.SharePoint.com/teams/UCC", f"{HOST}/teams/UCC"),
        (f"{HOST}/sites/ucc/agents", f"{HOST}/sites/ucc/agents"),
        (HOST, HOST),
        ("https://127.0.0.1:8443/sites/ucc", "https://127.0.0.1:8443/sites/ucc"),
    ],
)
def test_addresses_of_sites(tmp_path: Path, written: str, meant: str) -> None:
    assert loaded(tmp_path, with_site(written)).sharepoint.site_url == meant


@pytest.mark.parametrize(
    ("pasted", "site"),
    [
        (f"{HOST}/sites/ucc/Lists/Agents/AllItems.aspx", f"{HOST}/sites/ucc"),
        (f"{HOST}/sites/ucc/Lists/Agents/AllItems.aspx?env=WebViewList", f"{HOST}/sites/ucc"),
        (f"{HOST}/sites/ucc/agents/Lists/Agents", f"{HOST}/sites/ucc/agents"),
        (f"{HOST}/sites/ucc/SitePages/Home.aspx", f"{HOST}/sites/ucc"),
        (f"{HOST}/sites/ucc/Shared Documents/Forms/AllItems.aspx", f"{HOST}/sites/ucc"),
        (f"{HOST}/sites/ucc/Papers/Forms/AllItems.aspx", f"{HOST}/sites/ucc"),
        (f"{HOST}/sites/ucc/Start.aspx", f"{HOST}/sites/ucc"),
        (f"{HOST}/sites/ucc/_layouts/15/viewlsts.aspx", f"{HOST}/sites/ucc"),
        (f"{HOST}/Lists/Agents/AllItems.aspx", HOST),
        (f"{HOST}/_layouts/15/sharepoint.aspx", HOST),
        (f"{HOST}/:l:/s/ucc/FBt4?e=x7", f"{HOST}/sites/ucc"),
        (f"{HOST}/:l:/t/ucc/FBt4?e=x7", f"{HOST}/teams/ucc"),
        (f"{HOST}/:l:/r/sites/ucc/Lists/Agents?d=w1", f"{HOST}/sites/ucc"),
        (f"{HOST}/sites/ucc?web=1", f"{HOST}/sites/ucc"),
        (f"{HOST}/sites/ucc#top", f"{HOST}/sites/ucc"),
        ("http://contoso.sharepoint.com/sites/ucc", f"{HOST}/sites/ucc"),
        ("contoso.sharepoint.com/sites/ucc", f"{HOST}/sites/ucc"),
    ],
)
def test_a_pasted_page_tells_what_to_write_instead(tmp_path: Path, pasted: str, site: str) -> None:
    problem = only(tmp_path, with_site(pasted))
    assert (problem.where, problem.line, problem.column) == ("sharepoint.site_url", 2, 3)
    assert problem.found.startswith(f"“{pasted[:60]}")
    assert problem.expected == "the address of the site, such as https://contoso.sharepoint.com/sites/ucc"
    assert problem.hint == f"write {site}"
    assert loaded(tmp_path, with_site(site)).sharepoint.site_url == site


@pytest.mark.parametrize(
    "address", [f"{HOST}/hr", f"{HOST}/sites", "ucc", "https://", f"{HOST}:99999/sites/ucc", "https://a b/sites/ucc"]
)
def test_what_names_no_site_gets_no_advice(tmp_path: Path, address: str) -> None:
    problem = only(tmp_path, with_site(address))
    assert (problem.found, problem.hint) == (f"“{address}”", "")


def test_a_password_in_the_address_is_not_shown(tmp_path: Path) -> None:
    problem = only(tmp_path, with_site("https://me:hunter2@contoso.sharepoint.com/sites/ucc"))
    assert "hunter2" not in str(problem)
