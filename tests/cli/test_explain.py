"""`explain`: what a person and a machine are told about one row, and that nothing is left behind."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

from sync_agent.explanation.step import Part
from sync_agent.simulator.mistakes import UNCONFIGURED
from tests.cli.commands import sentence
from tests.lab import Lab, Ran, lab

SCHEMA = orjson.loads((Path(__file__).parent / "explain.schema.json").read_bytes())
CODES = [
    "upn_missing",
    "upn_whitespace",
    "upn_format",
    "upn_character",
    "upn_length",
    "upn_duplicate",
    "domain_not_configured",
    "user_not_found",
    "user_deleted",
    "user_disabled",
    "upn_is_alias",
    "user_duplicate",
    "user_guest",
    "presence_unavailable",
]


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A list after a pass. Its tests change nothing in it."""
    with lab(tmp_path_factory.mktemp("explain"), rows=45) as made:
        made.world.moving = False
        made.world.heard = deque(maxlen=1_000)
        made.provisioned()
        assert made.run("sync").code == 0
        yield made


def row_with(served: Lab, *codes: str) -> int:
    return next(id_ for id_, truth in served.world.truth.items() if truth.codes == frozenset(codes))


def told(ran: Ran) -> str:
    """What stands on the page, wherever its lines are broken."""
    return " ".join(ran.out.split())


def document(served: Lab, wanted: str | int, code: int = 0) -> Any:
    ran = served.run("explain", str(wanted), "--json")
    assert ran.code == code, ran.err
    jsonschema.validate(ran.json(), SCHEMA, format_checker=jsonschema.FormatChecker())
    return ran.json()


def steps(explained: Any, part: str) -> list[Any]:
    return [step for step in explained["steps"] if step["part"] == part]


def test_a_row_that_is_right_is_explained_from_the_cell_to_the_verdict(synced: Lab) -> None:
    row_id = row_with(synced)
    truth, agent = synced.world.truth[row_id], synced.agents.items[row_id]
    page = told(synced.run("explain", str(row_id)))
    headings = ["The row", "rule by rule", "Whose domain it is", "What the tenants say", "Other rows", "Presence"]
    assert [page.index(heading) for heading in headings] == sorted(page.index(heading) for heading in headings)
    assert "✗" not in page
    assert "? " not in page
    assert "OK: the row leads to" in page
    assert "The row shows it already." in page
    explained = document(synced, row_id)
    assert explained["row"] == {"id": row_id, "upn": agent.fields["UPN"], "name": agent.fields["Title"]}
    assert explained["verdict"]["user_id"] == truth.object_id
    assert explained["would_write"] is None
    assert {step["outcome"] for step in explained["steps"]} == {"ok", "info"}


@pytest.mark.parametrize("code", CODES)
def test_each_anomaly_is_told_in_the_words_of_its_cell_and_so_is_what_shows_it(code: str, synced: Lab) -> None:
    row_id = next(id_ for id_, truth in synced.world.truth.items() if code in truth.codes)
    lines = synced.agents.items[row_id].fields["SyncAnomalies"].splitlines()
    explained = document(synced, row_id)
    assert [f"{each['code']}: {each['message']}" for each in explained["verdict"]["anomalies"]] == lines
    assert explained["verdict"]["status"] == synced.shown(row_id, "SyncStatus")
    assert explained["would_write"] is None
    assert [step["outcome"] for step in steps(explained, "verdict") if step["title"] == code] == ["wrong"]
    page = told(synced.run("explain", str(row_id)))
    for each in explained["verdict"]["anomalies"]:
        assert f"✗ {each['code']} {each['message']}" in page
    culprits = {step["part"] for step in explained["steps"] if step["outcome"] == "wrong"} - {"verdict"}
    assert culprits, "the step that the anomaly comes from is marked"


def test_what_a_cell_hides_can_be_seen(synced: Lab) -> None:
    row_id = row_with(synced, "upn_whitespace")
    cell = synced.agents.items[row_id].fields["UPN"]
    explained = document(synced, row_id)
    assert explained["row"]["upn"] == cell
    [failed] = [step for step in steps(explained, "rules") if step["outcome"] == "wrong"]
    assert failed["title"] == "upn_whitespace"
    assert failed["facts"]["url"].startswith("https://")
    assert "blank" in failed["text"] or "invisible" in failed["text"]
    assert steps(explained, "rules")[-1]["facts"]["means"] == synced.world.truth[row_id].suggestion


def test_rules_that_are_no_longer_asked_say_so(synced: Lab) -> None:
    outcomes = [step["outcome"] for step in steps(document(synced, row_with(synced, "upn_missing")), "rules")]
    assert outcomes[0] == "wrong"
    assert set(outcomes[1:]) == {"info"}


def test_each_tenant_says_what_it_knows_and_under_which_request(synced: Lab) -> None:
    row_id = row_with(synced, "user_deleted")
    asked, other = sorted(steps(document(synced, row_id), "tenants"), key=lambda step: step["outcome"] == "info")
    assert asked["outcome"] == "wrong"
    assert asked["facts"]["found"] is False
    assert asked["facts"]["deleted_at"]
    assert "recycle bin" in asked["text"]
    assert "Not asked: it does not have" in other["text"]
    own = {call.headers["client-request-id"] for call in synced.world.heard if "client-request-id" in call.headers}
    for request in asked["requests"]:
        assert request["client_request_id"] in own
        assert request["request_id"]
    parts = [part for request in asked["requests"] for part in request["parts"]]
    assert any("userPrincipalName%20in" in part["path"] and part["status"] == 200 for part in parts)
    assert "$batch" in synced.run("explain", str(row_id)).out


def test_a_domain_that_nobody_has_is_told_with_its_owner(synced: Lab) -> None:
    rows = [id_ for id_, truth in synced.world.truth.items() if "domain_not_configured" in truth.codes]
    row_id = next(id_ for id_ in rows)
    [step] = steps(document(synced, row_id), "domain")
    foreign = UNCONFIGURED in synced.agents.items[row_id].fields["UPN"]
    assert step["outcome"] == "wrong"
    assert ("It belongs to" if foreign else "by the public look-up nobody has") in step["text"]
    assert [request["status"] for request in step["requests"]] == [200 if foreign else 400]


def test_duplicates_name_the_other_rows(synced: Lab) -> None:
    first, second = [id_ for id_, truth in synced.world.truth.items() if truth.codes == {"upn_duplicate"}]
    [step] = steps(document(synced, first), "duplicates")
    assert (step["facts"]["same_upn"], step["facts"]["same_user"]) == ([second], [])
    assert step["text"] == f"The same UPN is in row {second}."
    by_upn = document(synced, synced.agents.items[first].fields["UPN"])
    assert by_upn["row"]["id"] == first
    alias = row_with(synced, "upn_is_alias", "user_duplicate")
    [step] = steps(document(synced, alias), "duplicates")
    assert step["facts"]["same_user"] == [row_with(synced, "user_duplicate")]


def test_several_rows_with_one_upn_are_all_named(synced: Lab) -> None:
    first, second = [id_ for id_, truth in synced.world.truth.items() if truth.codes == {"upn_duplicate"}]
    upn = synced.agents.items[first].fields["UPN"].title()
    explained = document(synced, upn)
    assert (explained["row"]["id"], explained["also"]) == (first, [second])
    assert f"Row {second} has it too" in explained["steps"][0]["text"]


def test_a_upn_without_a_row_is_explained_as_if_a_row_had_it(synced: Lab) -> None:
    with_rows = {item.fields.get("UPN", "").lower() for item in synced.agents.items.values()}
    tenant = synced.world.accounts[0][1]
    user = next(user for user in tenant.users.values() if user.upn.lower() not in with_rows and user.enabled)
    explained = document(synced, user.upn)
    assert explained["row"] is None
    assert explained["verdict"]["status"] == "OK"
    assert explained["verdict"]["user_id"] == user.id
    assert explained["would_write"] is None
    page = told(synced.run("explain", f"nobody.at.all@{tenant.domains[0]}"))
    assert "None of the 45 rows of Agents has" in page
    assert "user_not_found" in page
    taken = next(user for user in tenant.users.values() if len(user.proxy_addresses) > 1 and user.upn in with_rows)
    alias = taken.proxy_addresses[-1].partition(":")[2]
    codes = {anomaly["code"] for anomaly in document(synced, alias)["verdict"]["anomalies"]}
    assert "upn_is_alias" in codes


def test_a_display_name_is_explained_as_a_cell(synced: Lab) -> None:
    explained = document(synced, "Somebody Else")
    assert [anomaly["code"] for anomaly in explained["verdict"]["anomalies"]] == ["upn_format"]
    assert steps(explained, "tenants")[0]["text"] == "No tenant is asked: there is no name to ask for."


def test_there_is_no_such_row(synced: Lab) -> None:
    for arguments in (["99"], ["99", "--json"]):
        ran = synced.run("explain", *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert sentence(ran) == "There is no row 99: the list has 45 rows, ids from 1 to 45; the nearest is 45."
    assert synced.run("explain").code == 2


def test_nothing_is_written_anywhere(ready: Lab) -> None:
    assert ready.run("sync").code == 0

    def everything() -> tuple[object, ...]:
        items = {id_: (dict(item.fields), item.revision) for id_, item in ready.agents.items.items()}
        state = [file for file in (ready.folder / "state").rglob("*") if file.is_file()]
        history = [file for file in state if "tokens" not in file.parts]
        assert history
        return items, [(file, hashlib.sha256(file.read_bytes()).hexdigest()) for file in sorted(history)]

    ready.agents.items[1].fields["SyncStatus"] = "Wrong"
    before = everything()
    ready.world.heard = deque(maxlen=1_000)
    assert ready.run("explain", "1", "--json").json()["would_write"]["SyncStatus"]
    for wanted in ("nobody@contoso.com", str(row_with(ready))):
        assert ready.run("explain", wanted).code == 0
    assert everything() == before
    methods = {(call.method, re.sub(r"^.*/", "", call.path)) for call in ready.world.heard if call.method != "GET"}
    assert methods == {("POST", "token"), ("POST", "$batch"), ("POST", "getPresencesByUserId")}
    for call in ready.world.heard:
        if call.path.endswith("$batch"):
            assert {part["method"] for part in orjson.loads(call.body)["requests"]} == {"GET"}


def test_without_a_history_none_is_made(ready: Lab) -> None:
    for file in (ready.folder / "state").glob("*.db*"):
        file.unlink()
    assert ready.run("explain", "1").code == 0
    assert list((ready.folder / "state").glob("*.db*")) == []


def test_no_secret_and_no_token_is_told(synced: Lab) -> None:
    secrets = [file.read_text().strip() for file in (synced.folder / "secrets").iterdir()]
    assert len(secrets) == 2
    for row_id in (1, 7, 30):
        for more in ([], ["--json"]):
            for file in (synced.folder / "state" / "tokens").glob("*"):
                file.unlink()  # so that it has to sign in
            ran = synced.run("explain", str(row_id), *more)
            assert ran.code == 0
            assert "/v2.0/token" in ran.out
            assert not [secret for secret in secrets if secret in ran.out + ran.err]
            assert "eyJ" not in ran.out + ran.err


def test_a_tenant_that_is_silent_is_told_and_nobody_is_accused(ready: Lab) -> None:
    tenant = ready.world.accounts[1][1]
    ready.replace(tenant.id, "00000000-0000-4000-8000-000000000000")
    row_id = next(id_ for id_, truth in ready.world.truth.items() if truth.tenant_id == tenant.id and not truth.codes)
    explained = document(ready, row_id, code=1)
    assert explained["verdict"]["status"] == "Unknown"
    assert explained["complete"] is False
    assert "unknown" in {step["outcome"] for step in steps(explained, "tenants")}
    assert not [step for step in explained["steps"] if step["outcome"] == "wrong"]
    assert [step["outcome"] for step in steps(explained, "duplicates")] == ["unknown"]
    assert steps(explained, "presence")[0]["text"] == "It is not known whose to read."
    page = ready.run("explain", str(row_id))
    assert page.code == 1
    assert "Could not be asked" in told(page)
    fine = ready.world.accounts[0][1]
    other = next(id_ for id_, truth in ready.world.truth.items() if truth.tenant_id == fine.id and not truth.codes)
    explained = document(ready, other, code=1)
    assert explained["verdict"]["status"] == "OK", "what the other tenant says is not in doubt"


def test_a_recycle_bin_and_a_presence_that_may_not_be_read_are_told(ready: Lab) -> None:
    ready.world.faults.add("/directory/deletedItems", status=403)
    ready.world.faults.add("getPresencesByUserId", status=403)
    explained = document(ready, row_with(ready, "user_not_found"), code=1)
    [asked] = [step for step in steps(explained, "tenants") if step["outcome"] == "unknown"]
    assert "could not be asked" in asked["text"]
    explained = document(ready, row_with(ready), code=1)
    [presence] = steps(explained, "presence")
    assert presence["outcome"] == "unknown"
    assert explained["verdict"]["status"] == "OK"


def test_a_list_that_cannot_be_read_is_one_sentence(bare: Lab) -> None:
    ran = bare.run("explain", "1")
    assert (ran.code, ran.out) == (2, "")
    assert "Run `sync-agent provision`" in sentence(ran)
    bare.replace(bare.world.accounts[0][1].id, "00000000-0000-4000-8000-000000000000")
    ran = bare.run("explain", "1")
    assert (ran.code, ran.out) == (1, "")
    sentence(ran)


@pytest.mark.parametrize(
    "wanted", ["x" * 100_000, "\u202ejane@contoso.com", "jane\x1b[31m@contoso.com", "' or 1 eq 1@contoso.com"]
)
def test_whatever_is_typed_is_explained(wanted: str, synced: Lab) -> None:
    explained = document(synced, wanted)
    assert explained["asked"] == (wanted if len(wanted) < 10_000 else f"{wanted[:10_000]}…")
    page = synced.run("explain", wanted)
    assert page.code == 0
    assert "\x1b" not in page.out
    assert "\u202e" not in page.out
    assert len(page.out) < 20_000


def test_the_document_in_the_documentation_is_one() -> None:
    text = (Path(__file__).parents[2] / "docs" / "explain.md").read_text(encoding="utf-8")
    found = re.search(r"```json\n(.+?)```", text, re.DOTALL)
    assert found is not None
    jsonschema.validate(orjson.loads(found[1]), SCHEMA, format_checker=jsonschema.FormatChecker())
    parts = SCHEMA["properties"]["steps"]["items"]["properties"]["part"]["enum"]
    assert re.findall(r"^\| `([a-z]+)` \|", text, re.MULTILINE) == parts == list(Part)


def test_people_who_cannot_be_asked_about_are_told_and_nobody_is_suggested(ready: Lab) -> None:
    for question in ("startswith", "displayName in"):
        ready.world.faults.add(question, status=429, headers={"retry-after": "600"})
    row_id = next(id_ for id_, truth in ready.world.truth.items() if "domain_not_configured" in truth.codes)
    explained = document(ready, row_id, code=1)
    [looked] = steps(explained, "people")
    assert looked["outcome"] == "unknown"
    assert "Not every tenant could be asked" in looked["text"]
    assert [anomaly["suggestion"] for anomaly in explained["verdict"]["anomalies"]] == [None]


def test_of_two_tenants_that_claim_a_domain_each_says_what_it_knows(ready: Lab) -> None:
    (first, _, _), (second, _, _) = ready.world.accounts
    ready.replace(f"  - id: {first}\n", f"  - id: {first}\n    domains: [{first}]\n")
    ready.replace(f"  - id: {second}\n", f"  - id: {second}\n    domains: [{first}, {second}]\n")
    row_id = next(
        id_
        for id_, truth in ready.world.truth.items()
        if truth.tenant_id == ready.world.accounts[0][1].id and not truth.codes
    )
    explained = document(ready, row_id)
    assert [step["outcome"] for step in steps(explained, "tenants")] == ["ok", "wrong"]
    assert [step["facts"]["found"] for step in steps(explained, "tenants")] == [True, False]
    assert steps(explained, "domain")[0]["text"].count("as the settings say") == 2
    assert explained["verdict"]["status"] == "OK"


@pytest.mark.parametrize("columns", ["30", "60", "80", "200"])
def test_no_step_and_no_request_id_is_lost_for_want_of_room(
    columns: str, synced: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    row_id = next(id_ for id_, truth in synced.world.truth.items() if "user_duplicate" in truth.codes)
    ran = synced.run("explain", str(row_id))
    page = "".join(ran.out.split())
    assert len(re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", page)) >= 10
    for step in document(synced, row_id)["steps"]:
        if step["part"] in {"rules", "verdict", "tenants"}:
            assert "".join(step["title"].split()) in page
            assert "".join(step["text"].split())[:40] in page
    if int(columns) >= 60:
        assert max(map(len, ran.out.splitlines())) <= int(columns)


def test_other_names_of_the_user_that_cannot_be_asked_for_are_told(ready: Lab) -> None:
    ready.world.faults.add(r"GET /v1.0/users/[0-9a-f-]+\?.*proxyAddresses", status=403)
    explained = document(ready, row_with(ready), code=1)
    [step] = steps(explained, "duplicates")
    assert step["outcome"] == "unknown"
    assert "could not be asked" in step["text"]
    assert explained["verdict"]["status"] == "OK"


def test_an_account_that_waits_for_a_person_starts_no_sign_in(ready: Lab) -> None:
    account, tenant, _ = ready.world.accounts[1]
    secret = f"    auth: client_secret\n    client_secret: ${{file:secrets/{account}}}\n"
    ready.replace(secret, "    auth: device_code\n")
    row_id = next(id_ for id_, truth in ready.world.truth.items() if truth.tenant_id == tenant.id and not truth.codes)
    explained = document(ready, row_id, code=1)
    [asked] = [step for step in steps(explained, "tenants") if step["outcome"] == "unknown"]
    assert f"sync-agent login {account}" in asked["text"]
    assert ready.world.devices.codes == {}


def test_a_user_who_may_sign_in_by_a_name_against_the_rules_is_not_accused(ready: Lab) -> None:
    """The directory is the better witness."""
    tenant = ready.world.accounts[0][1]
    row_id = row_with(ready, "upn_character")
    upn = ready.agents.items[row_id].fields["UPN"]
    user = next(user for user in tenant.users.values() if user.enabled and not user.guest and user.licensed)
    tenant.rename(user, f"{upn.partition('@')[0]}@{tenant.domains[0]}")
    explained = document(ready, user.upn)
    assert "upn_character" not in {anomaly["code"] for anomaly in explained["verdict"]["anomalies"]}
    [lifted] = [step for step in steps(explained, "rules") if step["title"] == "upn_character"]
    assert lifted["outcome"] == "info"
    assert "knows better" in lifted["text"]


def test_with_json_a_list_that_cannot_be_read_is_told_in_the_document_too(bare: Lab) -> None:
    without_columns = document(bare, 1, code=2)
    assert "provision" in without_columns["error"]
    bare.replace(bare.world.accounts[0][1].id, "00000000-1111-2222-3333-444444444444")
    signed_out = document(bare, 1, code=1)
    assert "AADSTS90002" in signed_out["error"]
    for told_ in (without_columns, signed_out):
        assert (told_["complete"], told_["row"], told_["verdict"]) == (False, None, None)
        assert [(step["outcome"], step["text"]) for step in told_["steps"]] == [("unknown", told_["error"])]
