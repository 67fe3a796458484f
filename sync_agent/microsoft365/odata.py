"""Writing OData queries: values of people in filters, and filters in addresses."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

_PLAIN = "(),:'@/"
"""May stand in a query as they are. All else is percent-encoded: `#`, `+` and `&` would end or change the value."""


def literal(text: str) -> str:
    """A string in a filter. An apostrophe is doubled, or O'Brien would end it."""
    return "'" + text.replace("'", "''") + "'"


def address(path: str, options: Mapping[str, str]) -> str:
    """A path with its query options, as in {"$top": "999"}."""
    return f"{path}?" + "&".join(f"{name}={quote(value, safe=_PLAIN)}" for name, value in options.items())
