"""A contact centre's Agent list on the embedded Microsoft 365, and the settings that reach it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from sync_agent.anomaly_item import ACKNOWLEDGED, ItemColumn
from sync_agent.microsoft365.accounts import Account, open_accounts
from sync_agent.microsoft365.agent_list import AgentList, agent_list, sharepoint_budget
from sync_agent.microsoft365.anomaly_list import AnomalyList, anomaly_list
from sync_agent.microsoft365.column_kinds import Kind
from sync_agent.microsoft365.columns import SPECIFICATIONS
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import Transport
from sync_agent.model import APPROVAL_COLUMN, OurColumn
from sync_agent.settings import Settings
from sync_agent.simulator.lists import ListColumn, ListItem, SharePointList, generic_list
from sync_agent.simulator.lists import agent_list as peoples_list
from sync_agent.simulator.server import Simulator
from sync_agent.simulator.world import AppRegistration, Site, Tenant, World

Api = Literal["graph", "rest"]

_TENANT = "11111111-0000-4000-8000-000000000001"
_CLIENT = "33333333-0000-4000-8000-000000000003"
_SECRET = "s3cret~value"
_SITE = "/sites/ucc"
_OURS = frozenset(our.value for our in OurColumn)
_TYPES = {Kind.TEXT: "Text", Kind.NOTE: "Note", Kind.CHOICE: "Choice", Kind.TIME: "DateTime"}
_PAGE = {"rest": r"GET .*/items\?.*top=5000", "graph": r"GET .*/items\?.*top=2000"}


def nobody(_: int) -> None:
    """Progress that nobody watches."""


@dataclass(slots=True)
class Office:
    """``api`` decides how it is opened: by Graph with a secret, by REST with a certificate."""

    api: Api
    folder: Path
    agents: SharePointList
    world: World = field(default_factory=World)
    simulator: Simulator = field(init=False)

    def __post_init__(self) -> None:
        app = AppRegistration(_CLIENT, {_SECRET: 4e9}, [certificate(self.folder)], {"Sites.Selected"})
        tenant = Tenant(_TENANT, "Contoso", ["contoso.com"], apps={_CLIENT: app})
        self.world.tenants[tenant.id] = tenant
        self.world.limited = False
        site = Site("44444444-0000-4000-8000-000000000004", _SITE, tenant.id, "Contact centre")
        site.lists[self.agents.id] = self.agents
        site.grants[_CLIENT] = "manage"
        self.world.sites[_SITE] = site
        self.simulator = Simulator(self.world)

    @property
    def url(self) -> str:
        return self.world.origin

    @property
    def site(self) -> Site:
        return self.world.sites[_SITE]

    @asynccontextmanager
    async def agent_list(
        self, *, auth: str | None = None, approved_fixes: bool = False, **sharepoint: Any
    ) -> AsyncIterator[AgentList]:
        """The list as the settings have it; nobody waits in vain for a service that is away."""
        async with self._opening(auth, sharepoint) as (settings, accounts, transport, budget):
            safety = settings.safety.model_copy(update={"approved_fixes": approved_fixes})
            yield agent_list(settings.model_copy(update={"safety": safety}), accounts, transport, budget)

    @asynccontextmanager
    async def anomaly_list(self, *, budget: Budget | None = None, **sharepoint: Any) -> AsyncIterator[AnomalyList]:
        """The same of the list of anomalies."""
        async with self._opening(None, {"anomaly_list": "Agent anomalies", **sharepoint}) as (
            settings,
            accounts,
            transport,
            plenty,
        ):
            opened = anomaly_list(settings, accounts, transport, budget or plenty)
            assert opened is not None
            yield opened

    @asynccontextmanager
    async def _opening(
        self, auth: str | None, sharepoint: Mapping[str, Any]
    ) -> AsyncIterator[tuple[Settings, Mapping[str, Account], Transport, Budget]]:
        async def at_once(_: float) -> None:
            pass

        settings = self._settings(auth or {"graph": "client_secret", "rest": "certificate"}[self.api], sharepoint)
        bundle = self.simulator.ca_bundle
        transport = Transport(ca_bundles=[bundle], retrying=Retrying(attempts=2, base=0.001), sleep=at_once)
        try:
            yield settings, open_accounts(settings, transport, None), transport, sharepoint_budget(settings)
        finally:
            await transport.aclose()

    def add_row(self, **cells: Any) -> int:
        return self.agents.add({name: value for name, value in cells.items() if value not in (None, "")})

    def add_rows(self, count: int) -> None:
        for number in range(count):
            self.agents.add({"UPN": f"agent{number}@contoso.com", "Title": f"Agent {number}", "Team": "Sales"})

    def add_folder(self, title: str) -> None:
        self.agents.items[self.agents.add({"Title": title})].is_folder = True

    def add_text_column(self, internal: str, display: str) -> None:
        self.agents.add_column(ListColumn(internal, display))

    def add_approvals(self) -> None:
        self.add_text_column(APPROVAL_COLUMN, APPROVAL_COLUMN)

    def make_team(self, kind: str, lookup_field: str = "") -> None:
        """Of another type than the choice that people's lists have here."""
        self.agents.columns["Team"] = ListColumn("Team", "Team", kind, lookup_field=lookup_field)

    def edit(self, row_id: int, **cells: Any) -> None:
        """As a person does."""
        self.agents.edit(row_id, cells)

    def rows(self) -> dict[int, dict[str, Any]]:
        return {row_id: dict(item.fields) for row_id, item in self.agents.items.items()}

    def item(self, row_id: int) -> ListItem:
        return self.agents.items[row_id]

    def cells(self, row_id: int) -> Mapping[str, Any]:
        return self.item(row_id).fields

    def foreign_cells(self) -> dict[int, dict[str, Any]]:
        """What is not ours to touch."""
        return {
            row_id: {name: value for name, value in cells.items() if name not in _OURS}
            for row_id, cells in self.rows().items()
        }

    def our_columns(self) -> frozenset[str]:
        return _OURS & self.agents.columns.keys()

    def revoke_permissions(self) -> None:
        self.site.grants.clear()

    def spoil_pages(self, *, first: bool = False, **how: Any) -> None:
        """Every first page of rows, or every further one."""
        self.world.faults.add(_PAGE[self.api] + (r"(?!.*skiptoken)" if first else r".*skiptoken"), **how)

    def answer_pages(self, value: list[dict[str, Any]], *, next_link: bool = False, first: bool = False) -> None:
        """Give this instead of a page of rows."""
        link = "odata.nextLink" if self.api == "rest" else "@odata.nextLink"
        path = "/sites/ucc/_api/x/items?top=5000" if self.api == "rest" else "/v1.0/x/items?top=2000"
        page = {"value": value} | ({link: f"{self.url}{path}&skiptoken=1"} if next_link else {})
        headers = {"content-type": "application/json"}
        self.spoil_pages(first=first, status=200, headers=headers, body=json.dumps(page).encode())

    def page_item(self, row_id: int) -> dict[str, Any]:
        """A row as it is in a page."""
        return {"Id": row_id} if self.api == "rest" else {"id": str(row_id), "fields": {}}

    def answer_batches(self, row_ids: list[int]) -> None:
        """Let batches seem to be answered for these rows only."""
        if self.api == "graph":
            told = [{"id": str(index), "status": 200, "body": {}} for index, _ in enumerate(row_ids)]
            body, kind = json.dumps({"responses": told}).encode(), "application/json"
        else:
            body, kind = b"".join(map(_form_answer, row_ids)) + b"--b--\r\n", "multipart/mixed; boundary=b"
        self.world.faults.add(r"POST .*\$batch", status=200, headers={"content-type": kind}, body=body)

    def _settings(self, auth: str, sharepoint: Mapping[str, Any]) -> Settings:
        signing = {"client_secret": _SECRET} if auth == "client_secret" else {"certificate": {"path": self._pem}}
        account = {"id": "contoso", "tenant_id": _TENANT, "client_id": _CLIENT, "auth": auth, "cloud": "lab", **signing}
        place = {"site_url": self.url + _SITE, "agent_list": "Agents", "account": "contoso", "api": self.api}
        return Settings.model_validate(
            {
                "sharepoint": {**place, **sharepoint},
                "accounts": [account],
                "clouds": {"lab": {"authority": self.url, "graph": self.url}},
                "pacing": {"sharepoint_units_per_minute": 1_000_000},
                "state": {"tokens": str(self.folder / "tokens")},
            }
        )

    @property
    def _pem(self) -> str:
        return str(self.folder / "app.pem")


def provisioned(found: SharePointList) -> SharePointList:
    """With our columns, as they should be."""
    for our, specification in SPECIFICATIONS.items():
        found.add_column(ListColumn(our.value, our.value, _TYPES[specification.kind], specification.choices))
    return found


def list_of_anomalies(title: str) -> SharePointList:
    """With all columns, as provision makes it."""
    found = generic_list(title)
    for name in ItemColumn:
        kind = {"AgentRow": "Number", "TimesOpened": "Number", "Message": "Note"}.get(name, "Text")
        if name is not ItemColumn.TITLE:
            kind = "DateTime" if name in ("Opened", "Resolved") else kind
            found.add_column(ListColumn(name.value, name.value, kind))
    found.add_column(ListColumn(ACKNOWLEDGED, ACKNOWLEDGED, "Boolean", default=False))
    return found


def bare() -> SharePointList:
    return peoples_list("Agents")


def _form_answer(row_id: int) -> bytes:
    results = [{"FieldName": our.value, "HasException": False, "ItemId": row_id} for our in OurColumn]
    return (
        b"--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + json.dumps({"value": results}).encode() + b"\r\n"
    )


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2_048)


def certificate(folder: Path) -> x509.Certificate:
    """The app's certificate; key and certificate are left in the folder as app.pem."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sync-agent")])
    begins = datetime.now(UTC) - timedelta(days=1)
    serial = x509.random_serial_number()
    builder = x509.CertificateBuilder(name, name, _key().public_key(), serial, begins, begins + timedelta(days=9))
    made = builder.sign(_key(), hashes.SHA256())
    key = _key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "app.pem").write_bytes(key + made.public_bytes(serialization.Encoding.PEM))
    return made
