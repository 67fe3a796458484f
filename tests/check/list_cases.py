"""Faults of the Agent list, of the domains in it, and of the limits for it."""

from __future__ import annotations

import re

import pytest

from sync_agent.simulator.lists import ListColumn
from sync_agent.simulator.messy import SITE_PATH
from tests.check.cases import Cases, add, refused, set_
from tests.lab import Lab

CASES = Cases()
Patch = pytest.MonkeyPatch
_COLUMNS = "columns: {upn: UPN, name: Title}"


@CASES.case("rest_needs_certificate")
def by_secret(lab: Lab, _: Patch) -> None:
    lab.replace("  api: graph", "  api: rest")


@CASES.case("site_not_found")
def no_site(lab: Lab, _: Patch) -> None:
    lab.replace(SITE_PATH, "/sites/elsewhere")


@CASES.case("site_not_granted")
def no_grant(lab: Lab, _: Patch) -> None:
    lab.world.sites[SITE_PATH].grants.clear()


@CASES.case("list_not_found")
def no_list(lab: Lab, _: Patch) -> None:
    lab.replace("agent_list: Agents", "agent_list: Agenst")


@CASES.case("list_not_answered")
def no_json(lab: Lab, _: Patch) -> None:
    lab.world.faults.add("GET /v1.0/sites/.*/columns", status=200, body=b"<html></html>")


@CASES.case("upn_column_missing")
def no_upn(lab: Lab, _: Patch) -> None:
    lab.replace(_COLUMNS, "columns: {upn: UPNs, name: Title}")


@CASES.case("upn_column_wrong_type")
def note_for_upn(lab: Lab, _: Patch) -> None:
    lab.replace(_COLUMNS, "columns: {upn: Skill, name: Title}")


@CASES.case("upn_column_blank")
def another_column(lab: Lab, _: Patch) -> None:
    lab.replace(_COLUMNS, "columns: {upn: Extension, name: Title}")


@CASES.case("upn_not_indexed")
def large(lab: Lab, _: Patch) -> None:
    upn = next(item.fields["UPN"] for item in lab.agents.items.values() if "@contoso.com" in item.fields.get("UPN", ""))
    for _number in range(5_000):
        lab.agents.add({"Title": "Somebody", "UPN": upn})


@CASES.case("name_column_missing")
def no_name(lab: Lab, _: Patch) -> None:
    lab.replace(_COLUMNS, "columns: {upn: UPN, name: Agent}")


@CASES.case("name_column_wrong_type")
def date_for_name(lab: Lab, _: Patch) -> None:
    lab.replace(_COLUMNS, 'columns: {upn: UPN, name: "Start date"}')


@CASES.case("team_column_unreadable")
def date_for_team(lab: Lab, _: Patch) -> None:
    lab.replace(_COLUMNS, 'columns: {upn: UPN, name: Title, team: "Start date"}')


@CASES.case("column_ambiguous")
def two_of_a_name(lab: Lab, _: Patch) -> None:
    for internal in ("One", "Two"):
        lab.agents.columns[internal] = ListColumn(internal, "Agent")
    lab.replace(_COLUMNS, "columns: {upn: UPN, name: Agent}")


@CASES.case("column_shared")
def one_for_two(lab: Lab, _: Patch) -> None:
    lab.agents.columns["State"] = ListColumn("State", "What they do")
    lab.replace(_COLUMNS, 'columns: {upn: UPN, name: Title, Presence: State, PresenceActivity: "What they do"}')


@CASES.case("columns_missing")
def not_provisioned(lab: Lab, _: Patch) -> None:
    del lab.agents.columns["SyncAccount"]


@CASES.case("provision_unfinished", api="rest")
def no_view(lab: Lab, _: Patch) -> None:
    del lab.agents.views["Agents needing attention"]
    lab.agents.columns["SyncStatus"].indexed = False


@CASES.case("column_wrong_type")
def number_for_presence(lab: Lab, _: Patch) -> None:
    lab.agents.columns["Presence"].type = "Number"


@CASES.case("choices_missing")
def no_unknown(lab: Lab, _: Patch) -> None:
    lab.agents.columns["SyncStatus"].choices = ("OK", "Warning", "Error")


@CASES.case("column_read_only")
def read_only(lab: Lab, _: Patch) -> None:
    lab.agents.columns["Presence"].read_only = True


@CASES.case("column_required", api="rest")
def required(lab: Lab, _: Patch) -> None:
    lab.agents.columns["Presence"].required = True


@CASES.case("column_unique", api="rest")
def unique(lab: Lab, _: Patch) -> None:
    lab.agents.columns["SyncAccount"].unique = True


@CASES.case("column_validated")
def with_formula(lab: Lab, _: Patch) -> None:
    lab.agents.columns["Presence"].formula = '=[Presence]<>"Busy"'


@CASES.case("list_validated", api="rest")
def list_with_formula(lab: Lab, _: Patch) -> None:
    lab.agents.formula = "=[UPN]<>[Title]"


@CASES.case("content_approval", api="rest")
def approved(lab: Lab, _: Patch) -> None:
    lab.agents.approval = True


@CASES.case("required_elsewhere")
def skill_required(lab: Lab, _: Patch) -> None:
    lab.agents.columns["Skill"].required = True


@CASES.case("presence_makes_versions")
def versions(lab: Lab, _: Patch) -> None:
    lab.agents.edit(next(iter(lab.agents.items)), {"Extension": "1234"})


@CASES.case("own_list_missing")
def no_anomaly_list(lab: Lab, _: Patch) -> None:
    lab.replace("  api: graph", "  api: graph\n  anomaly_list: Anomalies")


@CASES.case("own_list_unfit")
def presence_in_the_list(lab: Lab, _: Patch) -> None:
    lab.replace("  api: graph", "  api: graph\n  presence_list: Agents")


@CASES.case("list_empty")
def empty(lab: Lab, _: Patch) -> None:
    lab.agents.items.clear()


@CASES.case("write_not_granted")
def reader(lab: Lab, _: Patch) -> None:
    grants = lab.world.sites[SITE_PATH].grants
    grants.update(dict.fromkeys(grants, "read"))


@CASES.case("write_refused")
def no_write(lab: Lab, _: Patch) -> None:
    lab.world.faults.add("PATCH .*/fields", **refused(404, "itemNotFound"))


@CASES.case("domain_without_account")
def no_account(lab: Lab, _: Patch) -> None:
    name = re.escape(lab.world.accounts[1][0])
    set_(lab, rf"  - id: {name}\n(?:    .*\n)*", "")


@CASES.case("account_without_rows")
def no_rows(lab: Lab, _: Patch) -> None:
    name = re.escape(lab.world.accounts[1][0])
    set_(lab, rf"(- id: {name}\n)", r"\1    domains: [fabrikam.example]\n")


@CASES.case("presence_limit_too_low")
def too_often(lab: Lab, _: Patch) -> None:
    add(lab, "schedule: {presence: 10ms}")


@CASES.case("sharepoint_limit_too_low", rows=300)
def too_little(lab: Lab, _: Patch) -> None:
    set_(lab, r"sharepoint_units_per_minute: \d+", "sharepoint_units_per_minute: 60")


@CASES.case("budget_below_reading")
def far_too_little(lab: Lab, _: Patch) -> None:
    set_(lab, r"sharepoint_units_per_minute: \d+", "sharepoint_units_per_minute: 60")
    add(lab, "schedule: {read_list: 1s}")


@CASES.case("limit_set_too_high")
def too_much(lab: Lab, _: Patch) -> None:
    """SharePoint tells its limit from four fifths of it on."""
    lab.world.accounts[0][1].sharepoint_units = 8
