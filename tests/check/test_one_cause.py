"""A cause that breaks much is told once; and where several ways of signing in are right, all is right."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sync_agent.jobs import check as checking
from sync_agent.microsoft365.transport import Bounds
from sync_agent.settings.sealing import new_key, sealed
from sync_agent.simulator.lab import Api
from tests.check.cases import add, made_ready, second_signs_in_by, set_
from tests.check.list_cases import CASES as LIST_CASES
from tests.check.servers import answering, said
from tests.check.sign_in_cases import signed_in_by_person
from tests.check.test_faults import checked
from tests.lab import Lab, lab


def wrong(made: Lab) -> list[str]:
    return [each["id"] for each in checked(made)[1] if each["level"] != "ok"]


def nobody_is_there(made: Lab) -> None:
    text = made.settings.read_text()
    made.settings.write_text(text.replace(made.world.origin.rpartition(":")[2], "1"))


def nothing_is_answered(made: Lab) -> None:
    made.world.faults.add("", silent=True)


def everything_is_throttled(made: Lab) -> None:
    made.world.faults.add("", status=429, headers={"retry-after": "90"})


def all_answers_are_a_sign_in_page(made: Lab) -> None:
    made.world.faults.add("", status=200, body=b"<html>Sign in to the guest network</html>")


def everything_fails(made: Lab) -> None:
    made.world.faults.add("", status=503)


def the_clock_is_wrong(made: Lab) -> None:
    made.world.clock = lambda: time.time() + 3_600


def the_proxy_is_wrong(made: Lab) -> None:
    add(made, "proxy: http://127.0.0.1:1")


CAUSES: dict[str, Callable[[Lab], None]] = {
    "connection_refused": nobody_is_there,
    "no_answer": nothing_is_answered,
    "throttled": everything_is_throttled,
    "not_microsofts": all_answers_are_a_sign_in_page,
    "clock_off": the_clock_is_wrong,
    "proxy_refused": the_proxy_is_wrong,
}


@pytest.mark.parametrize("api", ["graph", "rest"])
@pytest.mark.parametrize("id_", CAUSES)
def test_what_breaks_everything_is_one_fault(
    id_: str, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "_BOUNDS", Bounds(connect=0.5, read=0.5, whole=1.0))
    with lab(tmp_path, api=api) as made:
        made_ready(made)
        CAUSES[id_](made)
        assert wrong(made) == [id_]


def test_a_service_that_says_it_is_overloaded_is_told_for_one_that_throttles(tmp_path: Path) -> None:
    with lab(tmp_path) as made:
        made_ready(made)
        everything_fails(made)
        assert wrong(made) == ["throttled"]


OF_BOTH = [id_ for id_ in LIST_CASES if "column" in id_ or id_ in ("list_empty", "list_not_found", "choices_missing")]


@pytest.mark.parametrize("id_", OF_BOTH)
def test_columns_are_judged_alike_by_the_other_api(id_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = LIST_CASES[id_]
    with lab(tmp_path, rows=case.rows, api="rest" if case.api == "graph" else "graph") as made:
        made_ready(made)
        with case.broken(made, monkeypatch):
            assert wrong(made) == [id_]


@pytest.mark.parametrize("api", ["graph", "rest"])
def test_all_is_right_where_a_person_opens_the_list(api: Api, tmp_path: Path) -> None:
    with lab(tmp_path) as made:
        made_ready(made)
        signed_in_by_person(made, which=0)
        made.replace("api: graph", f"api: {api}")
        assert wrong(made) == []


def test_settings_that_repeat_an_app_say_its_fault_of_each_account(tmp_path: Path) -> None:
    with lab(tmp_path, tenants=1) as made:
        made_ready(made)
        name = made.world.accounts[0][0]
        text = made.settings.read_text()
        block = text[text.index(f"  - id: {name}") : text.index("\nclouds:") + 1]
        set_(made, "^clouds:$", block.replace(f"id: {name}", "id: again") + "clouds:")
        assert wrong(made) == []
        made.world.accounts[0][2].enabled = False
        assert wrong(made) == ["app_disabled", "app_disabled"]


def test_a_companion_list_that_is_ready_is_right_and_presence_then_makes_no_versions(tmp_path: Path) -> None:
    with lab(tmp_path) as made:
        made_ready(made)
        made.replace("  api: graph", "  api: graph\n  presence_list: Presence\n  anomaly_list: Anomalies")
        assert wrong(made) == ["own_list_missing", "own_list_missing"]
        assert made.run("provision").code == 0
        made.agents.edit(next(iter(made.agents.items)), {"Extension": "1234"})
        assert wrong(made) == []


def test_the_second_port_is_looked_at_where_graph_tells_of_presence(tmp_path: Path) -> None:
    with lab(tmp_path) as made:
        made_ready(made)
        signed_in_by_person(made)
        add(made, "presence: {push: {notification_url: https://agents.contoso.com/graph, listen: 192.0.2.1:8091}}")
        (found,) = [each for each in checked(made)[1] if each["level"] != "ok"]
    assert found["id"] == "address_not_here"
    assert found["subject"] == "presence.push.listen"
    assert "notifications" in found["message"]


def test_a_key_that_is_missing_does_not_hide_another_accounts_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SYNC_AGENT_KEY", raising=False)
    with lab(tmp_path, tenants=3) as made:
        made_ready(made)
        second_signs_in_by(made, "auth: client_secret", f"client_secret: {sealed('anything', new_key())}")
        (made.folder / "secrets" / made.world.accounts[2][0]).unlink()
        assert wrong(made) == ["key_unavailable", "secret_unavailable"]


def test_the_service_of_other_settings_is_another_program(tmp_path: Path) -> None:
    figures = '# TYPE sync_agent_info gauge\nsync_agent_account_ok{account="elsewhere.com"} 1\n'
    pages = {"/metrics": said(figures), "/healthz": said("ok\n")}
    with lab(tmp_path) as made, answering(pages) as port:
        made_ready(made)
        set_(made, r"^web: .*$", f"web: {{listen: 127.0.0.1:{port}}}")
        assert wrong(made) == ["port_in_use"]


@pytest.mark.parametrize("written", ["CONTOSO.COM", "contoso.com"])
def test_a_tenant_may_be_named_by_a_domain_of_it(written: str, tmp_path: Path) -> None:
    """The token names it by its id, and its users are counted under either."""
    with lab(tmp_path) as made:
        made_ready(made)
        tenant = made.world.accounts[0][1]
        assert "contoso.com" in tenant.domains
        made.replace(f"tenant_id: {tenant.id}", f"tenant_id: {written}")
        assert wrong(made) == []


def test_a_folder_that_cannot_be_looked_at_leaves_everything_else_checked(tmp_path: Path) -> None:
    """As one below a folder of somebody else's is; a name that is too long is refused to the superuser as well."""
    with lab(tmp_path) as made:
        made_ready(made)
        closed = f"{tmp_path}/{'x' * 300}/state"
        folders = f"tokens: {closed}/tokens, reports: {closed}/reports"
        add(made, f"state: {{database: sqlite:///{closed}/sync-agent.db, {folders}}}")
        ran, findings = checked(made)
    assert [each["id"] for each in findings if each["level"] != "ok"] == ["database_unwritable"]
    assert "write_proven" in [each["id"] for each in findings]
    assert ran.code == 1


@pytest.mark.parametrize("other", ["no key at all", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="])
def test_a_wrong_key_of_several_secrets_is_one_fault(
    other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNC_AGENT_KEY", other)
    key = new_key()
    with lab(tmp_path) as made:
        made_ready(made)
        for name, _, _ in made.world.accounts:
            value = (made.folder / "secrets" / name).read_text().strip()
            made.replace(f"${{file:secrets/{name}}}", sealed(value, key))
        assert wrong(made) == ["key_unavailable"]
