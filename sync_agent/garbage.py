"""What the interpreter's collector of cyclic garbage looks at, and how often, in a process that holds a large list.

A full collection holds everything else up for as long as it takes to look at all objects: a tenth of a second for those
of the libraries alone, which stay as long as the process.
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


def leave_out_what_is_loaded() -> None:
    """What is there now, before a list is read, is left out of later collections for good: libraries and settings, nine
    tenths of all objects that a full collection would look at. Rows and users are of no concern to it by themselves.
    """
    gc.collect()
    gc.freeze()
