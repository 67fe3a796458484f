"""Addresses as people write them in settings: of services, a proxy, a database. Passwords in them are not dumped."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, PlainSerializer, ValidationInfo
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from sync_agent.settings.origin import origin_of
from sync_agent.settings.problems import Unfit


def _split(value: str, schemes: tuple[str, ...], expected: str) -> SplitResult:
    """Parts of an address that has a host, a port that can be, and no ? or #."""
    try:
        parts = urlsplit(value)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or parts.scheme not in schemes or parts.query or parts.fragment or re.search(r"\s", value):
        raise Unfit(expected)
    return parts


def _service(value: str) -> str:
    expected = "an address that begins with https:// and has no ? or #"
    if "@" in _split(value, ("https",), expected).netloc:
        raise Unfit(expected, "leave out the name and password before the @")
    return value.rstrip("/")


def _proxy(value: str) -> str:
    parts = _split(value, ("http", "https"), "the address of a proxy, such as http://proxy.contoso.com:8080")
    if parts.path.strip("/"):
        raise Unfit("the address of a proxy, such as http://proxy.contoso.com:8080", "leave out what follows the port")
    return value


def _listen(value: str) -> str:
    found = re.fullmatch(r"([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})", value)
    if found is None or not 0 < int(found[2]) < 65_536:
        raise Unfit("an address and a port, such as 127.0.0.1:8090")
    return value


def _without_password(value: str) -> str:
    parts = urlsplit(value)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


Url = Annotated[str, AfterValidator(_service)]
ProxyUrl = Annotated[str, AfterValidator(_proxy), PlainSerializer(_without_password)]
Listen = Annotated[str, AfterValidator(_listen)]


def _database(value: str, info: ValidationInfo) -> str:
    try:
        url = make_url(value)
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise Unfit(_DATABASE)
        if url.drivername == "postgresql":
            url = url.set(drivername=_POSTGRESQL)
        dialect = url.get_dialect()
    except (ArgumentError, ValueError):
        raise Unfit(_DATABASE) from None
    if dialect.is_async:
        raise Unfit(_DATABASE, f"leave out +{url.get_driver_name()}")
    try:
        dialect.import_dbapi()
    except ImportError as error:
        package = error.name or url.get_driver_name()
        raise Unfit("a database whose driver is installed", f"install the Python package {package}") from None
    return _placed_database(url, origin_of(info).folder)


_POSTGRESQL = "postgresql+psycopg"
"""What is meant where no driver is named."""
_DATABASE = "sqlite:///state/sync-agent.db, or postgresql://user:password@host/database"


def _placed_database(url: URL, folder: Path) -> str:
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        url = url.set(database=str(folder / str(url.database)))
    return url.render_as_string(hide_password=False)


def _database_without_password(value: str) -> str:
    return make_url(value).set(query={}).render_as_string(hide_password=True)


DatabaseUrl = Annotated[str, AfterValidator(_database), PlainSerializer(_database_without_password)]
"""An SQLite file is placed as a path is."""
