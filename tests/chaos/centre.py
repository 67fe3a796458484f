"""A small contact centre on the embedded Microsoft 365, in which people do as they like, and what they did is known."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sync_agent.anomaly_item import ACKNOWLEDGED
from sync_agent.model import APPROVAL_COLUMN, OurColumn
from sync_agent.settings import Settings
from sync_agent.simulator.failures import FAILURES, nothing
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.lists import ListColumn, SharePointList
from sync_agent.simulator.wire import Call, Reply
from sync_agent.simulator.world import AppRegistration, SimUser, Site, Tenant
from sync_agent.state.store import Store
from tests.chaos.denials import denied_names, denied_presences
from tests.chaos.truth import ABSENT, codes_of_cell, codes_of_row
from tests.microsoft365.contoso import NOW, SECRET, TENANT, Contoso, fresh_contoso, id_of
from tests.microsoft365.list_office import Api, bare, certificate, list_of_anomalies, provisioned

FABRIKAM = "bbbbbbbb-0000-4000-8000-000000000002"
OURS = frozenset(our.value for our in OurColumn)
ANOMALIES = "Agent anomalies"
FEW = 10
"""Users. The product says of fewer that they may leave, or have no presence, together."""
_SITE = "/sites/ucc"
_STATE = "state.db"
_OTHERS = tuple(f"agent{number}" for number in range(14))
"""So many that a tenant is asked in several parts, of which one may fail alone."""
_STAFF = {
    TENANT: ("jane.doe", "bob.roe", "carla.poe", "sean.o'neil", "dora.voe", *_OTHERS),
    FABRIKAM: ("fay.moe", "finn.loe", "gus.noe"),
}
_FIRST_CELLS = (
    "jane.doe@contoso.com",
    "BOB.ROE@contoso.com",
    "carla.poe@contoso.com",
    "sean.o'neil@contoso.com",
    "fay.moe@fabrikam.com",
    "finn.loe@fabrikam.com",
    "nobody.here@contoso.com",
    " gus.noe@fabrikam.com",
    *(f"{local}@contoso.com" for local in _OTHERS),
)


class Centre:
    """``folder``: for settings, credentials and state."""

    def __init__(self, api: Api, folder: Path) -> None:
        self.api = api
        self.folder = folder
        (folder / _STATE).write_bytes(_new_database())
        self.contoso: Contoso = fresh_contoso()
        self.world = self.contoso.world
        self.world.limited = False
        self.world.clock = time.time  # by which certificates are judged
        self.tenants = [self.contoso.tenant, Tenant(FABRIKAM, "Fabrikam", ["fabrikam.com"])]
        for tenant in self.tenants:
            self._staff(tenant)
        self.agents: SharePointList = provisioned(bare())
        self.agents.clock = lambda: NOW.replace(microsecond=0)
        self.agents.add_column(ListColumn(APPROVAL_COLUMN, APPROVAL_COLUMN))
        self.anomalies: SharePointList = list_of_anomalies(ANOMALIES)
        self.own_item = self.anomalies.add({"Title": "Ask the union"})
        self.ticked: dict[int, bool] = {}
        """By item of the list of anomalies: what people last ticked."""
        self._site()
        self.failing: list[str] = []
        self.cells: dict[int, dict[str, Any]] = {}
        """By row: what people typed, which is all that stands in their columns."""
        self.ever: defaultdict[int, set[str]] = defaultdict(set)
        """By row: every code that was true of it, of a cell that it had, at some time."""
        self.presences: defaultdict[int, set[str]] = defaultdict(set)
        """By row: every availability of a user that its cell led to, at some time."""
        self.touched: set[int] = set()
        """Rows in which people typed since the service last began to work."""
        self.lies = 0
        """Answers that named nobody."""
        self.is_lied_to = False
        self.was_kept_from_it = False
        """Whether something happened that only asking about everybody finds: an answer named nobody, or somebody whom
        the service never saw was deleted, of whom a delta tells no name.
        """
        self.released = False
        """Whether an operator has said that users are gone."""
        self.fixed = 0
        """UPNs that the service has written, as people approved."""
        self._typed: defaultdict[int, set[str]] = defaultdict(set)
        self._ids: defaultdict[str, set[str]] = defaultdict(set)
        """By UPN: who has had it."""
        self._seen: dict[int, tuple[str, str]] = {}
        """By row: the approval, and the UPN beside which the service has seen it."""
        for cell in _FIRST_CELLS:
            self.add_row(cell)

    @property
    def users(self) -> list[tuple[Tenant, SimUser]]:
        return [(tenant, user) for tenant in self.tenants for user in tenant.users.values()]

    @property
    def deleted(self) -> list[tuple[Tenant, SimUser]]:
        return [(tenant, user) for tenant in self.tenants for user in tenant.deleted.values()]

    def add_row(self, upn: str) -> None:
        typed = {"UPN": upn, "Title": name_of(upn), "Team": "Sales"}
        cells = {name: text for name, text in typed.items() if text}
        row_id = self.agents.add(cells)
        self.cells[row_id] = cells
        self.note()

    def type(self, row_id: int, column: str, text: str) -> None:
        """Into a column of people's, or into one of ours."""
        self.accept_fixes()
        self.touched.add(row_id)
        if column == APPROVAL_COLUMN:
            self._seen.pop(row_id, None)
        self.agents.edit(row_id, {column: text})
        if column not in OURS:
            self.cells[row_id].pop(column, None)
            self.cells[row_id] |= {column: text} if text else {}
        self.note()

    def delete_user(self, tenant: Tenant, user: SimUser, at: str | None) -> None:
        """Into the recycle bin, or for good without a date."""
        shown = {self.shown(row_id, "EntraObjectId") for row_id in self.cells}
        self.was_kept_from_it |= user.id not in shown
        tenant.remove(user, at)
        self.note()

    def delete_row(self, row_id: int) -> None:
        self.agents.delete(row_id)
        del self.cells[row_id]

    def accept_fixes(self) -> None:
        """What the service wrote into people's columns, where a person approved just that, is as people left it."""
        for row_id, typed in self.cells.items():
            approved, now = typed.get(APPROVAL_COLUMN, "").strip(), self.agents.items[row_id].fields
            if not approved or row_id in self.touched or typed.get("UPN") == now.get("UPN"):
                continue
            if now.get("UPN") == approved and APPROVAL_COLUMN not in now:
                assert ABSENT in self.ever[row_id], "a UPN was fixed that never was wrong"
                assert any(tenant.by_upn(approved) for tenant in self.tenants), "a UPN of nobody's was written"
                beside = self._seen.get(row_id, (approved, typed.get("UPN", "")))
                assert beside == (approved, typed.get("UPN", "")), "what was approved for another UPN was written"
                self.cells[row_id] = {**typed, "UPN": approved}
                del self.cells[row_id][APPROVAL_COLUMN]
                self.fixed += 1
        self.note()

    def approvals_are_seen(self) -> None:
        """The service has read the whole list just now."""
        for row_id, typed in self.cells.items():
            approved = typed.get(APPROVAL_COLUMN, "").strip()
            if approved and row_id not in self.touched:
                self._seen.setdefault(row_id, (approved, typed.get("UPN", "")))

    def tick(self, item_id: int, ticked: bool) -> None:
        self.anomalies.edit(item_id, {ACKNOWLEDGED: ticked})
        self.ticked[item_id] = ticked

    def fail(self, requests: str, failure: str, *, times: int | None, every: int) -> None:
        self.world.faults.add(requests, **FAILURES[failure], times=times, every=every)
        self.failing.append(failure)

    def lie(self, requests: str, *, times: int | None, every: int) -> None:
        """Answer that there is nobody and nothing."""
        always = times is None and every == 1

        def answer(call: Call, truly: Truly) -> Reply:
            self.lies += 1
            self.was_kept_from_it = True
            self._excuse(call, always)
            return nothing(call, truly)

        self.world.faults.add(requests, instead=answer, times=times, every=every)
        self.is_lied_to = True

    def _excuse(self, call: Call, always: bool) -> None:
        """Remember what a program may believe that is told so: of some users that they are gone, of a few that they
        have no presence. Where ``always`` everybody is denied it must not, unless it never saw any of these few.
        """
        names, ids = denied_names(call), denied_presences(call)
        for row_id, upn in self._upns().items():
            named = names is None or upn.strip().lower() in names
            if named and not (always and self._is_known_tenant(upn)):
                self.ever[row_id].add(ABSENT)
            if len(ids) < FEW and self.shown(row_id, "EntraObjectId") in ids:
                self.ever[row_id].add("presence_unavailable")

    def _is_known_tenant(self, upn: str) -> bool:
        """Whether a user of the same domain is shown in the list, or so many are asked for that it cannot be."""
        domain = upn.rpartition("@")[2].strip().lower()
        same = [id_ for id_, cell in self._upns().items() if cell.strip().lower().endswith(f"@{domain}")]
        return len(same) >= 2 * FEW or any(self.shown(id_, "EntraObjectId") for id_ in same)

    def must_be_doubted(self) -> set[int]:
        """Rows of users who left with so many others that their tenant is not to be believed."""
        if self.failing or self.is_lied_to or self.released:
            return set()
        home = self.tenants[0]
        cells = {id_: upn.lower() for id_, upn in self._upns().items() if upn.lower().endswith(home.domains[0])}
        known = {id_: upn for id_, upn in cells.items() if self.shown(id_, "EntraObjectId") in self._ids[upn]}
        gone = {id_ for id_, upn in known.items() if not _is_explained(home, upn, self._ids[upn])}
        enough = len(set(known.values())) >= FEW
        return gone if enough and len({known[id_] for id_ in gone}) * 2 > len(set(cells.values())) else set()

    def mend(self) -> None:
        self.is_lied_to = False
        self.contoso.mend()
        self.failing.clear()

    @property
    def some_answers_never_come(self) -> bool:
        return "silence" in self.failing

    def lose_state(self) -> None:
        for path in self.folder.glob(f"{_STATE}*"):
            path.unlink()
        self._seen.clear()

    def foreign_cells(self) -> dict[int, dict[str, Any]]:
        """What stands in the columns that are not ours."""
        return {
            row_id: {name: value for name, value in item.fields.items() if name not in OURS}
            for row_id, item in self.agents.items.items()
        }

    def shown(self, row_id: int, column: str) -> str:
        return str(self.agents.items[row_id].fields.get(column, ""))

    def revisions(self) -> dict[tuple[str, int], int]:
        """Of all items of both lists."""
        lists = (self.agents, self.anomalies)
        return {(one.title, id_): item.revision for one in lists for id_, item in one.items.items()}

    def codes(self, row_id: int) -> set[str]:
        """What is true of a row now."""
        return codes_of_row(row_id, self._upns(), self.tenants)

    def user(self, row_id: int) -> SimUser | None:
        upn = self._upns().get(row_id, "")
        return next((user for tenant in self.tenants if (user := tenant.by_upn(upn)) is not None), None)

    def note(self) -> None:
        """Remember what is true now; to be called after whatever changes."""
        upns = self._upns()
        for tenant in self.tenants:  # what is done and taken back between two questions is told all the same
            tenant.log.look(tenant.users, datetime.fromtimestamp(self.world.clock(), UTC))
        for _, somebody in self.users:
            self._ids[somebody.upn.lower()].add(somebody.id)
        for row_id, upn in upns.items():
            self._typed[row_id].add(upn)
            self.ever[row_id] |= codes_of_row(row_id, upns, self.tenants)
            for cell in self._typed[row_id]:
                self.ever[row_id] |= codes_of_cell(cell, self.tenants)
            if (user := self.user(row_id)) is not None:
                self.presences[row_id].add(user.availability)
                # Truly so for a time, and what is told a day later of that moment is no lie.
                self.ever[row_id] |= set() if user.has_presence else {"presence_unavailable"}

    def settings(self) -> Settings:
        url = self.world.origin
        first: dict[str, Any] = (
            {"client_secret": SECRET} if self.api == "graph" else {"certificate": {"path": self._pem}}
        )
        signing: dict[str, Any] = {"auth": "client_secret" if self.api == "graph" else "certificate", **first}
        secret = {"auth": "client_secret", "client_secret": SECRET}
        accounts = [
            {"id": tenant.name.lower(), "tenant_id": tenant.id, "client_id": id_of(tenant.id), "cloud": "lab", **how}
            for tenant, how in zip(self.tenants, (signing, secret), strict=True)
        ]
        place = {"site_url": url + _SITE, "agent_list": "Agents", "account": "contoso", "api": self.api}
        place |= {"anomaly_list": ANOMALIES}
        return Settings.model_validate(
            {
                "sharepoint": place,
                "accounts": accounts,
                "clouds": {"lab": {"authority": url, "graph": url, "ca_bundle": str(self.contoso.ca_bundle)}},
                "pacing": {"sharepoint_units_per_minute": 1_000_000},
                "safety": {"approved_fixes": True},
                "state": {"database": f"sqlite:///{self.folder}/{_STATE}", "tokens": str(self.folder / "tokens")},
            }
        )

    @property
    def _pem(self) -> str:
        return str(self.folder / "app.pem")

    def _upns(self) -> dict[int, str]:
        return {row_id: cells.get("UPN", "") for row_id, cells in self.cells.items()}

    def _staff(self, tenant: Tenant) -> None:
        self.world.tenants[tenant.id] = tenant
        app = AppRegistration(id_of(tenant.id), {SECRET: 4e9}, permissions={*_permissions()})
        tenant.apps[app.client_id] = app
        for local in _STAFF[tenant.id]:
            upn = f"{local}@{tenant.domains[0]}"
            tenant.add(SimUser(id_of(upn), upn, name_of(upn), mail=upn))

    def _site(self) -> None:
        home, client = self.tenants[0], id_of(TENANT)
        home.apps[client].certificates.append(certificate(self.folder))
        site = Site("44444444-0000-4000-8000-000000000004", _SITE, home.id, "Contact centre")
        site.lists |= {self.agents.id: self.agents, self.anomalies.id: self.anomalies}
        site.grants[client] = "manage"
        self.world.sites[_SITE] = site


def _is_explained(tenant: Tenant, upn: str, ids: set[str]) -> bool:
    """There, renamed, in the recycle bin, or somebody else's address now."""
    users = tenant.users.values()
    return (
        tenant.by_upn(upn) is not None
        or not ids.isdisjoint(tenant.users.keys() | tenant.deleted.keys())
        or any(
            f"smtp:{upn}" in (address.lower() for address in user.proxy_addresses) or upn == (user.mail or "").lower()
            for user in users
        )
    )


def name_of(upn: str) -> str:
    """As whoever has the UPN is called, in a row and in the directory."""
    return upn.partition("@")[0].strip().replace(".", " ").title()


@cache
def _new_database() -> bytes:
    """Making one takes longer than most sequences."""
    with tempfile.TemporaryDirectory() as folder:
        Store.open(f"sqlite:///{folder}/{_STATE}").close()
        return (Path(folder) / _STATE).read_bytes()


def _permissions() -> Iterator[str]:
    yield from ("User.Read.All", "Presence.Read.All", "Sites.Selected", "Organization.Read.All")
