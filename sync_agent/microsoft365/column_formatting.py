"""How SharePoint shows the cells of our columns: JSON of its column formatting, version 2.

Colour never stands alone: an icon of another shape and the word are beside it. The status has the severity classes of
SharePoint, which follow the theme; presence has the colours and shapes of Teams [inferred: no page of Microsoft's names
them]. Both use the cell's own value only, so that they hold for a column of any name, and a value that is not known
here is shown as it is.
"""

from __future__ import annotations

import json
from importlib.resources import files


def same(one: str, other: str) -> bool:
    """Whether two texts are the same JSON; what is none is the same as nothing."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def _packaged(name: str) -> str:
    text = files("sync_agent.microsoft365").joinpath("formatting", f"{name}.json").read_text(encoding="utf-8")
    return json.dumps(json.loads(text), separators=(",", ":"))


STATUS = _packaged("status")
PRESENCE = _packaged("presence")
