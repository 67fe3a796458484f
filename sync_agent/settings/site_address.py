"""The address of the site, and what to write instead where somebody pasted the address of a page in it."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator

from sync_agent.settings.problems import Unfit

_EXPECTED = "the address of the site, such as https://contoso.sharepoint.com/sites/ucc"
_SITE = re.compile(r"/(?:sites|teams)/[^/]+", re.IGNORECASE)
_SHARED = re.compile(r"/:[a-z]:/(?:(?P<short>[st])/(?P<name>[^/]+)|r(?P<path>/.*))")
"""Links made by the button Share: /:l:/s/ucc/…, /:l:/r/sites/ucc/…."""
_PAGE = re.compile(r"/(?:Lists|SitePages|Forms|_layouts|Shared Documents|Shared%20Documents)/|\.aspx$", re.IGNORECASE)


def _site_address(value: str) -> str:
    parts = _split(value)
    path = parts.path.rstrip("/")
    if parts.scheme != "https" or parts.query or parts.fragment or (path and _SITE.fullmatch(path) is None):
        raise Unfit(_EXPECTED, _instead(parts, path))
    return f"https://{parts.netloc.lower()}{path}"


SiteUrl = Annotated[str, AfterValidator(_site_address)]


def _split(value: str) -> SplitResult:
    try:
        parts = urlsplit(value if "://" in value else f"none://{value}")
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or re.search(r"\s", parts.netloc):
        raise Unfit(_EXPECTED)
    return parts


def _instead(parts: SplitResult, path: str) -> str:
    """Nothing where it cannot be known which site is meant."""
    shared = _SHARED.match(path)
    if shared is not None and shared["short"]:
        path = f"/{'sites' if shared['short'] == 's' else 'teams'}/{shared['name']}"
    elif shared is not None:
        path = shared["path"]
    site = _SITE.match(path)
    if site is None and path and _PAGE.search(path) is None:
        return ""
    if parts.scheme == "none" and "." not in parts.netloc:
        return ""
    return f"write https://{parts.netloc.lower()}{site[0] if site else ''}"
