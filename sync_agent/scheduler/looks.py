"""Looking at the list: whole at first and at every ``schedule.read_whole_list``; at the turns of ``schedule.read_list``
between, what changed in it is followed, where the service tells that.
"""

from __future__ import annotations

import time

import structlog

from sync_agent.jobs.follow_users import FollowUsers
from sync_agent.jobs.read_list import follow_list, read_list
from sync_agent.jobs.write_back import WriteBack, write_back
from sync_agent.scheduler.standing import Standing
from sync_agent.service import Service

_log = structlog.get_logger()


class ListLooks:
    def __init__(self, service: Service, standing: Standing, users: FollowUsers) -> None:
        self._service = service
        self._context = service.context
        self._standing = standing
        self._users = users
        self._whole_due = 0.0
        """When the whole list is to be read again, by the monotonic clock."""

    def read_whole(self) -> None:
        """At the next turn, whatever is due."""
        self._whole_due = 0.0

    async def turn(self) -> None:
        """Look at the list, whole or at what changed in it, and judge what comes of it; nothing is written here."""
        started, clock = self._context.clock(), time.perf_counter()
        followed = await self._followed()
        planned = await (self._planned() if followed else self._planned_on_the_whole())
        if followed and planned.held is not None:  # before a person is asked, nothing that was missed may be in it
            planned = await self._planned_on_the_whole()
        await self._service.note_approvals()
        standing = self._standing
        standing.note_held(planned.held)
        rows, to_write = len(self._context.observed.rows), planned.writes.planned
        if planned.held is None:
            standing.known_rows = rows
        _log.info("list_followed" if followed else "list_read", rows=rows, to_write=to_write, **standing.written)
        standing.written.clear()
        if self._context.may_write():  # else it is in the history of the service that does
            await self._service.save(await self._service.outcome(started, time.perf_counter() - clock, planned))

    def _may_follow(self) -> bool:
        """A held plan is judged on the whole list each time: its checksum is what `sync --approve` finds there."""
        return self._standing.held is None and time.monotonic() < self._whole_due

    async def _followed(self) -> bool:
        if not self._may_follow():
            return False
        followed = await follow_list(self._context)
        if not followed:  # the log is read on from here: what it told is lost unless the whole list is read
            self.read_whole()
        return followed

    async def _planned_on_the_whole(self) -> WriteBack:
        began, times, standing = time.monotonic(), self._service.settings.schedule, self._standing
        await self._service.open_list()
        if standing.known_rows is None or standing.held is not None:
            # A held plan may have been approved meanwhile, by `sync --approve` in another process.
            standing.known_rows = await self._service.known_rows()
        await read_list(self._context, follow=True)
        # Half a turn early, for turns are never quite punctual.
        self._whole_due = began + times.read_whole_list - times.read_list / 2
        return await self._planned()

    async def _planned(self) -> WriteBack:
        """Ask at once about whatever nobody was asked about yet, or could not be asked; then plan."""
        await self._users.news()
        return await write_back(self._context, dry_run=True, known_rows=self._standing.known_rows)
