"""What the embedded Microsoft 365 tells whoever looks: its time, and the rules of columns and lists, by both APIs."""

from __future__ import annotations

import ssl
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from sync_agent.simulator.messy import SITE_PATH
from tests.lab import Lab, lab


def token(made: Lab) -> str:
    """The list account's, which a certificate proves: both APIs take it."""
    _, tenant, app = made.world.accounts[0]
    return made.world.mint.access_token(made.world, tenant, app, made.world.origin, by_certificate=True)[0]


def asked(made: Lab, path: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {token(made)}", "accept": "application/json;odata=nometadata"}
    with httpx.Client(verify=ssl.create_default_context(cafile=made.folder / "ca.pem")) as client:
        return client.get(f"{made.world.origin}{path}", headers=headers)


def by_graph(made: Lab) -> dict[str, Any]:
    site = asked(made, f"/v1.0/sites/127.0.0.1:{SITE_PATH}").json()["id"]
    columns = asked(made, f"/v1.0/sites/{site}/lists/Agents/columns").json()["value"]
    return {column["name"]: column for column in columns}


def by_rest(made: Lab) -> dict[str, Any]:
    columns = asked(made, f"{SITE_PATH}/_api/web/lists/getbytitle('Agents')/fields").json()["value"]
    return {column["InternalName"]: column for column in columns}


def test_every_answer_has_the_worlds_time(tmp_path: Path) -> None:
    with lab(tmp_path) as made:
        made.world.clock = lambda: 2_000_000_000.0
        for path in ("/v1.0/organization", "/nowhere"):
            dates = asked(made, path).headers.get_list("date")
            assert [parsedate_to_datetime(date).timestamp() for date in dates] == [2_000_000_000.0]


@pytest.mark.parametrize(
    ("rule", "value", "graph", "rest"),
    [
        ("read_only", True, ("readOnly", True), ("ReadOnlyField", True)),
        ("required", True, ("required", True), ("Required", True)),
        ("unique", True, ("enforceUniqueValues", True), ("EnforceUniqueValues", True)),
        ("indexed", True, ("indexed", True), ("Indexed", True)),
        (
            "formula",
            "=1=1",
            ("validation", {"formula": "=1=1", "descriptions": []}),
            ("ValidationFormula", "=1=1"),
        ),
    ],
)
def test_a_rule_of_a_column_is_told_by_both(
    rule: str, value: object, graph: tuple[str, object], rest: tuple[str, object], tmp_path: Path
) -> None:
    with lab(tmp_path) as made:
        setattr(made.agents.columns["UPN"], rule, value)
        assert by_graph(made)["UPN"][graph[0]] == graph[1]
        assert by_rest(made)["UPN"][rest[0]] == rest[1]
        assert not by_graph(made)["Extension"].get(graph[0])
        assert not by_rest(made)["Extension"][rest[0]]


def test_rest_tells_what_a_list_asks_of_its_items(tmp_path: Path) -> None:
    with lab(tmp_path) as made:
        path = f"{SITE_PATH}/_api/web/lists/getbytitle('Agents')?$select=EnableModeration,ValidationFormula"
        assert asked(made, path).json() == {"EnableModeration": False, "ValidationFormula": None}
        made.agents.approval, made.agents.formula = True, "=1=1"
        assert asked(made, path).json() == {"EnableModeration": True, "ValidationFormula": "=1=1"}


def test_a_sign_in_is_not_renewed_where_public_client_flows_are_off(tmp_path: Path) -> None:
    with lab(tmp_path) as made:
        _, tenant, app = made.world.accounts[0]
        person = next(iter(tenant.users.values()))
        made.world.devices.keep("digest", time.time(), app.client_id, person, tenant)
        form = {"grant_type": "refresh_token", "client_id": app.client_id, "refresh_token": "x", "scope": "openid"}
        app.public_client_flows = False
        with httpx.Client(verify=ssl.create_default_context(cafile=made.folder / "ca.pem")) as client:
            answer = client.post(f"{made.world.origin}/{tenant.id}/oauth2/v2.0/token", data=form)
        assert answer.status_code == 401
        assert answer.json()["error_codes"] == [7000218]
