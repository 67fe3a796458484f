"""Makes troubleshooting.md, everything that `sync-agent check` can find, from the table that its messages come from.

python docs/troubleshooting.py (or `make docs`)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from sync_agent.check.faults import FAULTS, TABLE
from sync_agent.check.finding import Area, Entry, Level
from sync_agent.microsoft365.entra_errors import EXPLANATIONS

PATH = Path(__file__).with_name("troubleshooting.md")

INTRODUCTION = f"""# Troubleshooting

This page is made from the table of `sync-agent check` by `make docs`; {len(FAULTS)} faults are in it.

`sync-agent check` looks at the settings, the way to Microsoft 365, each sign-in, each permission, the list with its
columns, the domains in it, the limits, and this machine. It asks everything at once, is done within ten seconds, and
says beneath each fault what to do. One cause is one fault: what only follows from it is left out.

- **It writes nothing.** Whether rows can be written is found out by a write that SharePoint has to refuse: of a value
  that the column, which is ours, cannot take, and by Graph with the ETag of no version besides. No value, no version
  and no Modified changes.
- **It takes no part in the service**: no lease, nothing in the history, no device code. It may be run beside
  `sync-agent run` at any time. Of a list's rows it reads 20,000 at most, and for three seconds at most.
- **Apps sign in anew each time**, so that a secret that has just expired is found although the service still has a
  token. A person's sign-in is tried with the refresh token that the service keeps, in a copy of its own.
- By Graph a list does not tell whether it keeps versions: that is seen by its rows, once one has more than one version.

**✓** is right, **!** should be looked at, **✗** keeps the service, or a part of it, from working. `--json` prints
`{{"ok": …, "findings": […]}}` ([schema](check.schema.json)). Exit: 0 without errors, 1 with, 2 where the settings
cannot be read.
"""


def text() -> str:
    return "\n".join([INTRODUCTION, *_areas()])


def _areas() -> Iterator[str]:
    for area in Area:
        entries = [entry for entry in TABLE.values() if entry.area is area]
        yield f"## {area}\n"
        for entry in entries:
            if entry.level is not Level.OK:
                yield from _fault(entry)


def _fault(entry: Entry) -> Iterator[str]:
    mark = "!" if entry.level is Level.WARNING else "✗"
    yield f"### {entry.id}\n"
    if entry.numbers:
        yield f"{mark} **{entry.level}**: Entra refuses the sign-in.\n"
        yield from _numbers(entry)
    else:
        yield f"{mark} **{entry.level}**: {_shown(entry.message)}\n"
        yield f"{_shown(entry.remedy)}\n"
    if entry.follows:
        yield f"Not told where it only follows from {_listed(entry.follows)}.\n"


def _numbers(entry: Entry) -> Iterator[str]:
    """Those that mean the same on one line."""
    told: dict[tuple[str, str], list[int]] = {}
    for number in entry.numbers:
        explained = EXPLANATIONS[number]
        told.setdefault((explained.means, explained.remedy), []).append(number)
    for (means, remedy), numbers in told.items():
        codes = ", ".join(f"AADSTS{number}" for number in numbers)
        yield f"- {codes}: {means}. {remedy[:1].upper()}{_shown(remedy[1:])}."
    yield ""


def _shown(template: str) -> str:
    """What is filled in is set off; doubled braces are braces."""
    set_off = re.sub(r"(?<!\{)\{(\w+)\}(?!\})", r"‹\1›", template)
    return set_off.replace("{{", "{").replace("}}", "}").replace("<", "&lt;")


def _listed(ids: tuple[str, ...]) -> str:
    return ", ".join(f"[{id_}](#{id_})" for id_ in ids)


def main() -> None:
    PATH.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
