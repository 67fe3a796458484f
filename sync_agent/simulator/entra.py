"""The embedded Entra: discovery, and tokens by secret, assertion, device code and refresh token."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlsplit

from sync_agent.simulator.client_proof import proven_by_certificate
from sync_agent.simulator.entra_refusal import Refusal
from sync_agent.simulator.tokens import GRAPH_NAMES
from sync_agent.simulator.wire import Call, Reply, Route, json_reply, route
from sync_agent.simulator.world import AppRegistration, SimUser, Tenant, World

_REFRESH_LIFETIME = 90 * 86_400
_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


def routes() -> list[Route]:
    return [
        route("GET", r"/common/discovery/instance", _instance),
        route("GET", r"/(?P<tenant>[^/]+)/v2\.0/\.well-known/openid-configuration", _configuration),
        route(
            "GET", r"/(?P<tenant>[^/]+)/discovery/v2\.0/keys", lambda call: json_reply(call.world.mint.public_keys())
        ),
        route("POST", r"/(?P<tenant>[^/]+)/oauth2/v2\.0/token", _answering(_token)),
        route("POST", r"/(?P<tenant>[^/]+)/oauth2/v2\.0/devicecode", _answering(_device_code)),
    ]


def _answering(handler: Callable[[Call], Reply]) -> Callable[[Call], Reply]:
    def answered(call: Call) -> Reply:
        try:
            return handler(call)
        except Refusal as refusal:
            return refusal.reply()

    return answered


def _instance(call: Call) -> Reply:
    tenant = urlsplit(call.query.get("authorization_endpoint", "")).path.split("/")[1:2] or ["common"]
    endpoint = f"{call.world.origin}/{tenant[0]}/v2.0/.well-known/openid-configuration"
    return json_reply({"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": []})


def _configuration(call: Call) -> Reply:
    tenant = call.world.tenant_of(call.groups["tenant"])
    if tenant is None:
        return _no_tenant(call).reply()
    root = f"{call.world.origin}/{tenant.id}"
    return json_reply(
        {
            "issuer": f"{root}/v2.0",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{root}/discovery/v2.0/keys",
            "tenant_region_scope": "EU",
            "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
    )


def _no_tenant(call: Call) -> Refusal:
    name = call.groups["tenant"]
    if "." not in name and _GUID.fullmatch(name) is None:
        text = f"Specified tenant identifier '{name}' is neither a valid DNS name, nor a valid external domain."
        return Refusal("invalid_request", 900023, text)
    text = f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID."
    return Refusal("invalid_tenant", 90002, text)


def _token(call: Call) -> Reply:
    form = _form(call)
    tenant, app = _app(call, form)
    match form.get("grant_type"):
        case "client_credentials":
            by_certificate = proven_by_certificate(call, form, tenant, app)
            return _app_token(call.world, tenant, app, form, by_certificate)
        case "urn:ietf:params:oauth:grant-type:device_code" | "device_code":
            return _by_device_code(call.world, tenant, app, form)
        case "refresh_token":
            return _by_refresh_token(call.world, tenant, app, form)
        case other:
            raise Refusal("unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{other}'.")


def _form(call: Call) -> dict[str, str]:
    return dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))


def _app(call: Call, form: Mapping[str, str]) -> tuple[Tenant, AppRegistration]:
    tenant = call.world.tenant_of(call.groups["tenant"])
    if tenant is None:
        raise _no_tenant(call)
    client_id = form.get("client_id", "").lower()
    app = tenant.apps.get(client_id)
    if app is None:
        text = f"Application with identifier '{client_id}' was not found in the directory '{tenant.name}'."
        raise Refusal("unauthorized_client", 700016, text)
    if not app.enabled:
        raise Refusal("unauthorized_client", 7000112, f"Application '{client_id}' is disabled.", 401)
    return tenant, app


def _app_token(
    world: World, tenant: Tenant, app: AppRegistration, form: Mapping[str, str], by_certificate: bool
) -> Reply:
    scope = form.get("scope", "")
    if not scope.endswith("/.default"):
        text = f"The provided request must include a scope that ends with /.default: '{scope}'."
        raise Refusal("invalid_scope", 70011, text)
    resource = _resource(world, scope, tenant)
    token, lives = world.mint.access_token(world, tenant, app, resource, by_certificate=by_certificate)
    return json_reply({"token_type": "Bearer", "expires_in": lives, "ext_expires_in": lives, "access_token": token})


def _resource(world: World, scope: str, tenant: Tenant) -> str:
    named = [part.removesuffix("/.default") for part in scope.split() if part.endswith("/.default")]
    if len(named) > 1:
        text = f"Provided value for the input parameter scope '{scope}' is not valid: more than one resource."
        raise Refusal("invalid_request", 28000, text)
    wanted = named[0] if named else ""
    known = (world.origin, *GRAPH_NAMES, *world.other_origins)
    if wanted.rstrip("/") not in known:
        text = f"The resource principal named {wanted} was not found in the tenant named {tenant.name}."
        raise Refusal("invalid_resource", 500011, text)
    return wanted.rstrip("/")


def _device_code(call: Call) -> Reply:
    form = _form(call)
    tenant, app = _app(call, form)
    return json_reply(call.world.devices.offer(call.world, tenant, app, form.get("scope", "")))


def _no_public_client() -> Refusal:
    text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
    return Refusal("invalid_client", 7000218, text, 401)


def _by_device_code(world: World, tenant: Tenant, app: AppRegistration, form: Mapping[str, str]) -> Reply:
    if not app.public_client_flows:
        raise _no_public_client()
    code = world.devices.codes.get(form.get("device_code", ""))
    if code is None or code.client_id != app.client_id or code.tenant_id != tenant.id:
        raise Refusal("bad_verification_code", 70019, "Verification code expired or not known.")
    now = world.clock()
    if now >= code.expires:
        raise Refusal("expired_token", 70020, "The provided device code has expired.")
    if code.declined:
        raise Refusal("authorization_declined", 70018, "The user declined the sign-in.")
    if code.user is None:
        too_soon, code.asked = now - code.asked < code.interval - 0.5, now
        if too_soon:
            raise Refusal("slow_down", 70016, "Polling too fast.")
        raise Refusal("authorization_pending", 70016, "The end user hasn't finished authentication.")
    del world.devices.codes[form["device_code"]]
    home = code.home or tenant
    return _person_tokens(world, home, app, code.user, _resource(world, code.scope, tenant))


def _by_refresh_token(world: World, tenant: Tenant, app: AppRegistration, form: Mapping[str, str]) -> Reply:
    if not app.public_client_flows:
        raise _no_public_client()
    known = world.devices.refresh_tokens.get(_digest(form.get("refresh_token", "")))
    if known is None or known.client_id != app.client_id:
        raise Refusal("invalid_grant", 9002313, "Invalid request. Request is malformed or invalid.")
    if known.issued < tenant.revoked_before:
        raise Refusal("invalid_grant", 50173, "The provided grant has expired due to it being revoked.")
    if world.clock() - known.issued > _REFRESH_LIFETIME:
        raise Refusal("invalid_grant", 700082, "The refresh token has expired due to inactivity.")
    if known.user.id not in known.home.users:
        raise Refusal("invalid_grant", 50034, f"The user account {known.user.upn} does not exist in the directory.")
    if not known.user.enabled:
        raise Refusal("invalid_grant", 50057, "The user account is disabled.")
    return _person_tokens(world, known.home, app, known.user, _resource(world, form.get("scope", ""), tenant))


def _person_tokens(world: World, tenant: Tenant, app: AppRegistration, user: SimUser, resource: str) -> Reply:
    token, lives = world.mint.access_token(world, tenant, app, resource, user=user)
    id_token, client_info = world.mint.id_token(world, tenant, app, user)
    refresh = secrets.token_urlsafe(48)
    world.devices.keep(_digest(refresh), world.clock(), app.client_id, user, tenant)
    return json_reply(
        {
            "token_type": "Bearer",
            "scope": " ".join(f"{resource}/{permission}" for permission in sorted(app.permissions)),
            "expires_in": lives,
            "ext_expires_in": lives,
            "access_token": token,
            "refresh_token": refresh,
            "id_token": id_token,
            "client_info": client_info,
        }
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
