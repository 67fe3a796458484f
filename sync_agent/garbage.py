"""What the interpreter's collector of cyclic garbage looks at, and how often, in a process that holds a large list.

The list, its users and its verdicts are some hundred thousand objects that stay, in a service for months. Each full
collection looks at all of them, which holds everything else up for a quarter of a second, whenever enough was read
anew.
"""

from __future__ import annotations

import gc

_NEW_OBJECTS = 20_000
"""Until the young ones are looked at; Python's own figure is 700. A list that is read makes hundreds of thousands that
stay, and looking at them over and over is a fifth of the CPU of a pass.
"""


def seldom() -> None:
    """From now on garbage in cycles waits longer: some megabytes of it at most."""
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])


def settle() -> None:
    """What is there now is left out of later collections, until this is called again. Takes one full collection.

    What is no longer needed is freed as ever, but for cycles that were under way at this moment: those wait for the
    next call. So it is to be called every few hours, when the list was just read.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
