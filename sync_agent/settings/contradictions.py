"""What each setting allows but all of them together do not.

Looked for in what is written, not in the model, so that it is told together with whatever else is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from sync_agent.model import OurColumn
from sync_agent.settings.explain import nearest
from sync_agent.settings.model import CLOUDS, SHAREPOINT_HOSTS, PushSettings, WebSettings
from sync_agent.settings.problems import At, Problem
from sync_agent.settings.showing import looks_random, shown
from sync_agent.settings.yaml_source import Document


def contradictions(document: Document) -> Iterator[Problem]:
    yield from _accounts(document)
    yield from _clouds(document)
    yield from _site(document)
    yield from _columns(document)
    yield from _lists(document)
    yield from _push(document)


def _accounts(document: Document) -> Iterator[Problem]:
    ids: dict[str, str] = {}
    for index, account in enumerate(_accounts_of(document)):
        at: At = ("accounts", index, "id")
        id_ = _text(account.get("id"))
        if id_.casefold() in ids:
            yield document.problem(at, f"{shown(id_, at)} a second time", "ids that differ, case aside")
        elif id_:
            ids[id_.casefold()] = id_
    at = ("sharepoint", "account")
    named = _text(document.at(at))
    if named and ids and named not in ids.values():
        known = [id_ for id_ in ids.values() if not looks_random(id_)]
        yield document.problem(at, shown(named, at), "the id of an account", nearest(named, known))


def _clouds(document: Document) -> Iterator[Problem]:
    own = list(_settings(document.value.get("clouds")))
    for name in CLOUDS:
        if name in own:
            yield document.problem(("clouds", name), "the name of a cloud of Microsoft's", "another name")
    for index, account in enumerate(_accounts_of(document)):
        cloud = _text(account.get("cloud"))
        if cloud and cloud not in (*CLOUDS, *own):
            at: At = ("accounts", index, "cloud")
            yield document.problem(at, shown(cloud, at), "a known cloud", nearest(cloud, [*CLOUDS, *own]))


def _site(document: Document) -> Iterator[Problem]:
    """A site in another of Microsoft's clouds than the account that opens it: no token is good in both."""
    at: At = ("sharepoint", "site_url")
    site, accounts = _text(document.at(at)), _accounts_of(document)
    named = _text(document.at(("sharepoint", "account")))
    opens = accounts[:1] if len(accounts) == 1 else [each for each in accounts if _text(each.get("id")) == named]
    cloud = _text(opens[0].get("cloud")) or "global" if opens else ""
    its_own = [name for name, suffix in SHAREPOINT_HOSTS.items() if _host(site).endswith(suffix)]
    if cloud in SHAREPOINT_HOSTS and its_own and cloud not in its_own:
        expected = f"a site of the account's cloud, {cloud}: one that ends in {SHAREPOINT_HOSTS[cloud]}"
        yield document.problem(at, shown(site, at), expected, f"or give the account cloud: {its_own[0]}")


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""  # what is wrong with it is told by the model


def _columns(document: Document) -> Iterator[Problem]:
    """A column of ours that is somebody else's too would be written over."""
    written = _settings(document.at(("sharepoint", "columns")))
    names = {"upn": "UPN", "name": "Title"} | {column.value: column.value for column in OurColumn}
    names |= {key: text for key, value in written.items() if key in names and (text := _text(value))}
    taken: dict[str, str] = {}
    for key, name in names.items():
        first = taken.setdefault(name.casefold(), key)
        if key != first and key not in ("upn", "name"):
            at: At = ("sharepoint", "columns", key if key in written else first)
            yield document.problem(at, f"{shown(name, at)} for both {first} and {key}", "a column of its own for each")


def _lists(document: Document) -> Iterator[Problem]:
    """Items are made in the one, and must never be in the other."""
    at: At = ("sharepoint", "anomaly_list")
    named = _text(document.at(at))
    if named and named.casefold() == _text(document.at(("sharepoint", "agent_list"))).casefold():
        yield document.problem(at, f"{shown(named, at)}, which is the agent_list", "a list of its own")


def _push(document: Document) -> Iterator[Problem]:
    """Graph tells of presence whoever signed in as a person alone, and by no cloud without presence."""
    at: At = ("presence", "push")
    written = document.at(at)
    if not isinstance(written, dict):
        return
    auths = {_text(account.get("id")): _text(account.get("auth")) for account in _accounts_of(document)}
    clouds = {_text(account.get("id")): _text(account.get("cloud")) for account in _accounts_of(document)}
    persons = [id_ for id_, auth in auths.items() if auth == _BY_PERSON and clouds[id_] not in _WITHOUT_PRESENCE]
    if not persons:
        expected = f"an account with auth: {_BY_PERSON}: Graph tells of presence a person's sign-in alone"
        yield document.problem(at, "no account that could be told of presence", expected)
        return
    named = written.get("accounts")
    for index, name in enumerate(named if isinstance(named, list) else ()):
        if (id_ := _text(name)) and id_ not in persons:
            here: At = (*at, "accounts", index)
            expected = f"the id of an account with auth: {_BY_PERSON}"
            yield document.problem(here, shown(id_, here), expected, nearest(id_, persons))
    listen: At = (*at, "listen")
    pages = _text(document.at(("web", "listen"))) or WebSettings().listen
    if (_text(written.get("listen")) or PushSettings.model_fields["listen"].default) == pages:
        expected = "an address of its own: what Graph reaches is public, /metrics is not"
        yield document.problem(listen if "listen" in written else at, f"{shown(pages, listen)}, web.listen", expected)


_BY_PERSON = "device_code"
_WITHOUT_PRESENCE = frozenset(name for name, cloud in CLOUDS.items() if not cloud.presence)


def _accounts_of(document: Document) -> list[dict[str, Any]]:
    """An entry that is none is left to the model, but keeps its place."""
    accounts = document.value.get("accounts")
    return [_settings(account) for account in accounts] if isinstance(accounts, list) else []


def _settings(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    """As the model takes names: without the blanks around them."""
    return value.strip() if isinstance(value, str) else ""
