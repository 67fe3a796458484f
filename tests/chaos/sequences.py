"""How many sequences are tried: the same few hundred in each `make test`, thousands of new ones by `make nightly`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
SEQUENCES = settings(
    max_examples=400 if NIGHTLY else 40,
    stateful_step_count=15 if NIGHTLY else 12,
    derandomize=not NIGHTLY,
    print_blob=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
"""For each part of each API's tests, six in all."""
