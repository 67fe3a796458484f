"""Ask the tenants about people, for the rows that lead to no user: who was renamed, and who may be meant.

Comes after the names were answered. What a tenant has answered is not asked again before everything is asked anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import structlog

from sync_agent.detective import Heard, coming_up
from sync_agent.jobs.apart import clues_ahead
from sync_agent.jobs.context import Context, Tenant
from sync_agent.jobs.observed import Observed
from sync_agent.leads import questions
from sync_agent.model import Found, Questions

_log = structlog.get_logger()


async def ask_people(context: Context, *, anew: bool = False, about: Collection[int] | None = None) -> None:
    """Ask what the rows give rise to and no tenant has answered yet; ``anew``: what was answered too. ``about``: ids of
    the rows, None: all.

    Never raises for a tenant's failure: then no row is told who is meant as long as that may be somebody there.
    """
    observed = context.observed
    rows = list(observed.rows.values()) if about is None else [observed.rows[row_id] for row_id in about]
    wanted = await asyncio.to_thread(questions, rows, dict(observed.matches))
    tenants = context.edges.tenants.values()
    before = {tenant.id: Heard() if anew else observed.heard.get(tenant.id, Heard()) for tenant in tenants}
    todo = {tenant.id: _for(tenant, wanted, context) - before[tenant.id].answered for tenant in tenants}
    asked = sum(len(each) for each in todo.values())
    if not asked and not anew:
        await _put(observed, lambda: {tenant.id: observed.heard.get(tenant.id, Heard()) for tenant in tenants}, wanted)
        return
    stage = context.progress.stage("Looking for who is meant") if asked else None
    answers = await asyncio.gather(*(_ask(context, tenant, todo[tenant.id]) for tenant in tenants))

    def heard() -> dict[str, Heard]:
        """On what is known by now: other questions may have been answered meanwhile."""
        known = {} if anew else observed.heard
        return {id_: known.get(id_, Heard()).and_then(todo[id_], said) for id_, said in zip(todo, answers, strict=True)}

    _note_silence(context, heard())
    await _put(observed, heard, wanted)
    if stage is not None:
        stage.done(f"{sum(len(each.people) for each in observed.heard.values()):,} people came up")


async def _put(observed: Observed, heard: Callable[[], Mapping[str, Heard]], asked: Questions) -> None:
    """Who may be meant is worked out beside the event loop; anew on it where people became known meanwhile."""
    known, now = observed.heard, heard()
    if not observed.is_news(now, asked):
        return
    rows, said = list(observed.rows.values()), list(now.values())
    clues = await asyncio.to_thread(clues_ahead, said, asked, observed.before, rows, observed.verdicts)
    if observed.heard is known:
        observed.put_heard(now, asked, clues)
    else:
        observed.put_heard(heard(), asked)


def _for(tenant: Tenant, wanted: Questions, context: Context) -> Questions:
    """A slip in a name is looked for only where the domain is."""
    domains = context.observed.domains.get(tenant.id, frozenset())
    return replace(wanted, near=frozenset(near for near in wanted.near if near.rpartition("@")[2] in domains))


async def _ask(context: Context, tenant: Tenant, todo: Questions) -> Heard:
    """Who is not believed about names is not believed about people."""
    doubt = context.observed.not_believed.get(tenant.id)
    if doubt is not None and todo:
        return Heard(failed=todo, silent=doubt)
    said = await tenant.directory.came_up(todo)
    found = (Found(user, tenant.directory.account_for(user.id)) for user in said.people)
    came_up = await asyncio.to_thread(coming_up, todo, list(found))  # of a large directory that takes a second
    people = {one.user.id.lower(): one for one in came_up}
    return Heard(people, refused=said.refused, failed=said.failed, silent=said.silent)


def _note_silence(context: Context, heard: dict[str, Heard]) -> None:
    """Log once per change which tenant could not be asked about people, where its names were answered."""
    for tenant_id, said in heard.items():
        before = context.observed.heard.get(tenant_id, Heard())
        if said.silent and said.silent != before.silent and tenant_id not in context.observed.trouble:
            _log.warning("people_could_not_be_asked_about", tenant=tenant_id, reason=said.silent)
