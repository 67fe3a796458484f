"""Stands in for the Azure CLI: takes what register-app.sh may say to it, and answers as Graph's pages have it.

Strict: a command, option, path, query or body that no page has is refused, as Graph refuses it, or harder. What is
there is kept in the file $AZ_STATE. Run as a program; ``Tenant`` is what it keeps.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

Json = dict[str, Any]
GRAPH, SHAREPOINT = "00000003-0000-0000-c000-000000000000", "00000003-0000-0ff1-ce00-000000000000"
SITE = "contoso.sharepoint.com,48f1898f-77d9-4a1b-bddc-1f49bb6dc134,7206fc09-e4af-48b3-8730-ed7321396d7a"
_ROLES = {"read", "write", "manage", "owner", "fullcontrol"}


class Refused(Exception):
    def __init__(self, status: str, code: str, message: str) -> None:
        super().__init__(message)
        self.words = f"ERROR: {status}({json.dumps({'error': {'code': code, 'message': message}})})"


def new_tenant(permissions: dict[str, list[str]], host: str = "https://graph.microsoft.com") -> Json:
    """``permissions``: the names that each service offers, both as roles and as scopes."""
    return {
        "account": {
            "environmentName": "AzureCloud",
            "tenantId": "11111111-2222-3333-4444-555555555555",
            "tenantDefaultDomain": "contoso.com",
        },
        "host": host,
        "services": [
            {
                "id": _id(app),
                "appId": app,
                "appRoles": [{"id": _id(app, "role", each), "value": each} for each in names],
                "oauth2PermissionScopes": [{"id": _id(app, "scope", each), "value": each} for each in names],
            }
            for app, names in permissions.items()
        ],
        "applications": [],
        "principals": [],
        "role_assignments": [],
        "scope_grants": [],
        "sites": {"/sites/contoso.sharepoint.com:/sites/ucc": SITE, "/sites/contoso.sharepoint.com": "root"},
        "lists": {"Agents": "list-1", "Ag'ents & Co #1": "list-2"},
        "grants": {},
        "not_yet": [],  # methods with paths that fail once, as things just made do
        "refused": [],  # methods with paths that are not allowed
        "said": [],
    }


def _id(*parts: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join(parts)))


class Graph:
    def __init__(self, tenant: Json) -> None:
        self.tenant = tenant
        self._routes: list[tuple[str, str, Callable[..., Json | None]]] = [
            ("get", r"/servicePrincipals", self.principals),
            ("post", r"/servicePrincipals", self.new_principal),
            ("get", r"/applications", self.applications),
            ("post", r"/applications", self.new_application),
            ("get", r"/applications/([^/]+)", self.application),
            ("patch", r"/applications/([^/]+)", self.change_application),
            ("get", r"/servicePrincipals/([^/]+)/appRoleAssignments", self.assignments),
            ("post", r"/servicePrincipals/([^/]+)/appRoleAssignedTo", self.assign),
            ("get", r"/oauth2PermissionGrants", self.scopes),
            ("post", r"/oauth2PermissionGrants", self.new_scopes),
            ("patch", r"/oauth2PermissionGrants/([^/]+)", self.change_scopes),
            ("get", r"(/sites/[^/:]+(?::/.+)?)", self.site),
            ("get", r"/sites/([^/]+)/lists/([^/]+)", self.a_list),
            ("get", r"(/sites/[^/]+(?:/lists/[^/]+)?)/permissions", self.grants),
            ("post", r"(/sites/[^/]+(?:/lists/[^/]+)?)/permissions", self.new_grant),
            ("get", r"(/sites/[^/]+(?:/lists/[^/]+)?)/permissions/([^/]+)", self.grant),
            ("patch", r"(/sites/[^/]+)/permissions/([^/]+)", self.change_grant),
            ("delete", r"(/sites/[^/]+/lists/[^/]+)/permissions/([^/]+)", self.end_grant),
        ]

    def ask(self, method: str, url: str, body: Json | None) -> Json | None:
        parts = urlsplit(url)
        assert re.fullmatch(r"[!-~]+", url) and not parts.fragment, f"not encoded: {url}"
        path = parts.path.removeprefix("/v1.0")
        said = f"{method} {unquote(path)}"
        self.tenant["said"].append(said if body is None else f"{said} {json.dumps(body, sort_keys=True)}")
        if any(re.match(each, said) for each in self.tenant["refused"]):
            raise Refused("Forbidden", "accessDenied", "Access denied")
        for each in self.tenant["not_yet"]:
            if re.match(each, said):
                self.tenant["not_yet"].remove(each)
                raise Refused("Not Found", "Request_ResourceNotFound", "Resource 'x' does not exist.")
        query = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        for verb, pattern, answer in self._routes:
            match = re.fullmatch(pattern, path)
            if verb == method and match is not None:
                given = [unquote(each) for each in match.groups()]
                return answer(*given, query) if method in {"get", "delete"} else answer(*given, body)
        raise Refused("Bad Request", "BadRequest", f"No page has {method} {path}")

    # --- registrations ---

    def applications(self, query: Json) -> Json:
        field, value = _filtered(query, {"appId", "displayName"})
        found = [each for each in self.tenant["applications"] if each[field] == value]
        return {"value": [_selected(each, query, hidden=("keyCredentials",)) for each in found]}

    def application(self, id_: str, query: Json) -> Json:
        return _selected(self._application(id_), query)

    def new_application(self, body: Json) -> Json:
        _shape(body, {"displayName"}, {"signInAudience", "tags", "isFallbackPublicClient", "requiredResourceAccess"})
        self._check_access(body.get("requiredResourceAccess", []))
        number = str(len(self.tenant["applications"]))
        made = {"id": _id("object", number), "appId": _id("client", number), "keyCredentials": [], **body}
        self.tenant["applications"].append(made)
        return made

    def change_application(self, id_: str, body: Json) -> None:
        _shape(body, set(), {"isFallbackPublicClient", "requiredResourceAccess", "keyCredentials"})
        application = self._application(id_)
        self._check_access(body.get("requiredResourceAccess", []))
        for key in body.get("keyCredentials", []):
            _shape(key, {"type", "usage", "key"}, {"displayName", "keyId", "customKeyIdentifier"})
            _valid(key["type"] == "AsymmetricX509Cert" and key["usage"] == "Verify", "keyCredentials")
            _valid(base64.b64decode(key["key"], validate=True)[:1] == b"\x30", "keyCredentials: key is no DER")
            key.setdefault("keyId", _id("key", key["key"]))
        application.update(body)

    def _application(self, id_: str) -> Json:
        for each in self.tenant["applications"]:
            if each["id"] == id_:
                found: Json = each
                return found
        raise Refused("Not Found", "Request_ResourceNotFound", f"Resource '{id_}' does not exist.")

    def _check_access(self, required: list[Json]) -> None:
        kinds = {"Role": "appRoles", "Scope": "oauth2PermissionScopes"}
        for each in required:
            _shape(each, {"resourceAppId", "resourceAccess"}, set())
            service = next(one for one in self.tenant["services"] if one["appId"] == each["resourceAppId"])
            for access in each["resourceAccess"]:
                _shape(access, {"id", "type"}, set())
                _valid(access["id"] in {one["id"] for one in service[kinds[access["type"]]]}, "resourceAccess")

    # --- the app in the tenant, and consent ---

    def principals(self, query: Json) -> Json:
        _, value = _filtered(query, {"appId"})
        known = [*self.tenant["services"], *self.tenant["principals"]]
        return {"value": [_selected(each, query) for each in known if each["appId"] == value]}

    def new_principal(self, body: Json) -> Json:
        _shape(body, {"appId"}, set())
        _valid(any(each["appId"] == body["appId"] for each in self.tenant["applications"]), "no backing application")
        _valid(all(each["appId"] != body["appId"] for each in self.tenant["principals"]), "already there")
        made = {"id": _id("principal", body["appId"]), **body}
        self.tenant["principals"].append(made)
        return made

    def assignments(self, id_: str, query: Json) -> Json:
        _valid(not query, "query")
        return {"value": [each for each in self.tenant["role_assignments"] if each["principalId"] == id_]}

    def assign(self, resource: str, body: Json) -> Json:
        _shape(body, {"principalId", "resourceId", "appRoleId"}, set())
        _valid(body["resourceId"] == resource and body["principalId"] in self._principals(), "ids")
        service = next(each for each in self.tenant["services"] if each["id"] == resource)
        _valid(body["appRoleId"] in {each["id"] for each in service["appRoles"]}, "appRoleId")
        _valid(body not in self.tenant["role_assignments"], "Permission being assigned already exists on the object")
        self.tenant["role_assignments"].append(body)
        return body

    def scopes(self, query: Json) -> Json:
        _, value = _filtered(query, {"clientId"})
        return {"value": [each for each in self.tenant["scope_grants"] if each["clientId"] == value]}

    def new_scopes(self, body: Json) -> Json:
        _shape(body, {"clientId", "consentType", "resourceId", "scope"}, set())
        _valid(
            body["consentType"] == "AllPrincipals" and body["clientId"] in self._principals(), "consentType, clientId"
        )
        old = [(each["clientId"], each["resourceId"]) for each in self.tenant["scope_grants"]]
        _valid((body["clientId"], body["resourceId"]) not in old, "Permission entry already exists.")
        made = {"id": _id("scopes", body["resourceId"]), **body}
        self.tenant["scope_grants"].append(made)
        return made

    def change_scopes(self, id_: str, body: Json) -> None:
        _shape(body, {"scope"}, set())
        next(each for each in self.tenant["scope_grants"] if each["id"] == id_).update(body)

    def _principals(self) -> set[str]:
        return {each["id"] for each in self.tenant["principals"]}

    # --- the site and the list ---

    def site(self, address: str, query: Json) -> Json:
        if address not in self.tenant["sites"]:
            raise Refused("Not Found", "itemNotFound", "Requested site could not be found")
        return _selected({"id": self.tenant["sites"][address]}, query)

    def a_list(self, site: str, title: str, query: Json) -> Json:
        if site not in self.tenant["sites"].values() or title not in self.tenant["lists"]:
            raise Refused("Not Found", "itemNotFound", "The specified list was not found")
        return _selected({"id": self.tenant["lists"][title]}, query)

    def grants(self, place: str, query: Json) -> Json:
        """Without the roles, as Graph leaves them out of a whole collection."""
        _valid(not query, "query")
        there = self.tenant["grants"].get(place, [])
        return {"value": [{key: value for key, value in each.items() if key != "roles"} for each in there]}

    def grant(self, place: str, id_: str, query: Json) -> Json:
        _valid(not query, "query")
        return next(each for each in self.tenant["grants"][place] if each["id"] == id_)

    def new_grant(self, place: str, body: Json) -> Json:
        to = "grantedToV2" if "/lists/" in place else "grantedToIdentities"
        _shape(body, {"roles", to}, set())
        [identity] = [body[to]] if to == "grantedToV2" else body[to]
        _shape(identity, {"application"}, set())
        _shape(identity["application"], {"id", "displayName"}, set())
        _valid(len(body["roles"]) == 1 and set(body["roles"]) <= _ROLES, "roles")
        made = {"id": f"aTowaS50fG1zLnNwLmV4dHw/{len(self.tenant['said'])}", **body}
        self.tenant["grants"].setdefault(place, []).append(made)
        return made

    def change_grant(self, place: str, id_: str, body: Json) -> Json:
        _shape(body, {"roles"}, set())
        _valid(len(body["roles"]) == 1 and set(body["roles"]) <= _ROLES, "roles")
        grant = self.grant(place, id_, {})
        grant.update(body)
        return grant

    def end_grant(self, place: str, id_: str, query: Json) -> None:
        self.tenant["grants"][place].remove(self.grant(place, id_, query))


def _valid(right: bool, what: str) -> None:
    if not right:
        raise Refused("Bad Request", "Request_BadRequest", f"Invalid: {what}")


def _shape(body: Json, needed: set[str], allowed: set[str]) -> None:
    _valid(needed <= body.keys() <= needed | allowed, f"properties {sorted(body)}")


def _filtered(query: Json, fields: set[str]) -> tuple[str, str]:
    match = re.fullmatch(r"(\w+) eq '((?:[^']|'')*)'", query.get("$filter", ""))
    _valid(match is not None and match[1] in fields and query.keys() <= {"$filter", "$select"}, "query")
    assert match is not None
    return match[1], match[2].replace("''", "'")


def _selected(item: Json, query: Json, hidden: tuple[str, ...] = ()) -> Json:
    fields = query["$select"].split(",")
    return {key: item.get(key) for key in fields if key not in hidden}


def _options(arguments: list[str], known: set[str]) -> dict[str, str]:
    taken: dict[str, str] = {}
    left = iter(arguments)
    for each in left:
        if each == "--only-show-errors":
            continue
        if each not in known or each in taken:
            sys.exit(f"ERROR: unrecognized arguments: {each}")
        taken[each] = next(left)
    return taken


def main(arguments: list[str]) -> None:
    file = Path(os.environ["AZ_STATE"])
    tenant = json.loads(file.read_text())
    match arguments:
        case ["account", "show", *rest]:
            if tenant["account"] is None:
                sys.exit("ERROR: Please run 'az login' to setup account.")
            assert _options(rest, {"--output"}) == {"--output": "json"}
            print(json.dumps(tenant["account"]))  # noqa: T201
        case ["cloud", "show", *rest]:
            query = "endpoints.microsoftGraphResourceId"
            assert _options(rest, {"--output", "--query"}) == {"--query": query, "--output": "tsv"}
            print(tenant["host"] + "/")  # noqa: T201
        case ["rest", *rest]:
            _rest(tenant, _options(rest, {"--output", "--method", "--url", "--resource", "--headers", "--body"}))
        case _:
            sys.exit(f"ERROR: '{' '.join(arguments)}' is misspelled or not recognized by the system.")
    file.write_text(json.dumps(tenant))


def _rest(tenant: Json, options: dict[str, str]) -> None:
    assert options["--url"].startswith(tenant["host"] + "/v1.0/"), options
    assert options["--resource"] == tenant["host"] + "/", options
    body = json.loads(options["--body"]) if "--body" in options else None
    assert (options.get("--headers") == "Content-Type=application/json") == (body is not None), options
    try:
        answer = Graph(tenant).ask(options["--method"], options["--url"], body)
    except Refused as refused:
        Path(os.environ["AZ_STATE"]).write_text(json.dumps(tenant))
        sys.exit(refused.words)
    if answer is not None:
        print(json.dumps(answer))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
