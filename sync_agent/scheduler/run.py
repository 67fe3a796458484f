"""Start the jobs at their times, and stop them within ten seconds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from sync_agent.jobs.sign_ins import SignIns
from sync_agent.scheduler.guard import Job
from sync_agent.scheduler.jobs import Jobs
from sync_agent.service import Service
from sync_agent.web.pages import pages
from sync_agent.web.server import is_loopback, serving

_log = structlog.get_logger()

_GRACE = 4.0
"""Seconds that writes under way get to end after a stop. With one wait for a database that is locked or away, the
longest that can follow, an exit takes less than ten.
"""


async def run(service: Service, stop: asyncio.Event) -> None:
    """Run until ``stop`` is set, then end the writes under way and save the state."""
    jobs = Jobs(service, stop)
    scheduler = AsyncIOScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    _schedule(scheduler, service, jobs)
    await service.lease.begin()
    scheduler.start()
    _log.info("started", list=service.settings.sharepoint.agent_list, accounts=list(service.accounts))
    # Whoever enters a code signs the service in: codes are shown to those on this machine alone.
    prompts = SignIns(service.accounts).prompts if is_loopback(service.settings.web.listen) else None
    async with serving(service.settings.web.listen, pages(jobs.watched, jobs.ailments, prompts)):
        await stop.wait()
    _log.info("stopping")
    if service.store is not None:
        service.store.begin_to_end()
    scheduler.pause()
    await jobs.wind_down(_GRACE)
    await service.lease.give_up()
    scheduler.shutdown(wait=False)
    _log.info("stopped")


def _schedule(scheduler: AsyncIOScheduler, service: Service, jobs: Jobs) -> None:
    """The first reading of the list is at once and asks about all its names; resolve_users then follows in its turn."""
    times = service.settings.schedule
    now = datetime.now(UTC)
    table: list[tuple[Job, object]] = [
        (jobs.read_list, IntervalTrigger(seconds=times.read_list, timezone=UTC)),
        (jobs.resolve_users, IntervalTrigger(seconds=times.resolve_users, timezone=UTC)),
        (jobs.poll_presence, DateTrigger(now, timezone=UTC)),
        (jobs.follow_push, DateTrigger(now, timezone=UTC)),
        (jobs.mirror_anomalies, DateTrigger(now, timezone=UTC)),
        (jobs.write_back, DateTrigger(now, timezone=UTC)),
        (jobs.hold_lease, DateTrigger(now, timezone=UTC)),
        (jobs.share_budgets, DateTrigger(now, timezone=UTC)),
        (jobs.watch_freshness, DateTrigger(now, timezone=UTC)),
        (jobs.foresee, IntervalTrigger(days=1, start_date=now, timezone=UTC)),
        (jobs.report, CronTrigger.from_crontab(times.report, timezone=UTC)),
    ]
    for job, trigger in table:
        scheduler.add_job(jobs.tracked, trigger, args=(job,), id=job.__name__, replace_existing=True)
    scheduler.modify_job(jobs.read_list.__name__, next_run_time=now)
