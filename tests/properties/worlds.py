"""Lists and directories as they come: few names, so that rows collide, and every kind of answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from sync_agent.model import Absent, CouldNotAsk, Found, Match, NoTenant, Presence, Row, Shown, User

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

MOMENTS = st.integers(-200_000, 0).map(lambda seconds: NOW + timedelta(seconds=seconds, milliseconds=seconds % 1000))
UPNS = [f"{local}@{domain}" for local in ("jane", "joe", "o'brien", "müller", "$ann") for domain in ("c.com", "f.org")]
USERS = st.builds(
    User,
    id=st.sampled_from(["id-1", "id-2", "ID-3"]),
    upn=st.sampled_from([upn.title() for upn in UPNS]),
    display_name=st.sampled_from(["", "Jane Doe", "line\nbreak"]),
    enabled=st.booleans(),
    guest=st.booleans(),
    teams_licensed=st.sampled_from([True, False, None]),
)
ACCOUNTS = st.sampled_from(["c", "f"])
ANSWERS: st.SearchStrategy[Match] = st.one_of(
    st.builds(Found, USERS, ACCOUNTS),
    st.builds(Absent, ACCOUNTS, st.none() | MOMENTS, st.none() | USERS),
    st.builds(NoTenant, st.sampled_from(["c.com", "\u202ef.org"]), st.none() | st.just("tenant\n42")),
    st.builds(CouldNotAsk, st.sampled_from(["no answer.", "refused\nby x"]), MOMENTS),
)
MATCHES = st.dictionaries(st.sampled_from(UPNS), ANSWERS)
CELLS = (
    st.none()
    | st.sampled_from(UPNS)
    | st.builds("{}{}".format, st.sampled_from([" ", "mailto:", "\u200b"]), st.sampled_from(UPNS))
    | st.sampled_from(UPNS).map(str.upper)
    | st.sampled_from(["", " ", "Jane Doe", "jane@c", "jane@c.com;joe@c.com", "ｊoe@c.com"])
    | st.text(st.characters(), max_size=12)
)
SHOWN = st.builds(
    Shown,
    status=st.sampled_from(["", "OK", "Warning", "Error", "Unknown", "Fine"]),
    anomalies=st.sampled_from(["", "upn_missing: The UPN is empty.\r\n", "nonsense"]),
    account=ACCOUNTS | st.just(""),
    object_id=st.sampled_from(["", "id-1", "id-2", "id-3"]),
    presence=st.sampled_from(["", "Away", "PresenceUnknown", "Lunch"]),
    activity=st.sampled_from(["", "Away", "PresenceUnknown"]),
    presence_changed_at=st.none() | MOMENTS,
    sync_changed_at=st.none() | MOMENTS,
)
ROWS = st.lists(
    st.builds(Row, st.integers(1, 40), CELLS, st.just(""), SHOWN, st.none() | st.just("etag")),
    max_size=8,
    unique_by=lambda row: row.id,
)
STATES = st.sampled_from(["Away", "PresenceUnknown", " odd ", "x" * 300])
PRESENCES = st.dictionaries(st.sampled_from(["id-1", "id-2", "ID-3"]), st.builds(Presence, STATES, STATES, MOMENTS))
