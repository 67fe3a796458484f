"""One budget for each limit that Microsoft states; every caller of a limit goes through its one budget."""

from sync_agent.microsoft365.pacing.budget import PATIENCE, Budget, Snapshot
from sync_agent.microsoft365.pacing.line import Priority
from sync_agent.microsoft365.pacing.pace import recovery
from sync_agent.microsoft365.pacing.reserve import AT_HAND
from sync_agent.microsoft365.pacing.timing import REAL_TIME, Timing
from sync_agent.microsoft365.pacing.urgency import going_at, priority_now

__all__ = [
    "AT_HAND",
    "PATIENCE",
    "REAL_TIME",
    "Budget",
    "Priority",
    "Snapshot",
    "Timing",
    "going_at",
    "priority_now",
    "recovery",
]
