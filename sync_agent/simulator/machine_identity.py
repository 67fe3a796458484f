"""Managed identities, as Azure gives them to the machine that the world's clients run on.

Two services tell of them: that of App Service (learn.microsoft.com: how to use managed identities for App Service) and
that of virtual machines, IMDS (learn.microsoft.com: how to use managed identities on an Azure VM to acquire a token).
"""

from __future__ import annotations

from sync_agent.simulator.tokens import GRAPH_NAMES
from sync_agent.simulator.wire import Call, Reply, Route, json_reply, route
from sync_agent.simulator.world import AppRegistration, Machine

APP_SERVICE = "/msi/token"
_IMDS = "/metadata/identity/oauth2/token"


def routes() -> list[Route]:
    return [route("GET", APP_SERVICE, _by_app_service), route("GET", _IMDS, _by_imds)]


def _by_app_service(call: Call) -> Reply:
    machine = call.world.machine
    if machine is None or call.headers.get("x-identity-header") != machine.header:
        return json_reply({"statusCode": 401, "message": "The X-IDENTITY-HEADER is missing or wrong."}, 401)
    if call.query.get("api-version") != "2019-08-01":
        return json_reply({"statusCode": 400, "message": "The api-version is not supported."}, 400)
    identity = _wanted(call, machine)
    if identity is None:
        which = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
        return json_reply({"statusCode": 400, "message": which}, 400)
    if _resource(call) is None:
        return json_reply({"statusCode": 500, "message": "An unexpected error occured while fetching the token."}, 500)
    return _token(call, machine, identity)


def _by_imds(call: Call) -> Reply:
    machine = call.world.machine
    if call.headers.get("metadata", "").lower() != "true":
        return _imds_refusal("Required metadata header not specified")
    if "api-version" not in call.query:
        return _imds_refusal("Required query variable 'api-version' is missing")
    identity = None if machine is None else _wanted(call, machine)
    if machine is None or identity is None:
        return _imds_refusal("Identity not found")
    if _resource(call) is None:
        text = f"AADSTS500011: The resource principal named {call.query.get('resource')} was not found in the tenant."
        return _imds_refusal(text, "invalid_resource")
    return _token(call, machine, identity)


def _wanted(call: Call, machine: Machine) -> AppRegistration | None:
    """Without client_id the machine's own; where it has none, the only other one it may use."""
    if client_id := call.query.get("client_id", "").lower():
        return machine.assigned.get(client_id)
    only = next(iter(machine.assigned.values())) if len(machine.assigned) == 1 else None
    return machine.own or only


def _resource(call: Call) -> str | None:
    wanted = call.query.get("resource", "").rstrip("/")
    return wanted if wanted in (call.world.origin, *GRAPH_NAMES, *call.world.other_origins) else None


def _token(call: Call, machine: Machine, identity: AppRegistration) -> Reply:
    """Numbers are strings here; a managed identity proves itself by a certificate that Azure keeps for it."""
    resource = _resource(call) or ""
    token, lives = call.world.mint.access_token(call.world, machine.tenant, identity, resource, by_certificate=True)
    now = int(call.world.clock())
    return json_reply(
        {
            "access_token": token,
            "client_id": identity.client_id,
            "expires_in": str(lives),
            "expires_on": str(now + lives),
            "not_before": str(now - 300),
            "resource": resource,
            "token_type": "Bearer",
        }
    )


def _imds_refusal(text: str, error: str = "invalid_request") -> Reply:
    return json_reply({"error": error, "error_description": text}, 400)
