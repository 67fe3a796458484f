"""The errors of all the layers below that are told in a sentence."""

from __future__ import annotations

from pathlib import Path

from sync_agent.cli.ending import tell
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.list_answers import ListProblem
from sync_agent.outcome import Exit
from sync_agent.settings import SettingsError


def told(error: Exception) -> Exit | None:
    """Tell the error and return its exit code; None for one that nobody but a programmer can mend."""
    match error:
        case SettingsError() | ListProblem():
            return tell(str(error), Exit.USAGE)
        case ServiceError():
            return tell(error.told, Exit.INCOMPLETE)
        case OSError(filename=str() | Path() as file, strerror=str(why)):
            return tell(f"{file}: {why}.", Exit.INCOMPLETE)
        case OSError(strerror=str(why)):
            return tell(f"what was to be said or kept could not be written: {why}.", Exit.INCOMPLETE)
    return None
