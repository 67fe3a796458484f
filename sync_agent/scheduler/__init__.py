"""`sync-agent run`: the jobs at their intervals, all day, until told to stop.

run starts and stops them · jobs is what there is to run · looks looks at the list · writes writes it · standing is what
the two tell each other · guard keeps a failing job alive and says so · events waits for them.

Read_list, resolve_users and report are interval and cron jobs. Presence and write-back are one long job each, a paced
loop inside: APScheduler cannot say "the next as soon as this one ends", and a tick of half a second overlapping itself
would only fill the log. So is the list of anomalies, which follows read_list.
"""

from sync_agent.scheduler.guard import Guard, Job
from sync_agent.scheduler.jobs import Jobs
from sync_agent.scheduler.run import run

__all__ = ["Guard", "Job", "Jobs", "run"]
