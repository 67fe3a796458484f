"""Everything that was found out about one row, before it is put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sync_agent.detective import Candidate
from sync_agent.explanation.past import RowPast
from sync_agent.leads import Lead
from sync_agent.microsoft365.recording import RequestRecord
from sync_agent.model import Change, Code, CouldNotAsk, Match, Presence, Questions, Row, Verdict

Requests = tuple[RequestRecord, ...]


class KnownBy(StrEnum):
    """How it is known which domains a tenant has."""

    SETTINGS = "settings"
    VERIFIED_DOMAINS = "verified domains"
    PUBLIC_LOOKUP = "public look-up"
    NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """One tenant: ``answers`` by name are what it said for itself; ``silent``: why it did not even tell its domains."""

    id: str
    name: str
    accounts: tuple[str, ...]
    domains: frozenset[str]
    known_by: KnownBy
    answers: Mapping[str, Match]
    silent: CouldNotAsk | None
    requests: Requests


@dataclass(frozen=True, slots=True)
class PeopleFacts:
    """Who may be meant. ``asked``: what was asked for the row's sake, empty where it leads to somebody, or it is known
    what became of its name; ``unanswered``: the part of it that a tenant does not answer, or with too many people.
    """

    lead: Lead
    asked: Questions
    unanswered: Questions
    candidates: tuple[Candidate, ...]
    best: Candidate | None
    silent: str
    requests: Requests = ()


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Ids of other rows. ``unsure``: why it is not known whether there are more with the same user, "" where it is."""

    same_upn: tuple[int, ...] = ()
    same_user: tuple[int, ...] = ()
    unsure: str = ""
    requests: Requests = ()


@dataclass(frozen=True, slots=True)
class PresenceFacts:
    """``read``: what Teams says, None where it is nobody's. ``unavailable_after``: how long it may be unknown."""

    read: Presence | CouldNotAsk | None
    since: datetime | None
    unavailable_after: timedelta
    requests: Requests = ()


@dataclass(frozen=True, slots=True)
class Approval:
    """What a person approved in the row, if the settings allow that. ``code``: of the anomaly that suggests it, where
    a pass would write it into the UPN cell; ``reason``: why none would, "" where there is nothing to say.
    """

    approved: str
    code: Code | None
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """``assumed``: no row has this cell, it was explained as if one had. ``also``: further rows that it may mean.

    ``owners``: by domain, what the public look-up said of those that no tenant told. ``change``: what a pass would
    write, None where nothing.
    """

    asked: str
    at: datetime
    list_title: str
    rows: int
    row: Row
    assumed: bool
    also: tuple[int, ...]
    matches: Mapping[str, Match]
    tenants: tuple[TenantFacts, ...]
    owners: Mapping[str, str | CouldNotAsk | None]
    people: PeopleFacts
    duplicates: Duplicates
    presence: PresenceFacts
    verdict: Verdict
    change: Change | None
    approval: Approval | None = None
    past: RowPast | None = None
    list_requests: Requests = ()
    look_ups: Requests = ()
