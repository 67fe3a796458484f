"""Libraries that are measured and never used, in an environment of their own: made when it is first needed, from the
package registry, since msgraph-sdk alone takes half a gigabyte.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ENVIRONMENT = Path(".venv-peers")
_WANTED = Path(__file__).with_name("peers.txt")
_PATIENCE = 300.0


def interpreter() -> Path | None:
    """None, and a line that says so, where they cannot be installed."""
    python, stamp = _ENVIRONMENT / "bin" / "python", _ENVIRONMENT / ".installed"
    wanted = _WANTED.read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    try:
        _run(sys.executable, "-m", "venv", "--clear", str(_ENVIRONMENT))
        _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(_WANTED))
    except (OSError, subprocess.SubprocessError) as failure:
        said = [*str(failure).splitlines(), *str(getattr(failure, "stderr", "")).splitlines()][-1]
        print(f"Left out: msgraph-sdk and HTTP/2, which cannot be installed from the package registry ({said})")
        return None
    stamp.write_text(wanted)
    return python


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=_PATIENCE)
