"""Values as people write them, right and wrong; each wrong one with its place, what was found and what was expected."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from sync_agent.settings import SecretUnavailable
from sync_agent.settings.values import Interval, Part
from tests.settings.files import NEXT_LINE, SMALLEST, changed, loaded, only, said

_DURATION = "expected a duration such as 500ms, 2s, 15m, 1h or 1d"
_CRON = 'expected five cron fields, such as "0 6 * * *" for every day at six (UTC)'
_BY_NAME = "name the days of the week: sun, mon, tue, wed, thu, fri, sat"
_PROXY = "expected the address of a proxy, such as http://proxy.contoso.com:8080"
_SERVICE = "expected an address that begins with https:// and has no ? or #"
_NO_REFERENCE = "expected the value itself; only secrets, passwords and notify.urls can be looked up elsewhere"
_DATABASE = "expected sqlite:///state/sync-agent.db, or postgresql://user:password@host/database"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("15m", 900), ("500ms", 0.5), ("24h", 86_400), ("1d", 86_400), ("1.5h", 5_400), ("10 s", 10)],
)
def test_durations(tmp_path: Path, text: str, seconds: float) -> None:
    assert loaded(tmp_path, f"{SMALLEST}schedule: {{read_list: {text}}}").schedule.read_list == seconds


@pytest.mark.parametrize(("text", "share"), [("30%", 0.3), ("100%", 1), ("12.5%", 0.125), ("10 %", 0.1)])
def test_percentages(tmp_path: Path, text: str, share: float) -> None:
    assert loaded(tmp_path, f"{SMALLEST}pacing: {{share: {text}}}").pacing.share == share


def test_a_day(tmp_path: Path) -> None:
    text = f"{SMALLEST}    client_secret_expires: 2027-01-31\n"
    assert loaded(tmp_path, text).accounts[0].client_secret_expires == datetime(2027, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "hint"), [("31.1.2027", ""), ("2027-1-31", ""), ("soon", ""), ("2027-02-30", "; there is no such day")]
)
def test_what_is_no_day(tmp_path: Path, day: str, hint: str) -> None:
    (line,) = said(tmp_path, f"{SMALLEST}    client_secret_expires: {day}\n")
    assert line.startswith(f"{NEXT_LINE}:5: accounts.contoso.client_secret_expires: found ")
    assert line.endswith(f"expected a day such as 2027-01-31{hint}")


@given(st.integers(1, 3_600_000))
def test_a_duration_in_any_unit_is_the_same_duration(milliseconds: int) -> None:
    read = TypeAdapter(Interval).validate_python
    if milliseconds < 10:
        with pytest.raises(ValidationError):
            read(f"{milliseconds}ms")
    else:
        assert read(f"{milliseconds}ms") == pytest.approx(read(f"{milliseconds / 1000:.3f}s"))


@given(st.text() | st.integers() | st.floats() | st.none() | st.lists(st.text()))
def test_anything_else_is_refused_or_within_bounds(value: object) -> None:
    for kind, least, most in ((Interval, 0.01, 3_650 * 86_400), (Part, 0.01, 1)):
        try:
            number = TypeAdapter(kind).validate_python(value)
        except ValidationError:
            continue
        assert least <= number <= most


@pytest.mark.parametrize("cron", ["0 6 * * *", "*/15 8-18 * * mon-fri", "0 0 1 jan,jul *", "0 7 * * SUN"])
def test_times_of_the_report(tmp_path: Path, cron: str) -> None:
    assert loaded(tmp_path, f'{SMALLEST}schedule: {{report: "{cron}"}}').schedule.report == cron


@pytest.mark.parametrize("listen", ["127.0.0.1:8090", "[::1]:80", "localhost:65535", "sync.contoso.com:1"])
def test_where_to_listen(tmp_path: Path, listen: str) -> None:
    assert loaded(tmp_path, f'{SMALLEST}web: {{listen: "{listen}"}}').web.listen == listen


@pytest.mark.parametrize(
    ("group", "setting", "value", "rest"),
    [
        ("schedule", "read_list", "often", f"found “often”, {_DURATION}"),
        ("schedule", "read_list", "60", f"found “60”, {_DURATION}; write 60s for seconds"),
        ("schedule", "read_list", "0", f"found “0”, {_DURATION}"),
        ("schedule", "read_list", "1h30m", f"found “1h30m”, {_DURATION}"),
        ("schedule", "read_list", "-5s", f"found “-5s”, {_DURATION}"),
        ("schedule", "read_list", "no", f"found “no”, {_DURATION}"),
        ("schedule", "read_list", "12:30:00", f"found “12:30:00”, {_DURATION}"),
        ("schedule", "read_list", "", f"found nothing, {_DURATION}"),
        ("schedule", "read_list", "[60s]", f"found a list, {_DURATION}"),
        ("schedule", "read_list", "{every: 60s}", f"found settings below it, {_DURATION}"),
        ("schedule", "read_list", "0s", "found “0s”, expected a duration from 10ms to 3650d"),
        ("schedule", "presence", "4000d", "found “4000d”, expected a duration from 10ms to 3650d, or auto"),
        ("state", "keep", "90", f"found “90”, {_DURATION}"),
        ("state", "keep", "90s", "found “90s”, expected a duration from 1d to 3650d"),
        ("presence", "flap_damping", "0", f"found “0”, {_DURATION}; write 0s for seconds"),
        ("presence", "flap_damping", "1ms", "found “1ms”, expected a duration from 10ms to 3650d"),
        ("schedule", "report", "daily", f"found “daily”, {_CRON}"),
        ("schedule", "report", '"0 25 * * *"', f"found “0 25 * * *”, {_CRON}"),
        ("schedule", "report", '"0 6 * * 1"', f"found “0 6 * * 1”, {_CRON}; {_BY_NAME}"),
        ("schedule", "report", '"0 6 * * mon,3"', f"found “0 6 * * mon,3”, {_CRON}; {_BY_NAME}"),
        ("schedule", "report", '"0 6 * * */2"', f"found “0 6 * * */2”, {_CRON}; {_BY_NAME}"),
        ("safety", "max_worsened", "30", "found “30”, expected a percentage from 1% to 100%; write 30%"),
        ("safety", "max_worsened", "0.3", "found “0.3”, expected a percentage from 1% to 100%; write 30%"),
        ("safety", "max_worsened", "150%", "found “150%”, expected a percentage from 1% to 100%"),
        ("safety", "max_worsened", "0%", "found “0%”, expected a percentage from 1% to 100%"),
        ("pacing", "share", "5", "found “5”, expected a percentage from 10% to 100%"),
        ("safety", "max_worsened_floor", "ten", "found “ten”, expected a whole number"),
        ("safety", "max_worsened_floor", "1.5", "found “1.5”, expected a whole number"),
        ("safety", "max_worsened_floor", "-1", "found “-1”, expected 0 or more"),
        ("pacing", "sharepoint_units_per_minute", "012", "found “012”, expected 60 or more"),
        ("pacing", "sharepoint_units_per_minute", "9999999", "found “9999999”, expected 1000000 or less"),
        ("pacing", "sharepoint_units_per_minute", "[]", "found a list, expected a whole number"),
        ("log", "level", "INFO", "found “INFO”, expected debug, info, warning or error; did you mean info?"),
        ("log", "level", "all", "found “all”, expected debug, info, warning or error"),
        ("log", "format", "yes", "found “yes”, expected console or json"),
        ("web", "listen", "8090", "found “8090”, expected an address and a port, such as 127.0.0.1:8090"),
        ("web", "listen", "a:65536", "found “a:65536”, expected an address and a port, such as 127.0.0.1:8090"),
        ("state", "tokens", '""', "found “”, expected the path of a file or folder"),
        ("state", "tokens", "[]", "found a list, expected the path of a file or folder"),
        ("state", "database", "history.db", f"found “history.db”, {_DATABASE}"),
        ("state", "database", "mysql://host/d", f"found “mysql://host/d”, {_DATABASE}"),
        ("state", "database", "sqlite+nix:///x", f"found “sqlite+nix:///x”, {_DATABASE}"),
        (
            "state",
            "database",
            "sqlite+aiosqlite:///x",
            f"found “sqlite+aiosqlite:///x”, {_DATABASE}; leave out +aiosqlite",
        ),
        ("state", "database", "${env:DATABASE}", f"found “${{env:DATABASE}}”, {_NO_REFERENCE}"),
        ("state", "tokens", "${env:HOME}/t", f"found “${{env:HOME}}/t”, {_NO_REFERENCE}"),
    ],
)
def test_a_wrong_value_in_a_group(tmp_path: Path, group: str, setting: str, value: str, rest: str) -> None:
    text = f"{SMALLEST}{group}:\n  {setting}: {value}\n"
    assert said(tmp_path, text) == [f"{NEXT_LINE + 1}:3: {group}.{setting}: {rest}"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("agent_list: Agents", "agent_list: ''", "3:3: sharepoint.agent_list: found “”, expected a text"),
        ("agent_list: Agents", "agent_list: [a]", "3:3: sharepoint.agent_list: found a list, expected a text"),
        (
            "agent_list: Agents",
            f"agent_list: {'long ' * 60}",
            f"3:3: sharepoint.agent_list: found “{'long ' * 12}…”, expected a text of at most 255 characters",
        ),
        (
            "agent_list: Agents",
            "agent_list: ${env:LIST}",
            f"3:3: sharepoint.agent_list: found “${{env:LIST}}”, {_NO_REFERENCE}",
        ),
        (
            "agent_list: Agents",
            "agent_list: Agents\n  api: Graf",
            "4:3: sharepoint.api: found “Graf”, expected graph or rest; did you mean graph?",
        ),
        (
            "agent_list: Agents",
            "agent_list: Agents\n  columns: UPN",
            "4:3: sharepoint.columns: found “UPN”, expected settings below it, indented",
        ),
        (
            "tenant_id: 11111111-2222-3333-4444-555555555555",
            "tenant_id: contoso",
            "6:5: accounts.contoso.tenant_id: found “contoso”, expected the tenant's id or a verified domain of it; "
            "the Entra admin centre shows it as Directory (tenant) ID",
        ),
        (
            "client_id: 66666666-7777-8888-9999-000000000000",
            "client_id: 66666666-7777-8888-9999-00000000000",
            "7:5: accounts.contoso.client_id: found “66666666-7777-8888-9999-00000000000”, expected an id such as "
            "11111111-2222-3333-4444-555555555555",
        ),
        (
            "    client_id: 66666666-7777-8888-9999-000000000000\n",
            "",
            "5:5: accounts.contoso.client_id: found nothing, expected a value, which auth: client_secret needs",
        ),
        (
            "auth: client_secret",
            "auth: certificate",
            "5:5: accounts.contoso.certificate: found nothing, expected a value, which auth: certificate needs",
        ),
        (
            "auth: client_secret",
            "auth: client-secret",
            "8:5: accounts.contoso.auth: found “client-secret”, expected client_secret, certificate, device_code, "
            "managed_identity or workload_identity; did you mean client_secret?",
        ),
        (
            "client_secret: ${env:CONTOSO_SECRET}",
            "client_secret: ${CONTOSO_SECRET}",
            "9:5: accounts.contoso.client_secret: found a value that is not shown here, expected ${env:NAME}, "
            "${file:/path}, ${credential:name}, ${keyring:service/name} or enc:…; a reference has one of these forms, "
            "and stands alone",
        ),
        (
            "auth: client_secret",
            "auth: client_secret\n    domains: contoso.com",
            "9:5: accounts.contoso.domains: found “contoso.com”, expected a list, each entry begun with a dash",
        ),
        (
            "auth: client_secret",
            "auth: client_secret\n    domains: []",
            "9:5: accounts.contoso.domains: found a list, expected at least one entry",
        ),
        (
            "auth: client_secret",
            "auth: client_secret\n    domains: [contoso.com, contoso]",
            "9:28: accounts.contoso.domains.1: found “contoso”, expected a domain such as contoso.com",
        ),
        ("  - id: contoso", "  - id: ''", "5:5: accounts.0.id: found “”, expected a text"),
    ],
)
def test_a_wrong_value_of_list_or_account(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert said(tmp_path, changed(old, new)) == [told]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("accounts: []", "accounts: found a list, expected at least one entry"),
        ("accounts:", "accounts: found nothing, expected a list, each entry begun with a dash"),
        ("accounts: contoso", "accounts: found “contoso”, expected a list, each entry begun with a dash"),
        ("accounts: [contoso]", "accounts.0: found “contoso”, expected settings below it, indented"),
    ],
)
def test_accounts_that_are_none(tmp_path: Path, settings: str, told: str) -> None:
    text = SMALLEST[: SMALLEST.index("accounts:")] + settings
    assert [line.split(": ", 1)[1] for line in said(tmp_path, text)] == [told]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("socks5://proxy:1080", f"found “socks5://proxy:1080”, {_PROXY}"),
        ("http://proxy:99999", f"found “http://proxy:99999”, {_PROXY}"),
        ("http://proxy:8080/x", f"found “http://proxy:8080/x”, {_PROXY}; leave out what follows the port"),
    ],
)
def test_a_proxy_that_is_none(tmp_path: Path, address: str, told: str) -> None:
    assert said(tmp_path, f"{SMALLEST}proxy: {address}\n") == [f"{NEXT_LINE}:1: proxy: {told}"]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("127.0.0.1:8443", f"found “127.0.0.1:8443”, {_SERVICE}"),
        ("http://127.0.0.1", f"found “http://127.0.0.1”, {_SERVICE}"),
        ("https://127.0.0.1?x=1", f"found “https://127.0.0.1?x=1”, {_SERVICE}"),
        (
            "https://me:pw@127.0.0.1",
            f"found a value that is not shown here, {_SERVICE}; leave out the name and password before the @",
        ),
    ],
)
def test_an_address_of_a_cloud_that_is_none(tmp_path: Path, address: str, told: str) -> None:
    text = f"{SMALLEST}clouds:\n  lab:\n    authority: {address}\n    graph: https://127.0.0.1\n"
    assert said(tmp_path, text) == [f"{NEXT_LINE + 2}:5: clouds.lab.authority: {told}"]


def test_a_database_whose_driver_is_missing_names_the_package(tmp_path: Path) -> None:
    problem = only(tmp_path, f"{SMALLEST}state: {{database: 'postgresql+pg8000://u:hunter2@h/d'}}\n")
    assert problem.expected == "a database whose driver is installed"
    assert problem.hint == "install the Python package pg8000"
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("False", False), ('"true"', True)])
def test_switches(tmp_path: Path, text: str, value: bool) -> None:
    assert loaded(tmp_path, f"{SMALLEST}validation: {{domain_lookup: {text}}}").validation.domain_lookup is value


@pytest.mark.parametrize(
    ("text", "meant"), [("no", "; write false"), ("on", "; write true"), ("0", ""), ("maybe", ""), ("[true]", "")]
)
def test_what_is_no_switch(tmp_path: Path, text: str, meant: str) -> None:
    (told,) = said(tmp_path, f"{SMALLEST}validation: {{domain_lookup: {text}}}")
    assert told.endswith(f"expected true or false{meant}")


def test_who_is_told_is_a_secret_that_knows_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(tmp_path, SMALLEST + 'notify: {urls: ["${env:HOOK}", "mailto://me:hunter2@contoso.com"]}\n')
    assert "hunter2" not in f"{settings!r}{settings.model_dump_json()}{settings.notify.urls}"
    monkeypatch.delenv("HOOK", raising=False)
    with pytest.raises(SecretUnavailable, match=r"^notify\.urls\.1: the environment variable HOOK is not set"):
        settings.notify.urls[0].reveal()


@pytest.mark.parametrize(
    "urls", ["hunter2", "[hunter2]", "[[json://x]]", "{teams: json://hunter2}", '"${env:HOOK}"', '["${HOOK}"]']
)
def test_who_is_told_is_a_list_of_addresses(tmp_path: Path, urls: str) -> None:
    problem = only(tmp_path, SMALLEST + f"notify: {{urls: {urls}}}\n")
    assert problem.where.startswith("notify.urls")
    assert "hunter2" not in str(problem)
