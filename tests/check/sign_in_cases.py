"""Faults of signing in, and of what the apps may do."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from typing import Any

import pytest

from sync_agent.settings import CLOUDS, Endpoints
from sync_agent.simulator.certificates import SelfSigned
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import Call, Reply
from tests.check.cases import Cases, add, entra_refuses, refused, second_signs_in_by, set_, signs_in_by
from tests.lab import Lab

CASES = Cases()
Patch = pytest.MonkeyPatch


def by_certificate(lab: Lab, made: SelfSigned, *, known: bool = True) -> None:
    """The first account's, in a lab by REST."""
    name, _, app = lab.world.accounts[0]
    (lab.folder / "certificates" / f"{name}.pem").write_bytes(made.pem())
    if known:
        app.certificates.append(made.certificate)


def signed_in_by_person(lab: Lab, which: int = 1) -> None:
    """Somebody has signed in to the account, a while ago."""
    name, tenant, _ = lab.world.accounts[which]
    signs_in_by(lab, which, "auth: device_code")
    lab.world.devices.interval = 1
    person = next(user for user in tenant.users.values() if user.enabled and not user.guest)

    def enters() -> None:
        while not lab.world.devices.codes:
            time.sleep(0.01)
        (code,) = list(lab.world.devices.codes.values())
        lab.world.devices.enter(lab.world, code.user_code, person.upn)

    thread = threading.Thread(target=enters)
    thread.start()
    ran = lab.run("login", name)
    thread.join()
    assert ran.code == 0, ran.err


@CASES.case("secret_wrong")
def wrong(lab: Lab, _: Patch) -> None:
    (lab.folder / "secrets" / lab.world.accounts[1][0]).write_text("the id of it")


@CASES.case("secret_expired")
def expired(lab: Lab, _: Patch) -> None:
    secrets = lab.world.accounts[1][2].secrets
    secrets.update(dict.fromkeys(secrets, 1.0))


@CASES.case("next_secret_in_use")
def next_in_use(lab: Lab, _: Patch) -> None:
    """Of the account that opens the site, which is signed in for more than one purpose."""
    name, _tenant, app = lab.world.accounts[0]
    secrets = lab.folder / "secrets"
    (secrets / "next").write_text((secrets / name).read_text())
    (secrets / name).write_text("one that has ended")
    app.secrets["one that has ended"] = 1.0
    lab.replace(f"secrets/{name}}}", f"secrets/{name}}}\n    client_secret_next: ${{file:secrets/next}}")


@CASES.case("secret_expires_soon")
def secret_ends(lab: Lab, _: Patch) -> None:
    """As the registration tells, which this app may read."""
    app = lab.world.accounts[1][2]
    app.permissions.add("Application.Read.All")
    app.secrets.update(dict.fromkeys(app.secrets, time.time() + 20 * 86_400))


@CASES.case("certificate_unusable", api="rest")
def no_certificate(lab: Lab, _: Patch) -> None:
    (lab.folder / "certificates" / f"{lab.world.accounts[0][0]}.pem").write_text("nothing")


@CASES.case("certificate_expired", api="rest")
def certificate_expired(lab: Lab, _: Patch) -> None:
    by_certificate(lab, SelfSigned("old", days=-1, begins=-3))


@CASES.case("certificate_not_yet_valid", api="rest")
def certificate_too_new(lab: Lab, _: Patch) -> None:
    by_certificate(lab, SelfSigned("new", begins=2))


@CASES.case("certificate_expires_soon", api="rest")
def certificate_ends(lab: Lab, _: Patch) -> None:
    by_certificate(lab, SelfSigned("ending", days=20))


@CASES.case("key_file_open", api="rest")
def open_key(lab: Lab, _: Patch) -> None:
    (lab.folder / "certificates" / f"{lab.world.accounts[0][0]}.pem").chmod(0o644)


@CASES.case("certificate_not_registered", api="rest")
def unregistered(lab: Lab, _: Patch) -> None:
    by_certificate(lab, SelfSigned("another"), known=False)


@CASES.case("assertion_outside_its_time", api="rest")
def outside_its_time(lab: Lab, _: Patch) -> None:
    entra_refuses(lab, 700024, "invalid_client", which=0)


@CASES.case("federated_credential_unfit")
def no_federation(lab: Lab, _: Patch) -> None:
    (lab.folder / "token").write_text("a.b.c")
    second_signs_in_by(lab, "auth: workload_identity", "token_file: token")
    entra_refuses(lab, 70025, "invalid_client")


@CASES.case("tenant_unknown")
def no_such_tenant(lab: Lab, _: Patch) -> None:
    lab.replace(lab.world.accounts[1][1].id, "00000000-0000-4000-8000-000000000000")


@CASES.case("app_unknown")
def no_such_app(lab: Lab, _: Patch) -> None:
    lab.replace(lab.world.accounts[1][2].client_id, "00000000-0000-4000-8000-000000000000")


@CASES.case("app_disabled")
def disabled(lab: Lab, _: Patch) -> None:
    lab.world.accounts[1][2].enabled = False


@CASES.case("public_client_flows_off")
def no_public_client(lab: Lab, _: Patch) -> None:
    signed_in_by_person(lab)
    lab.world.accounts[1][2].public_client_flows = False


@CASES.case("consent_missing")
def no_consent(lab: Lab, _: Patch) -> None:
    entra_refuses(lab, 65001)


@CASES.case("service_not_in_registration")
def not_in_registration(lab: Lab, _: Patch) -> None:
    entra_refuses(lab, 650057, "invalid_resource")


@CASES.case("service_not_in_tenant", api="rest")
def another_tenants_site(lab: Lab, _: Patch) -> None:
    lab.replace(f"site_url: {lab.world.origin}", f"site_url: {lab.world.origin.replace('127.0.0.1', 'localhost')}")


@CASES.case("nobody_signed_in")
def nobody(lab: Lab, _: Patch) -> None:
    second_signs_in_by(lab, "auth: device_code")


@CASES.case("sign_in_ended")
def revoked(lab: Lab, _: Patch) -> None:
    signed_in_by_person(lab)
    lab.world.accounts[1][1].revoked_before = time.time() + 60


@CASES.case("person_disabled")
def person_disabled(lab: Lab, _: Patch) -> None:
    signed_in_by_person(lab)
    for user in lab.world.accounts[1][1].users.values():
        user.enabled = False


@CASES.case("person_unknown")
def person_gone(lab: Lab, _: Patch) -> None:
    signed_in_by_person(lab)
    lab.world.accounts[1][1].users.clear()


@CASES.case("person_not_assigned")
def not_assigned(lab: Lab, _: Patch) -> None:
    signed_in_by_person(lab)
    entra_refuses(lab, 50105)


@CASES.case("mfa_needed")
def another_factor(lab: Lab, _: Patch) -> None:
    signed_in_by_person(lab)
    entra_refuses(lab, 50076, "interaction_required")


@CASES.case("conditional_access")
def held_back(lab: Lab, _: Patch) -> None:
    signed_in_by_person(lab)
    entra_refuses(lab, 53003, "access_denied")


@CASES.case("managed_identity_missing")
def no_identity(lab: Lab, patch: Patch) -> None:
    patch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi/token")
    patch.setenv("IDENTITY_HEADER", "x")
    second_signs_in_by(lab, "auth: managed_identity")


@CASES.case("token_of_other_tenant")
def other_tenant(lab: Lab, _: Patch) -> None:
    """As an authority gives it that several tenants share."""
    first, second = lab.world.accounts[:2]

    def of_the_first(call: Call, truly: Truly) -> Reply:
        token, lives = call.world.mint.access_token(call.world, first[1], first[2], call.world.origin)
        body = {"token_type": "Bearer", "expires_in": lives, "access_token": token}
        return Reply(200, json.dumps(body).encode(), {"content-type": "application/json"})

    lab.world.faults.add(f"POST /{second[1].id}/oauth2/v2.0/token", instead=of_the_first)


@CASES.case("sign_in_refused")
def unheard_of(lab: Lab, _: Patch) -> None:
    entra_refuses(lab, 999_999)


@CASES.case("sign_in_impossible")
def no_token_file(lab: Lab, patch: Patch) -> None:
    patch.delenv("AZURE_FEDERATED_TOKEN_FILE", raising=False)
    second_signs_in_by(lab, "auth: workload_identity")


@CASES.case("sign_in_unanswered")
def token_endpoint_breaks(lab: Lab, _: Patch) -> None:
    lab.world.faults.add(f"POST /{lab.world.accounts[1][1].id}/oauth2/v2.0/token", reset=True)


@CASES.case("users_not_permitted")
def no_users(lab: Lab, _: Patch) -> None:
    lab.world.accounts[1][2].permissions.discard("User.Read.All")


@CASES.case("presence_not_permitted")
def no_presence(lab: Lab, _: Patch) -> None:
    lab.world.accounts[1][2].permissions.discard("Presence.Read.All")


@CASES.case("site_permission_missing")
def no_sites(lab: Lab, _: Patch) -> None:
    lab.world.accounts[0][2].permissions.discard("Sites.Selected")


@CASES.case("permission_without_effect", tenants=1)
def held_back_by_policy(lab: Lab, _: Patch) -> None:
    lab.world.faults.add("GET /v1.0/users", **refused(403, "Authorization_RequestDenied"))


@CASES.case("too_much_permission")
def too_much(lab: Lab, _: Patch) -> None:
    lab.world.accounts[1][2].permissions |= {"Directory.ReadWrite.All", "Sites.FullControl.All"}


@CASES.case("domains_not_known", tenants=1)
def unknown_domains(lab: Lab, _: Patch) -> None:
    add(lab, "validation: {domain_lookup: false}")


@CASES.case("no_presence_in_cloud")
def china(lab: Lab, patch: Patch) -> None:
    """The cloud of 21Vianet is served by the lab."""
    there: Any = Endpoints(lab.world.origin, lab.world.origin, instance_discovery=False)
    patch.setitem(CLOUDS, "china", dataclasses.replace(there, presence=False))
    name = lab.world.accounts[1][0].replace(".", r"\.")
    set_(lab, rf"(- id: {name}\n(?:    .*\n)*?    cloud: )lab", r"\1china")


@CASES.case("not_answered", tenants=1)
def no_json(lab: Lab, _: Patch) -> None:
    lab.world.faults.add("GET /v1.0/users", status=200, body=b"<html></html>")
