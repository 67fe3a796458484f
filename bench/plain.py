"""The same job written the plain way: the peer that the benchmarks compare with.

Office365-REST-Python-Client for the list and requests for Graph, one call after the other, a user and a presence a
call, an item an update: what an administrator's script does. Reads the connection from a JSON file and prints one JSON
line.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from office365.sharepoint.client_context import ClientContext


def main() -> None:
    facts = json.loads(Path(sys.argv[1]).read_text())
    rows = int(sys.argv[2])
    started, cpu = time.perf_counter(), time.process_time()
    counts = one_pass(facts, rows)
    print(
        json.dumps(
            {"rows": rows, "wall": time.perf_counter() - started, "cpu": time.process_time() - cpu, "requests": counts}
        )
    )


def one_pass(facts: dict[str, Any], rows: int) -> int:
    session = requests.Session()
    session.verify = facts["ca_bundle"]
    session.trust_env = False
    tokens = {tenant: _token(session, facts, tenant, facts["url"]) for tenant in facts["tenants"]}
    requested = len(tokens)
    context = _context(facts, session)
    items = context.web.lists.get_by_title(facts["list"]).items.select(["Id", "UPN"]).top(rows).get().execute_query()
    requested += 2
    for item in items:
        upn = item.properties.get("UPN") or ""
        tenant = facts["domains"].get(upn.rpartition("@")[2].lower())
        user = None
        if tenant is not None:
            headers = {"Authorization": f"Bearer {tokens[tenant]}"}
            answer = session.get(f"{facts['url']}/v1.0/users/{quote(upn)}", headers=headers, timeout=30)
            user = answer.json() if answer.status_code == 200 else None
            requested += 1
        presence = None
        if user is not None:
            body = {"ids": [user["id"]]}
            url = f"{facts['url']}/v1.0/communications/getPresencesByUserId"
            found = session.post(url, json=body, headers=headers, timeout=30).json()["value"]
            presence = found[0] if found else None
            requested += 1
        item.set_property("SyncStatus", "OK" if user else "Error")
        item.set_property("Presence", presence["availability"] if presence else "")
        item.update().execute_query()
        requested += 1
    return requested


def _token(session: requests.Session, facts: dict[str, Any], tenant: str, resource: str) -> str:
    app = facts["tenants"][tenant]
    answer = session.post(
        f"{facts['url']}/{tenant}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
            "scope": f"{resource}/.default",
        },
        timeout=30,
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def _context(facts: dict[str, Any], session: requests.Session) -> ClientContext:
    token = {"access_token": facts["sharepoint_token"], "token_type": "Bearer", "expires_in": 3600}
    context = ClientContext(facts["site_url"]).with_access_token(lambda: token)
    context.pending_request().with_transport(session=session, verify=facts["ca_bundle"], timeout=(10, 60))
    return context


if __name__ == "__main__":
    main()
