"""What the interpreter's collector of cyclic garbage looks at, in a process that holds a large list for months.

The list, its users and its verdicts are some hundred thousand objects that stay. Each full collection looks at all of
them, which holds everything else up for a quarter of a second, whenever enough was read anew.
"""

from __future__ import annotations

import gc


def settle() -> None:
    """What is there now is left out of later collections, until this is called again. Takes one full collection.

    What is no longer needed is freed as ever, but for cycles that were under way at this moment: those wait for the
    next call. So it is to be called every few hours, when the list was just read.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
