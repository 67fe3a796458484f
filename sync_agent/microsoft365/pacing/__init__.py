"""One budget for each limit that Microsoft states; every caller of a limit goes through its one budget."""

from sync_agent.microsoft365.pacing.budget import PATIENCE, Budget, Snapshot
from sync_agent.microsoft365.pacing.line import Priority
from sync_agent.microsoft365.pacing.timing import REAL_TIME, Timing

__all__ = ["PATIENCE", "REAL_TIME", "Budget", "Priority", "Snapshot", "Timing"]
