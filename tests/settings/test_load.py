"""What is right is taken: design's whole example, defaults, names, places."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from sync_agent.model import APPROVAL_COLUMN, OurColumn
from sync_agent.settings import CLOUDS, Auto, Endpoints, load
from sync_agent.settings.model import ColumnSettings
from tests.settings.files import SECOND_ACCOUNT, SMALLEST, changed, loaded, refused, written

WHOLE = """\
sharepoint:
  site_url: https://contoso.sharepoint.com/sites/ucc
  agent_list: Agents              # title or id
  account: contoso
  api: graph
  columns: {upn: UPN, name: Title}
  presence_list: null
accounts:
  - id: contoso
    tenant_id: 00000000-0000-4000-8000-000000000001
    client_id: 00000000-0000-4000-8000-000000000002
    auth: client_secret
    client_secret: ${env:CONTOSO_SECRET}
    domains: [contoso.com, Contoso.DE]
    cloud: global
  - id: fabrikam
    tenant_id: fabrikam.com
    client_id: 00000000-0000-4000-8000-000000000003
    auth: certificate
    certificate: {path: certificates/fabrikam.pfx, password: "${file:secrets/pfx}"}
    cloud: lab
  - id: northwind
    tenant_id: 00000000-0000-4000-8000-000000000004
    client_id: 00000000-0000-4000-8000-000000000005
    auth: device_code
    cloud: usgov
  - id: azure
    tenant_id: 00000000-0000-4000-8000-000000000004
    auth: managed_identity
clouds:
  lab: {authority: https://127.0.0.1:8443/, graph: https://127.0.0.1:8443, ca_bundle: lab/ca.pem}
schedule: {read_list: 90s, resolve_users: 20m, presence: 500ms, write_back: 2s, report: "30 5 * * mon-fri"}
presence: {flap_damping: 0s, stale_after: 24h}
safety: {max_worsened: 25%, max_worsened_floor: 20, max_missing_rows: 12.5 %}
pacing: {sharepoint_units_per_minute: 6000, share: 50%}
state: {database: sqlite:///data/history.db, tokens: data/tokens, reports: data/reports}
secrets: {key: "${file:key}"}
log: {format: json, level: debug}
web: {listen: 0.0.0.0:8090}
notify: {urls: ["${env:HOOK}", "mailto://me:pw@contoso.com"], severity: error, report_link: /srv/reports}
proxy: http://proxy.contoso.com:8080
"""


def test_the_whole_example(tmp_path: Path) -> None:
    settings = loaded(tmp_path, WHOLE)
    sharepoint = settings.sharepoint
    assert sharepoint.site_url == "https://contoso.sharepoint.com/sites/ucc"
    assert (sharepoint.agent_list, sharepoint.account, sharepoint.api) == ("Agents", "contoso", "graph")
    assert (sharepoint.columns.upn, sharepoint.columns.name, sharepoint.presence_list) == ("UPN", "Title", None)
    assert [account.auth for account in settings.accounts] == [
        "client_secret",
        "certificate",
        "device_code",
        "managed_identity",
    ]
    assert settings.account("contoso").domains == ("contoso.com", "contoso.de")
    certificate = settings.account("fabrikam").certificate
    assert certificate is not None
    assert certificate.path == tmp_path / "certificates/fabrikam.pfx"
    assert settings.account("azure").client_id is None


def test_presence_as_often_as_the_limits_allow(tmp_path: Path) -> None:
    interval = loaded(tmp_path, f"{SMALLEST}schedule: {{presence: auto}}\n").schedule.presence
    assert isinstance(interval, Auto)
    assert interval == 0.5
    assert not isinstance(loaded(tmp_path, f"{SMALLEST}schedule: {{presence: 500ms}}\n").schedule.presence, Auto)


def test_the_other_groups_of_the_whole_example(tmp_path: Path) -> None:
    settings = loaded(tmp_path, WHOLE)
    schedule = settings.schedule
    assert (schedule.read_list, schedule.resolve_users, schedule.presence, schedule.write_back) == (90, 1200, 0.5, 2)
    assert schedule.report == "30 5 * * mon-fri"
    assert (settings.presence.flap_damping, settings.presence.stale_after) == (0, 86_400)
    safety = settings.safety
    assert (safety.max_worsened, safety.max_worsened_floor, safety.max_missing_rows) == (0.25, 20, 0.125)
    assert (settings.pacing.sharepoint_units_per_minute, settings.pacing.share) == (6000, 0.5)
    assert (settings.log.format, settings.log.level, settings.web.listen) == ("json", "debug", "0.0.0.0:8090")
    assert [url.is_plain for url in settings.notify.urls] == [False, True]
    assert (settings.notify.severity, settings.notify.report_link) == ("error", "/srv/reports")
    assert settings.proxy == "http://proxy.contoso.com:8080"


def test_what_is_left_out_has_the_defaults_of_the_contract(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert settings.sharepoint.api is None
    assert settings.sharepoint.presence_list is None
    assert settings.accounts[0].cloud == "global"
    assert settings.accounts[0].domains is None
    assert settings.clouds == {}
    assert settings.schedule.model_dump() == {
        "read_list": 60,
        "read_whole_list": 900,
        "resolve_users": 900,
        "resolve_everybody": 21_600,
        "presence": 2,
        "write_back": 1,
        "report": "0 6 * * *",
    }
    assert settings.safety.model_dump() == {
        "max_worsened": 0.3,
        "max_worsened_floor": 10,
        "max_missing_rows": 0.5,
        "max_wrong_at_first": 0.5,
        "min_known_users": 0.5,
        "verdict_stale_after": 86_400,
        "approved_fixes": False,
        "max_fixes": 0.1,
        "lease": 60.0,
    }
    assert settings.presence.model_dump() == {
        "flap_damping": 5,
        "stale_after": 300,
        "unavailable_after": 86_400,
        "target_age": 300,
        "worst_age": 60,
        "push": None,
    }
    assert settings.validation.model_dump() == {"domain_lookup": True, "name_mismatch": False}
    assert settings.pacing.model_dump() == {
        "sharepoint_units_per_minute": 1200,
        "sharepoint_units_per_day": None,
        "share": 0.8,
    }
    assert settings.pacing.units_per_day == 1_200_000
    assert settings.log.model_dump() == {"format": "console", "level": "info"}
    assert settings.notify.model_dump() == {"urls": (), "severity": "warning", "report_link": None}
    assert (settings.web.listen, settings.proxy) == ("127.0.0.1:8090", None)


def test_relative_paths_start_from_the_settings_file_wherever_the_command_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, elsewhere = tmp_path / "etc", tmp_path / "elsewhere"
    place.mkdir()
    elsewhere.mkdir()
    written(place, WHOLE)
    monkeypatch.chdir(elsewhere)
    settings = load(Path("../etc/settings.yaml"))
    ca_bundle = settings.clouds["lab"].ca_bundle
    certificate = settings.account("fabrikam").certificate
    assert ca_bundle is not None
    assert certificate is not None
    database = Path(make_url(settings.state.database).database or "")
    found = [settings.state.tokens, settings.state.reports, database, ca_bundle, certificate.path]
    assert all(path.is_absolute() for path in found)
    names = ["data/tokens", "data/reports", "data/history.db", "lab/ca.pem", "certificates/fabrikam.pfx"]
    assert [path.resolve() for path in found] == [(place / name).resolve() for name in names]


def test_defaults_are_placed_too(tmp_path: Path) -> None:
    state = loaded(tmp_path).state
    assert (state.tokens, state.reports) == (tmp_path / "state/tokens", tmp_path / "state/reports")
    assert state.database == f"sqlite:///{tmp_path / 'state/sync-agent.db'}"


def test_absolute_paths_stay(tmp_path: Path) -> None:
    state = loaded(tmp_path, f"{SMALLEST}state: {{tokens: /var/lib/t, database: 'sqlite:////var/lib/s.db'}}\n").state
    assert (state.tokens, state.database) == (Path("/var/lib/t"), "sqlite:////var/lib/s.db")


def test_a_database_in_memory_has_no_place(tmp_path: Path) -> None:
    assert loaded(tmp_path, f"{SMALLEST}state: {{database: 'sqlite://'}}\n").state.database == "sqlite://"


def test_a_link_to_the_settings_file_leaves_paths_where_the_link_is(tmp_path: Path) -> None:
    (tmp_path / "version-7").mkdir()
    link = tmp_path / "settings.yaml"
    link.symlink_to(written(tmp_path / "version-7", SMALLEST))
    assert load(link).state.tokens == tmp_path / "state/tokens"


def test_our_columns_can_be_renamed_by_their_contract_names(tmp_path: Path) -> None:
    renamed = "  agent_list: Agents\n  columns: {SyncStatus: State, PresenceChangedAt: Seen at}\n"
    columns = loaded(tmp_path, changed("  agent_list: Agents\n", renamed)).sharepoint.columns
    assert (columns.status, columns.presence_changed_at) == ("State", "Seen at")
    assert columns.ours == {column: column.value for column in OurColumn} | {
        OurColumn.STATUS: "State",
        OurColumn.PRESENCE_CHANGED_AT: "Seen at",
    }


def test_the_names_of_our_columns_are_those_of_the_model() -> None:
    aliases = {field.alias: (name, field.default) for name, field in ColumnSettings.model_fields.items() if field.alias}
    written = {column.value: (column.name.lower(), column.value) for column in OurColumn}
    assert aliases == {**written, APPROVAL_COLUMN: ("approval", APPROVAL_COLUMN)}


@pytest.mark.parametrize(
    ("auth", "api"),
    [
        ("auth: client_secret", "graph"),
        ("auth: certificate\n    certificate: {path: x.pem}", "rest"),
        ("auth: device_code", "rest"),
        ("auth: managed_identity", "graph"),
        ("auth: workload_identity", "graph"),
    ],
)
def test_the_lists_api_follows_from_the_account(tmp_path: Path, auth: str, api: str) -> None:
    text = changed("auth: client_secret", auth)
    assert loaded(tmp_path, text).list_api() == api
    for asked in ("graph", "rest"):
        chosen = changed("  agent_list: Agents", f"  agent_list: Agents\n  api: {asked}", text)
        assert loaded(tmp_path, chosen).list_api() == asked


def test_the_only_account_need_not_be_named(tmp_path: Path) -> None:
    assert loaded(tmp_path).sharepoint.account == "contoso"


def test_of_several_accounts_one_must_be_named(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, SMALLEST + SECOND_ACCOUNT).problems
    assert (problem.where, problem.line, problem.found) == ("sharepoint.account", 1, "nothing")
    named = changed("  agent_list: Agents", "  agent_list: Agents\n  account: fabrikam")
    assert loaded(tmp_path, named + SECOND_ACCOUNT).sharepoint.account == "fabrikam"


def test_a_group_with_everything_below_it_commented_out_is_left_out(tmp_path: Path) -> None:
    empty = "".join(
        f"{name}:\n  # nothing\n"
        for name in (
            "clouds",
            "schedule",
            "presence",
            "safety",
            "pacing",
            "state",
            "log",
            "web",
            "notify",
            "proxy",
        )
    )
    text = changed("  agent_list: Agents\n", "  agent_list: Agents\n  columns:\n    # upn: UPN\n")
    assert loaded(tmp_path, text + empty).model_dump_json() == loaded(tmp_path).model_dump_json()


def test_blanks_around_a_quoted_name_do_not_count(tmp_path: Path) -> None:
    text = changed("  agent_list: Agents", '  agent_list: " Agents "\n  account: contoso')
    settings = loaded(tmp_path, changed("id: contoso", 'id: " contoso "', text))
    assert (settings.sharepoint.agent_list, settings.account("contoso").id) == ("Agents", "contoso")


def test_clouds_of_ones_own_and_of_microsoft(tmp_path: Path) -> None:
    settings = loaded(tmp_path, WHOLE)
    lab = settings.endpoints(settings.account("fabrikam"))
    here = "https://127.0.0.1:8443"
    assert lab == Endpoints(here, here, instance_discovery=False, ca_bundle=tmp_path / "lab/ca.pem")
    assert settings.endpoints(settings.account("northwind")) == CLOUDS["usgov"]
    assert settings.endpoints(settings.account("contoso")).graph == "https://graph.microsoft.com"


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        settings.log.level = "debug"
