"""Device codes: offered, entered by a person on a page (or by a test), and the refresh tokens that come of them."""

from __future__ import annotations

import html
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from sync_agent.simulator.wire import Call, Reply, Route, route

if TYPE_CHECKING:
    from sync_agent.simulator.world import AppRegistration, SimUser, Tenant, World

_LETTERS = "BCDFGHJKLMNPQRSTVWXYZ23456789"


@dataclass(slots=True)
class DeviceCode:
    """``asked``: when it was last polled."""

    user_code: str
    client_id: str
    tenant_id: str
    scope: str
    expires: float
    interval: int
    asked: float = 0.0
    declined: bool = False
    user: SimUser | None = None
    home: Tenant | None = None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    issued: float
    client_id: str
    user: SimUser
    home: Tenant


@dataclass(slots=True)
class Devices:
    """``lifetime`` and ``interval`` of codes in seconds."""

    lifetime: int = 900
    interval: int = 5
    codes: dict[str, DeviceCode] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)

    def offer(self, world: World, tenant: Tenant, app: AppRegistration, scope: str) -> dict[str, Any]:
        code = "".join(secrets.choice(_LETTERS) for _ in range(9))
        device_code = secrets.token_urlsafe(64)
        self.codes[device_code] = DeviceCode(
            code, app.client_id, tenant.id, scope, world.clock() + self.lifetime, self.interval
        )
        address = f"{world.origin}/common/oauth2/deviceauth"
        return {
            "user_code": code,
            "device_code": device_code,
            "verification_uri": address,
            "expires_in": self.lifetime,
            "interval": self.interval,
            "message": f"To sign in, use a web browser to open the page {address} and enter the code {code}.",
        }

    def enter(self, world: World, user_code: str, upn: str) -> str:
        """A person enters a code; the answer is what the page tells them."""
        code = next((one for one in self.codes.values() if one.user_code == user_code.strip().upper()), None)
        if code is None or code.expires <= world.clock():
            return "That code did not work. Check the code and try again."
        home, user = _person(world, upn.strip())
        if user is None or home is None:
            return f"AADSTS50034: the user account {upn} does not exist."
        if not user.enabled:
            return "AADSTS50057: the user account is disabled."
        if home.id != code.tenant_id and not world.lenient_device_login:
            return f"AADSTS50020: user account {upn} does not exist in the tenant of this app."
        code.user, code.home = user, home
        return "You have signed in. You may now close this window."

    def decline(self, user_code: str) -> None:
        for code in self.codes.values():
            if code.user_code == user_code:
                code.declined = True

    def keep(self, digest: str, issued: float, client_id: str, user: SimUser, home: Tenant) -> None:
        self.refresh_tokens[digest] = RefreshToken(issued, client_id, user, home)


def routes() -> list[Route]:
    return [
        route("GET", r"/common/oauth2/deviceauth", lambda call: _page("")),
        route("POST", r"/common/oauth2/deviceauth", _entered),
    ]


def _person(world: World, upn: str) -> tuple[Tenant, SimUser] | tuple[None, None]:
    for tenant in world.tenants.values():
        user = tenant.by_upn(upn)
        if user is not None:
            return tenant, user
    return None, None


def _entered(call: Call) -> Reply:
    form = dict(parse_qsl(call.body.decode(errors="replace")))
    return _page(call.world.devices.enter(call.world, form.get("code", ""), form.get("upn", "")))


def _page(told: str) -> Reply:
    page = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in</title>
<body style="font: 16px 'Segoe UI', sans-serif; max-width: 28em; margin: 4em auto">
<h1 style="font-size: 24px">Enter code</h1><p>{html.escape(told)}</p>
<form method="post"><p><label>Code<br><input name="code" autofocus></label></p>
<p><label>Sign in as (UPN)<br><input name="upn" size="40"></label></p><button>Sign in</button></form></body></html>"""
    return Reply(200, page.encode(), {"content-type": "text/html; charset=utf-8"})
