"""Reading and writing the history. Blocking: call it from a thread where the event loop runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine

from sync_agent.expiry import CredentialEnd
from sync_agent.fixes import Sighting
from sync_agent.lease import Lease
from sync_agent.outcome import Outcome
from sync_agent.quarantine import Quarantine
from sync_agent.staleness import Answered
from sync_agent.state import (
    answering,
    approving,
    credentials,
    digests,
    freshness_kept,
    journalling,
    leasing,
    lives,
    passes,
    quarantining,
    refusals,
    spending,
    verdicts,
)
from sync_agent.state.clock_set_back import put_right, was_set_back
from sync_agent.state.database import StateUnavailable, database_file, is_there, look_at_database, reading, writing
from sync_agent.state.freshness_kept import FreshnessRecord
from sync_agent.state.list_writers import ListWriters
from sync_agent.state.opening import Opening
from sync_agent.state.pruning import is_due, prune
from sync_agent.state.records import AnomalyRecord, Digest, JournalEntry, PassRecord, VerdictRecord
from sync_agent.state.run_journal import RunJournal

__all__ = [
    "AnomalyRecord",
    "Digest",
    "FreshnessRecord",
    "JournalEntry",
    "PassRecord",
    "RunJournal",
    "StateUnavailable",
    "Store",
    "VerdictRecord",
]


class Store:
    """The history of one or several lists in one database. Whatever fails raises StateUnavailable."""

    def __init__(self, opening: Opening, keep: timedelta | None) -> None:
        self._opening = opening
        self._keep = keep

    @classmethod
    def open(cls, url: str, keep: timedelta | None = None) -> Store:
        """Open the database at an SQLAlchemy URL, creating it (and the folder of an SQLite file) where missing.

        ``keep``: for how long what is over is kept; None: for ever.
        """
        store = cls(Opening(url), keep)
        store._engine  # noqa: B018
        return store

    @classmethod
    def for_service(cls, url: str, keep: timedelta) -> Store:
        """Opened when first used, and again when it was lost; a file that can never be used is set aside."""
        return cls(Opening(url, sets_aside=True), keep)

    @classmethod
    def look(cls, url: str) -> Store | None:
        """Open what is there for reading only, whoever else writes; None where there is nothing.

        Raises StateUnavailable where that cannot be seen, too.
        """
        file = database_file(url)
        if file is not None and not is_there(file):
            return None
        store = cls(Opening(url, look_at_database), None)
        store._engine  # noqa: B018
        return store

    @property
    def _engine(self) -> Engine:
        """Raises StateUnavailable."""
        return self._opening.engine()

    def run_journal(self, list_title: str) -> RunJournal:
        """Who wrote what into our columns of the list, run by run."""
        return RunJournal(self._opening, list_title)

    def list_writers(self, name: str) -> ListWriters:
        """Who writes to the list, which ``name`` tells from those of other sites."""
        return ListWriters(self._opening, name)

    def begin_to_end(self) -> None:
        """From now on it is waited for once, where it is locked or away."""
        self._opening.begin_to_end()

    def close(self) -> None:
        self._opening.close()

    def save(
        self,
        outcome: Outcome,
        quarantined: Mapping[str, Quarantine] | None = None,
        answered: Mapping[str, Answered] | None = None,
    ) -> None:
        """Add a finished pass and bring the anomalies' lives and the verdicts up to date: only what differs is written.

        What a fuse holds is not believed: it opens and resolves nothing and changes no verdict. The first pass of a
        day forgets what is over for long enough. ``quarantined``: by tenant id, all that stand; None: as they are.
        ``answered``: by tenant id, when it last was.
        """
        now = outcome.started + timedelta(seconds=outcome.seconds)
        with writing(self._engine) as connection:
            before = passes.last_finished(connection, outcome.list_title)
            if was_set_back(before, now):
                put_right(connection, outcome.list_title, now)
                before = now
            passes.add_pass(connection, outcome)
            if quarantined is not None:
                quarantining.keep(connection, outcome.list_title, quarantined)
            answering.keep(connection, outcome.list_title, answered or {})
            refusals.keep(connection, outcome.list_title, outcome.refusals)
            if not outcome.is_held_whole:
                lives.bring_up_to_date(connection, outcome, now, before)
                verdicts.record(connection, outcome, now)
                approving.forget_gone(connection, outcome.list_title, outcome.rows)
            if self._keep is not None and is_due(before, now, self._keep):
                prune(connection, now, self._keep)

    def known_rows(self, list_title: str) -> int | None:
        """How many rows the list had in the last pass that no fuse held; None before the first.

        A held pass must not count, or the next one would take for granted what this one would not believe.
        """
        last = self.last_pass(list_title)
        return None if last is None else last.rows

    def unwritten(self, list_title: str) -> dict[int, str]:
        """By row id, why rows could not be written when they last were tried."""
        with reading(self._engine) as connection:
            return refusals.standing(connection, list_title)

    def keep_freshness(self, list_title: str, record: FreshnessRecord) -> None:
        with writing(self._engine) as connection:
            freshness_kept.keep(connection, list_title, record)

    def freshness(self, list_title: str) -> FreshnessRecord | None:
        """As `run` last saw it; None where it never did."""
        with reading(self._engine) as connection:
            return freshness_kept.latest(connection, list_title)

    def keep_credentials(self, list_title: str, ends: Sequence[CredentialEnd], told: Collection[str]) -> None:
        """Of the accounts of a list: when their credentials end, and which warnings people have had, by name."""
        with writing(self._engine) as connection:
            credentials.keep(connection, list_title, ends, told)

    def credential_ends(self, list_title: str) -> list[CredentialEnd]:
        """As they were last found."""
        with reading(self._engine) as connection:
            return credentials.known(connection, list_title)

    def told_of_credentials(self, list_title: str) -> frozenset[str]:
        """The names of the warnings that people have had."""
        with reading(self._engine) as connection:
            return credentials.told(connection, list_title)

    def held(self) -> str | None:
        """The fuse that held the last pass, if one did."""
        with reading(self._engine) as connection:
            return passes.last_held(connection)

    def last_pass(self, list_title: str | None = None) -> PassRecord | None:
        """Of those that no fuse held."""
        with reading(self._engine) as connection:
            return passes.last_believed(connection, list_title)

    def days(self, list_title: str, since: datetime) -> list[PassRecord]:
        """The last pass of each day (UTC) since then, oldest first."""
        with reading(self._engine) as connection:
            return passes.days(connection, list_title, since)

    def passes_around(self, list_title: str, at: datetime) -> tuple[PassRecord | None, PassRecord | None]:
        """The last pass that had begun then, and the next one after it; none that a fuse held."""
        with reading(self._engine) as connection:
            return passes.around(connection, list_title, at)

    def reaches_back_to(self, list_title: str) -> datetime | None:
        """When the first pass began that is still known."""
        with reading(self._engine) as connection:
            return passes.first_begun(connection, list_title)

    def open_anomalies(self, list_title: str) -> list[AnomalyRecord]:
        """What stands now, by row."""
        with reading(self._engine) as connection:
            return lives.lives(connection, list_title, lives.is_open(list_title))

    def acknowledge(self, list_title: str, keys: Collection[tuple[int, str]]) -> None:
        """Standing anomalies, by row and code, that people have acknowledged as they are now: these and no others.

        One whose message or UPN is another later counts again, and is new in the next digest.
        """
        with writing(self._engine) as connection:
            lives.acknowledge(connection, list_title, keys)

    def digest(self, list_title: str) -> Digest:
        """What has been opened and resolved since the last digest that was sent; before the first, all that stands.

        Never what people have acknowledged, nor that a tenant could not be asked. An anomaly opened and resolved
        between two digests is in neither.
        """
        with reading(self._engine) as connection:
            return digests.digest(connection, list_title)

    def digest_sent(self, list_title: str, digest: Digest, missed: Mapping[str, Digest] | None = None) -> None:
        """The next digest of the list leaves out what this one told. Call it once the digest has really gone out.

        ``missed``: by target, all that is still to be told there, of this digest and of earlier ones.
        """
        with writing(self._engine) as connection:
            digests.note_sent(connection, list_title, digest, missed or {})

    def missed(self, list_title: str) -> dict[str, Digest]:
        """By target, what is still to be told there though the digest was sent; the anomalies as they are by now."""
        with reading(self._engine) as connection:
            return digests.missed(connection, list_title)

    def verdict_at(self, list_title: str, row_id: int, at: datetime) -> VerdictRecord | None:
        """What was said of the row then, and why; None where the row was not in the list or nothing is known."""
        with reading(self._engine) as connection:
            return verdicts.verdict_at(connection, list_title, row_id, at)

    def verdicts_of(self, list_title: str, row_id: int) -> list[VerdictRecord]:
        """All that is known to have been said of the row, oldest first."""
        with reading(self._engine) as connection:
            return verdicts.of_row(connection, list_title, row_id)

    def rows_with_upn_at(self, list_title: str, upn_key: str, at: datetime) -> list[int]:
        """Rows, in order, that held this UPN then; ``upn_key`` is in lower case."""
        with reading(self._engine) as connection:
            return verdicts.rows_with_upn_at(connection, list_title, upn_key, at)

    def last_matched(self, list_title: str) -> dict[int, tuple[str, str]]:
        """By row id: the UPN key and the user id by which the row last had a user, be it long ago."""
        with reading(self._engine) as connection:
            return verdicts.last_matched(connection, list_title)

    def accounts_by_domain(self, list_title: str) -> dict[str, str]:
        """By domain, in lower case: the account in which most of the list's users of that domain are found now."""
        with reading(self._engine) as connection:
            return verdicts.accounts_by_domain(connection, list_title)

    def users_of_accounts(self, list_title: str) -> dict[str, int]:
        """By account id: how many of the list's users are found in it now."""
        with reading(self._engine) as connection:
            return verdicts.users_of_accounts(connection, list_title)

    def answered(self, list_title: str) -> dict[str, Answered]:
        """By tenant id: when it last answered anything."""
        with reading(self._engine) as connection:
            return answering.last(connection, list_title)

    def unanswered_since(self, list_title: str) -> dict[str, datetime]:
        """By UPN key, of rows that could not be judged the last time: when they last were."""
        with reading(self._engine) as connection:
            return verdicts.unanswered_since(connection, list_title)

    def quarantines(self, list_title: str) -> dict[str, Quarantine]:
        """By tenant id, those that were released too."""
        with reading(self._engine) as connection:
            return quarantining.kept(connection, list_title)

    def release(self, list_title: str, tenant_id: str, now: datetime) -> bool:
        """Let what is gone in a tenant be believed; whether it was under quarantine."""
        with writing(self._engine) as connection:
            return quarantining.release(connection, list_title, tenant_id, now)

    def approvals(self, list_title: str) -> dict[int, Sighting]:
        """By row id, beside which UPN cell the approval that the row held last was first seen."""
        with reading(self._engine) as connection:
            return approving.kept(connection, list_title)

    def note_approvals(self, list_title: str, news: Mapping[int, Sighting | None]) -> None:
        """By row id; None: the row holds no approval any more. Rows that a pass finds gone go by themselves."""
        with writing(self._engine) as connection:
            approving.note(connection, list_title, news)

    def journal(self, list_title: str, entries: Sequence[JournalEntry]) -> None:
        """Keep what was written into columns of people: all of the entries or none."""
        with writing(self._engine) as connection:
            journalling.add_entries(connection, list_title, entries)

    def journalled(self, list_title: str, row_id: int | None = None) -> list[JournalEntry]:
        """Of one row or of all, oldest first."""
        with reading(self._engine) as connection:
            return journalling.read_entries(connection, list_title, row_id)

    @property
    def is_shared(self) -> bool:
        """Whether services on other machines may use the same database."""
        return self._opening.is_shared

    def lease(self, name: str) -> Lease | None:
        """As it is written down; None where nobody ever held it."""
        with reading(self._engine) as connection:
            return leasing.read_lease(connection, name)

    def replace_lease(self, name: str, expected: Lease | None, new: Lease) -> bool:
        """Write it down unless it is no longer as expected; whether that was done."""
        with writing(self._engine, takes_turns=False) as connection:
            return leasing.replace_lease(connection, name, expected, new)

    def beat(self, me: str, budgets: Collection[str], turn: int, silent: Collection[str]) -> spending.Beats:
        """Show that ``me`` spends from these budgets (none: that it no longer does), forget the silent, and read
        everybody's signs of life.
        """
        with writing(self._engine) as connection:
            return spending.beat(connection, me, budgets, turn, silent)

    def spend(self, told: spending.DayTold, silent: Collection[str]) -> dict[str, float]:
        """Keep what was spent of limits of 24 hours; by budget, the units that its reserve lacks now. To be told before
        the ``silent`` are forgotten.
        """
        with writing(self._engine) as connection:
            return spending.spend(connection, told, silent)
