"""What was seen, whatever it was, becomes findings; of a cause and what follows from it only the cause is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.check import domains, hosts, sign_in
from sync_agent.check.faults import BY_NUMBER, NO_ANSWER, TABLE
from sync_agent.check.finding import Area, Finding, Level
from sync_agent.check.judge import judge, without_consequences
from sync_agent.check.observed import (
    AccessSeen,
    DomainsSeen,
    HostSeen,
    KeyFile,
    ListSeen,
    RowsSeen,
    Seen,
    SettingsSeen,
    SignInSeen,
    Trouble,
)

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SETTINGS = SettingsSeen("settings.yaml", 1)
NAMES = st.sampled_from(["contoso.com", "fabrikam.com", "graph.microsoft.com"])
KINDS = st.sampled_from(
    ["refused", "absent", "other", *sorted(set(NO_ANSWER) - {"ca_bundle_unusable", "names_unresolved"})]
)
TROUBLES = st.none() | st.builds(Trouble, KINDS, st.text(max_size=20), st.sampled_from([0, 401, 403, 404, 500]))
FINDINGS = st.lists(
    st.builds(
        lambda id_, about: Finding(id_, TABLE[id_].level, TABLE[id_].area, "", "", "", frozenset(about)),
        st.sampled_from(sorted(TABLE)),
        st.sets(NAMES, max_size=2),
    ),
    max_size=12,
)
SIGN_INS = st.builds(
    SignInSeen,
    account=NAMES,
    way=st.sampled_from(["client_secret", "certificate", "device_code", "managed_identity"]),
    host=NAMES,
    tenant_id=st.sampled_from(["11111111-1111-4111-8111-111111111111", "contoso.com"]),
    outcome=st.sampled_from(["", "signed_in", "refused", "nobody", "no_identity", "unanswered"]),
    number=st.none() | st.sampled_from([*BY_NUMBER, 1]),
    means=st.text(max_size=20),
    todo=st.text(max_size=20),
    got_tenant=st.sampled_from(["", "11111111-1111-4111-8111-111111111111", "2"]),
    granted=st.none() | st.frozensets(st.sampled_from(["User.Read.All", "Sites.FullControl.All"])),
    key_file=st.none()
    | st.builds(
        KeyFile,
        path=st.text(max_size=9),
        state=st.sampled_from(["usable", "unusable", "expired", "not_yet"]),
        ends=st.none() | st.datetimes(timezones=st.just(UTC)),
        begins=st.none() | st.datetimes(timezones=st.just(UTC)),
    ),
)
ACCESS = st.builds(
    AccessSeen, NAMES, st.sampled_from(["users", "presence", "domains"]), st.just("graph.microsoft.com"), TROUBLES
)
HOSTS = st.builds(HostSeen, NAMES, NAMES, st.just(()), TROUBLES, st.none() | st.floats(-1e6, 1e6, allow_nan=False))


@given(FINDINGS)
def test_what_is_left_out_follows_from_something_and_in_the_end_from_what_is_told(findings: list[Finding]) -> None:
    told = without_consequences(findings)
    assert without_consequences(told) == told
    for finding in findings:
        cause: Finding | None = finding
        while cause is not None and cause not in told:
            cause = next((other for other in findings if _follows(cause, other)), None)
        assert cause is not None


def _follows(finding: Finding, cause: Finding) -> bool:
    overlap = not finding.about or not cause.about or bool(finding.about & cause.about)
    return cause.id in TABLE[finding.id].follows and overlap


@given(FINDINGS, st.randoms())
def test_the_order_in_which_things_are_found_does_not_matter(findings: list[Finding], chance: object) -> None:
    backwards = without_consequences(findings[::-1])
    assert backwards[::-1] == without_consequences(findings)


@given(FINDINGS)
def test_where_something_is_wrong_something_wrong_is_told(findings: list[Finding]) -> None:
    wrong = [each for each in findings if each.level is not Level.OK]
    assert bool(wrong) == any(each.level is not Level.OK for each in without_consequences(findings))


@given(st.lists(HOSTS, max_size=3), st.lists(SIGN_INS, max_size=3), st.lists(ACCESS, max_size=4))
def test_whatever_was_seen_is_told_in_order_and_with_remedies(
    places: Sequence[HostSeen], sign_ins: Sequence[SignInSeen], access: Sequence[AccessSeen]
) -> None:
    seen = Seen(NOW, SETTINGS, hosts=places, sign_ins=sign_ins, access=access)
    told = judge(seen)
    areas = [list(Area).index(each.area) for each in told]
    assert areas == sorted(areas)
    assert all((each.remedy is None) is (each.level is Level.OK) for each in told)
    assert len({(each.id, each.subject, each.message) for each in told}) == len(told)


@given(st.lists(HOSTS, min_size=1, max_size=3))
def test_a_host_that_does_not_answer_is_told_once_and_a_proxy_once_for_all(places: list[HostSeen]) -> None:
    told = list(hosts.judge((), places))
    wrong = [each for each in told if each.id in NO_ANSWER]
    behind = {each.trouble.kind for each in places if each.trouble and each.trouble.kind in hosts.OF_PROXY}
    others = [each for each in places if each.trouble and each.trouble.kind not in hosts.OF_PROXY]
    if len(places) > 1 and all(each.trouble and each.trouble.kind == "host_unknown" for each in places):
        assert [each.id for each in wrong] == ["names_unresolved"]
        return
    assert len(wrong) == len(behind) + len(others)


def test_a_name_among_others_that_are_known_is_a_slip_and_without_any_it_is_the_network() -> None:
    unknown = [HostSeen(name, "", (), Trouble("host_unknown", "")) for name in ("a", "b")]

    def told(places: list[HostSeen]) -> list[str]:
        return [each.id for each in hosts.judge((), places) if each.level is Level.ERROR]

    assert told(unknown) == ["names_unresolved"]
    assert told([*unknown, HostSeen("c", "", ())]) == ["host_unknown", "host_unknown"]
    assert told(unknown[:1]) == ["host_unknown"]


@given(st.floats(-1e5, 1e5, allow_nan=False), st.floats(-1e5, 1e5, allow_nan=False))
def test_the_clock_is_judged_by_the_host_that_differs_least(one: float, other: float) -> None:
    places = [HostSeen("a", "", (), ahead=one), HostSeen("b", "", (), ahead=other)]
    (told,) = [each for each in hosts.judge((), places) if each.id.startswith("clock")]
    off = min(abs(one), abs(other))
    assert told.id == ("clock_off" if off >= hosts.OFF else "clock_drifts" if off >= hosts.DRIFTS else "clock_right")


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 100)),
    st.dictionaries(st.sampled_from(["one", "two"]), st.none() | st.frozensets(st.sampled_from("abcdef"))),
)
def test_a_strange_domain_is_no_accounts_and_in_more_rows_than_a_few(
    rows: dict[str, int], of_accounts: dict[str, frozenset[str] | None]
) -> None:
    count = sum(rows.values())
    found = domains.strange(RowsSeen(count, True, rows), of_accounts)
    for domain, number in rows.items():
        known = any(domain in each for each in of_accounts.values() if each)
        assert (domain in found) == (not known and number >= max(5, round(count * 0.01)))


def test_whose_a_domain_is_must_be_known_before_it_is_nobodys() -> None:
    agents = ListSeen("one", "", "graph", "", "", rows=RowsSeen(10, True, {"contoso.com": 10}))
    unsure = DomainsSeen({"one": None}, {"one": "t"})

    def told(seen: DomainsSeen) -> list[str]:
        return [each.id for each in without_consequences(list(domains.judge(seen, agents)))]

    assert told(unsure) == ["domains_match"]
    assert told(DomainsSeen({"one": None}, {"one": "T"}, {"contoso.com": "t"})) == ["domains_match"]
    assert told(DomainsSeen({"one": None}, {"one": "t"}, {"contoso.com": "u"})) == ["domain_without_account"]
    assert told(DomainsSeen({"one": None}, {"one": "t"}, {"contoso.com": ""})) == ["domain_without_account"]
    assert told(DomainsSeen({"one": frozenset({"x.com"})}, {"one": "t"})) == ["domain_without_account"]


def test_an_account_is_without_rows_only_where_every_domain_is_known_for_somebody_elses() -> None:
    few = ListSeen("one", "", "graph", "", "", rows=RowsSeen(4, True, {"contoso.com": 2, "slip.com": 2}))

    def told(owners: dict[str, str], *, agents: ListSeen = few) -> list[str]:
        return [each.id for each in domains.judge(DomainsSeen({"one": None}, {"one": "t"}, owners), agents)]

    assert told({"contoso.com": "u", "slip.com": ""}) == ["account_without_rows"]
    assert told({"contoso.com": "u"}) == ["domains_match"]
    assert told({"contoso.com": "u", "slip.com": "t"}) == ["domains_match"]
    half = replace(few, rows=RowsSeen(4, False, {"contoso.com": 4}))
    assert told({"contoso.com": "u"}, agents=half) == ["domains_match"]


@given(st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_a_credential_is_warned_of_within_thirty_days_of_its_end(left: timedelta) -> None:
    by_file = SignInSeen("a", "certificate", "", "t", key_file=KeyFile("f", ends=NOW + left))
    by_registration = SignInSeen("a", "client_secret", "", "t", ends=[("client_secret", NOW + left)])
    assert bool(list(sign_in.judge([by_file], NOW))) == (left < timedelta(days=30))
    soon = timedelta() <= left < timedelta(days=30)
    assert bool(list(sign_in.judge([by_registration], NOW))) == soon
