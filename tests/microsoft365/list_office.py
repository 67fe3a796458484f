import sys

sys.path.insert(0, "/tmp/L")
import stub, contextlib, itertools, json
from stub import S
from pathlib import Path
from starlette.responses import Response
from sync_agent.microsoft365.transport import Transport
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.graph_list import GraphList
from sync_agent.microsoft365.sharepoint_list import SharePointList
from sync_agent.microsoft365.sharepoint_bulk import Site
from sync_agent.microsoft365.list_place import Place
from sync_agent.microsoft365.columns import ColumnNames
from sync_agent.model import OurColumn


def nobody(_):
    pass


class Tok:
    async def token(self):
        return "t"

    async def renew(self, r):
        pass


_srv = []


class Office:
    def __init__(self, api, bare):
        if not _srv:
            _srv.extend(stub.start())
        self.api = api
        self.url, self.ca = _srv
        S.__init__()
        if not bare:
            S.fields.update(stub.OURS)
        self.list_id = stub.LID

    def add_row(self, **c):
        i = max(S.items, default=0) + 1
        S.items[i] = {"v": 1, "c": {**{k: None for k in S.fields}, **c}}
        return i

    def add_rows(self, n):
        for k in range(n):
            self.add_row(UPN=f"agent{k}@contoso.com", Title=f"Agent {k}")

    def add_folder(self, t):
        S.folders.add(self.add_row(Title=t))

    def ids(self):
        return sorted(S.items)

    def rename_list(self, t):
        S.title = t

    def add_text_column(self, i, d):
        S.fields[i] = "Text"
        S.display[i] = d

    def revoke_permissions(self):
        S.denied = True

    def rows(self):
        return {i: {k: v for k, v in x["c"].items() if v is not None} for i, x in S.items.items()}

    def our_columns(self):
        return {k: v for k, v in S.fields.items() if k in stub.OURS}

    def cells(self, i):
        return S.items[i]["c"]

    def foreign(self, c):
        return {k: v for k, v in c.items() if k not in stub.OURS}

    def foreign_cells(self):
        return {i: self.foreign(c) for i, c in self.rows().items()}

    def edit(self, i, **c):
        S.items[i]["c"].update(c)
        S.items[i]["v"] += 1

    def delete(self, i):
        del S.items[i]

    def spoil_second_page(self, t):
        n = itertools.count()

        def f(r, p, q):
            if not p.endswith("/items") or "$filter" in q:
                return None
            second = "$skiptoken" in q or "skip" in q
            k = "odata.nextLink" if "_api" in p else "@odata.nextLink"
            if t == "endless" and not second:
                return None
            if t == "no more pages" and not second:
                if "_api" not in p:
                    return Response("", 500)
                resp = stub.rest(r, p.split("_api/")[1], q, b"")
                o = json.loads(resp.body)
                o.pop(k)
                return stub.J(o)
            if not second:
                return None
            if t == "html":
                return Response("<html>", media_type="text/html")
            if t == "empty":
                return Response("", media_type="application/json")
            if t == "cut":
                return Response('{"value":[{"Id":1', media_type="application/json")
            if t == "server error":
                return Response("", 500)
            if t == "the same page again":
                q = {k: v for k, v in q.items() if "skip" not in k}
                return (
                    stub.rest(r, p.split("_api/")[1], q, b"")
                    if "_api" in p
                    else stub.graph(r, p.removeprefix("/v1.0"), q, b"")
                )
            if t == "endless":
                return stub.J({"value": [], k: str(r.url) + "&x=%d" % next(n)})

        S.fault = f

    def drop_a_batch_part(self, i):
        S.drop = i

    def refuse_everything(self, st):
        S.fault = lambda r, p, q: Response("", st)

    @contextlib.asynccontextmanager
    async def agent_list(self, agent_list="Agents", site_url=None, columns=None):
        columns = columns or {}
        names = ColumnNames(
            columns.get("upn", "UPN"), "Title", {OurColumn(k): v for k, v in columns.items() if k in set(OurColumn)}
        )

        async def sleep(s):
            pass

        t = Transport(ca_bundles=[Path(self.ca)], retrying=Retrying(attempts=2), sleep=sleep)
        b = Budget("sp", 1e9, 60, sleep=sleep)
        b.close_for = lambda s: None
        place = Place(site_url or self.url + "/sites/ucc", agent_list, names, "contoso")
        try:
            yield (
                SharePointList(place, Site(place.site_url, t, Tok(), b))
                if self.api == "rest"
                else GraphList(place, Graph(t, Tok(), self.url, b, "list"))
            )
        finally:
            await t.aclose()
