"""The address of the site, and what to write instead where somebody pasted the address of a page in it."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator

from sync_agent.settings.problems import Unfit

_EXPECTED = "the address of the site, such as https://contoso.sharepoint.com/sites/ucc"
_HOST = re.compile(r"[a-z0-9.-]+(:[0-9]+)?", re.IGNORECASE)
_SITE = re.compile(r"/(?:sites|teams)/[^/]+", re.IGNORECASE)
_SITE_OR_BELOW = re.compile(rf"{_SITE.pattern}(?:/[^/]+)*", re.IGNORECASE)
_SHARED = re.compile(r"/:[a-z]:/(?:(?P<short>[st])/(?P<name>[^/]+)|r(?P<path>/.*))")
"""Links made by the button Share: /:l:/s/ucc/…, /:l:/r/sites/ucc/…."""
_IN_A_SITE = re.compile(
    r"/(?:[^/]+/Forms|Lists|SitePages|_layouts|_api|Shared Documents|Shared%20Documents)(?:/.*)?$", re.IGNORECASE
)
_PAGE = re.compile(r"\.aspx$", re.IGNORECASE)


def _site_address(value: str) -> str:
    parts = _split(value)
    path = parts.path.rstrip("/")
    is_site = not path or (_SITE_OR_BELOW.fullmatch(path) is not None and not _is_in_a_site(path))
    if parts.scheme != "https" or parts.query or parts.fragment or not is_site:
        raise Unfit(_EXPECTED, _instead(parts, path))
    return f"https://{parts.netloc.lower()}{path}"


SiteUrl = Annotated[str, AfterValidator(_site_address)]


def _split(value: str) -> SplitResult:
    try:
        parts = urlsplit(value if "://" in value else f"none://{value}")
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or _HOST.fullmatch(parts.netloc) is None:
        raise Unfit(_EXPECTED)
    return parts


def _is_in_a_site(path: str) -> bool:
    return _IN_A_SITE.search(path) is not None or _PAGE.search(path) is not None


def _instead(parts: SplitResult, path: str) -> str:
    """Nothing where it cannot be known which site is meant."""
    if parts.scheme == "none" and "." not in parts.netloc:
        return ""
    path = _opened(path)
    folder = _IN_A_SITE.sub("", path)
    # A page's own address does not tell where the site ends: only the first of its folders is sure to be one.
    site = _SITE.match(folder) if _PAGE.search(folder) else _SITE_OR_BELOW.fullmatch(folder)
    if site is None and folder and _PAGE.search(folder) is None:
        return ""
    return f"write https://{parts.netloc.lower()}{site[0] if site else ''}"


def _opened(path: str) -> str:
    """Where a link made by the button Share leads."""
    shared = _SHARED.match(path)
    if shared is None:
        return path
    if shared["short"]:
        return f"/{'sites' if shared['short'] == 's' else 'teams'}/{shared['name']}"
    return shared["path"]
