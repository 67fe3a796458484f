"""What is sent again, after how long, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.microsoft365.errors import Garbled, ServiceError, Throttled, Unreachable
from sync_agent.microsoft365.retrying import Retrying, http_date, retry_after
from sync_agent.microsoft365.transport import Answer, Bounds, Request, Transport
from tests.microsoft365.contoso import Contoso, Ticking, refusing
from tests.microsoft365.wires import Doing, Wire, answer, half, reset, silence, wire

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
DATE = "Tue, 24 Nov 2026 12:00:30 GMT"
ORGANIZATION = "/v1.0/organization"
READ, WRITE = True, False
FEW_TRIES = 3


async def send(
    url: str, repeatable: bool = READ, clock: Ticking | None = None, attempts: int = FEW_TRIES, **more: Any
) -> Answer:
    clock = clock or Ticking()
    transport = Transport(retrying=Retrying(attempts=attempts), sleep=clock.sleep, **more)
    try:
        return await transport.send(
            Request("GET" if repeatable else "POST", url, body=b"" if repeatable else b"{}", repeatable=repeatable)
        )
    finally:
        await transport.aclose()


async def over(wired: Wire, repeatable: bool = READ, clock: Ticking | None = None, **more: Any) -> Answer:
    return await send(f"{wired.url}/x", repeatable, clock, ca_bundles=[wired.ca_bundle], **more)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        ("2.5", 2.5),
        ("-3", 0),
        (DATE, 30),
        ("Tue, 24 Nov 2026 12:00:30 -0000", 30),
        ("Tue, 24 Nov 2026 13:00:30 +0100", 30),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0),
        ("", None),
        (None, None),
        ("soon", None),
        ("inf", None),
        ("nan", None),
    ],
)
def test_a_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@given(st.text(max_size=40) | st.text("MonTueJan 0123456789:+-GMT,", max_size=40))
def test_no_retry_after_is_too_odd_to_be_read(value: str) -> None:
    seconds = retry_after(value, NOW)
    assert seconds is None or 0 <= seconds < float("inf")
    moment = http_date(value)
    assert moment is None or moment.tzinfo is not None


def test_pauses_grow_are_bounded_and_are_no_two_alike() -> None:
    retrying = Retrying(base=1, cap=30, random=Random(1))
    for tried, longest in ((1, 1), (2, 2), (3, 4), (6, 30), (5_00, 30)):
        pauses = {retrying.pause(tried) for _ in range(200)}
        assert len(pauses) == 200
        assert 0 < min(pauses) < 0.2 * longest
        assert 0.9 * longest < max(pauses) <= longest


@pytest.mark.anyio
@pytest.mark.parametrize("repeatable", [READ, WRITE])
@pytest.mark.parametrize("status", [429, 503, 509])
async def test_what_was_throttled_is_sent_again_after_its_time(contoso: Contoso, status: int, repeatable: bool) -> None:
    """Writes too: what the service refused was not carried out."""
    contoso.spoil(ORGANIZATION, **refusing(status, headers={"retry-after": "7"}), times=2)
    got = await send(contoso.world.origin + ORGANIZATION, repeatable, contoso.clock)
    assert got.status in {401, 404}  # of the service itself: nobody signed in
    assert contoso.clock.slept == [7, 7]


@pytest.mark.anyio
async def test_a_retry_after_that_is_a_date_is_read_by_the_services_own_clock() -> None:
    """Which is six years behind ours, or ahead of it."""
    throttled = answer(status="429 Slow down", headers=f"Date: Tue, 24 Nov 2026 12:00:00 GMT\nRetry-After: {DATE}")
    long_ago = throttled.replace(b"2026", b"2020")
    clock = Ticking()
    async with wire(throttled, long_ago, answer()) as wired:
        assert (await over(wired, clock=clock)).status == 200
    assert clock.slept == [30, 30]


@pytest.mark.anyio
@pytest.mark.parametrize("header", ["", "0", "soon"])
async def test_a_retry_after_that_says_nothing_is_replaced_by_experience(contoso: Contoso, header: str) -> None:
    contoso.spoil(ORGANIZATION, **refusing(429, headers={"retry-after": header} if header else {}))
    with pytest.raises(Throttled):
        await send(contoso.world.origin + ORGANIZATION, clock=contoso.clock)
    first, second = contoso.clock.slept
    assert 0 < first <= 0.5
    assert 0 < second <= 1
    assert first != second


@pytest.mark.anyio
async def test_throttled_for_good_is_told_with_the_time_and_the_request(contoso: Contoso) -> None:
    headers = {"retry-after": "7", "request-id": "11-22"}
    contoso.spoil(ORGANIZATION, **refusing(429, headers=headers))
    with pytest.raises(Throttled) as caught:
        await send(contoso.world.origin + ORGANIZATION, clock=contoso.clock)
    host = contoso.world.origin.removeprefix("https://")
    assert caught.value.told == f"{host} is throttling us (429), request 11-22"
    assert (caught.value.retry_after, caught.value.request_id) == (7, "11-22")
    assert len(contoso.heard()) == FEW_TRIES
    assert contoso.clock.slept == [7, 7]  # after the last try nobody waits


@pytest.mark.anyio
async def test_nobody_waits_longer_than_patience(contoso: Contoso) -> None:
    contoso.spoil(ORGANIZATION, **refusing(503, headers={"retry-after": "121"}))
    with pytest.raises(Throttled) as caught:
        await send(contoso.world.origin + ORGANIZATION, clock=contoso.clock)
    assert caught.value.retry_after == 121
    assert contoso.clock.slept == []


@pytest.mark.anyio
@pytest.mark.parametrize("status", [500, 502, 504])
async def test_what_broke_is_repeated_only_where_that_does_no_harm(contoso: Contoso, status: int) -> None:
    contoso.spoil("GET", **refusing(status), times=2)
    contoso.spoil("POST", **refusing(status))
    assert (await send(contoso.world.origin + ORGANIZATION, READ)).status == 401
    assert len(contoso.heard()) == 3
    with pytest.raises(Garbled, match=f"the service answered {status}, Refused: told {status}$"):
        await send(contoso.world.origin + ORGANIZATION, WRITE)
    assert len(contoso.heard()) == 4


@pytest.mark.anyio
async def test_what_stays_broken_is_told(contoso: Contoso) -> None:
    contoso.spoil(ORGANIZATION, status=502, headers={"request-id": "11-22"}, body=b"<html>Bad gateway")
    with pytest.raises(Garbled, match=r"502, no explanation given$") as caught:
        await send(contoso.world.origin + ORGANIZATION, clock=contoso.clock)
    assert caught.value.request_id == "11-22"
    assert len(contoso.heard()) == FEW_TRIES
    assert len(contoso.clock.slept) == FEW_TRIES - 1


@pytest.mark.anyio
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 501])
async def test_other_refusals_are_not_repeated(contoso: Contoso, status: int) -> None:
    contoso.spoil(ORGANIZATION, **refusing(status))
    try:
        assert (await send(contoso.world.origin + ORGANIZATION)).status == status
    except Garbled:
        assert status == 501
    assert len(contoso.heard()) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("fault", [{"reset": True}, {"cut": True}])
async def test_a_connection_that_breaks_is_tried_again_by_who_reads(contoso: Contoso, fault: dict[str, bool]) -> None:
    contoso.spoil("organization", times=2, **fault)
    assert (await send(contoso.world.origin + ORGANIZATION, READ)).status == 401
    assert len(contoso.heard()) == 3


@pytest.mark.anyio
@pytest.mark.parametrize("doing", [reset, half, silence])
async def test_a_write_that_may_have_arrived_is_not_sent_again(doing: Doing) -> None:
    async with wire(doing, answer()) as wired:
        with pytest.raises(Unreachable):
            await over(wired, WRITE, bounds=Bounds(read=0.05))
        assert len(wired.heard) == 1


@pytest.mark.anyio
async def test_a_write_that_found_no_connection_is_sent_again() -> None:
    clock = Ticking()
    async with wire(answer()) as wired:
        url = wired.url
    with pytest.raises(Unreachable, match="could not be reached: Connection refused"):
        await send(f"{url}/x", WRITE, clock)
    assert len(clock.slept) == FEW_TRIES - 1


@pytest.mark.anyio
async def test_a_connection_that_broke_while_idle_is_tried_again_as_any_other() -> None:
    """By the transport, that is: pauses, counts and request ids are its business."""
    clock = Ticking()
    async with wire(answer(), reset, answer()) as wired:
        transport = Transport(ca_bundles=[wired.ca_bundle], sleep=clock.sleep)
        for _ in range(2):
            await transport.send(Request("GET", wired.url, kind="list"))
        await transport.aclose()
        ids = wired.headers("client-request-id")
        assert len(set(ids)) == len(ids) == 3
        assert transport.requests == {"list": 3}
        assert len(clock.slept) == 1


@pytest.mark.anyio
async def test_the_number_of_tries_is_kept_over_troubles_of_all_kinds() -> None:
    throttled = answer(status="429 Slow down", headers="Retry-After: 1")
    async with wire(reset, throttled, answer(status="502 Bad"), reset, answer()) as wired:
        with pytest.raises(ServiceError):
            await over(wired, attempts=4)
        assert len(wired.heard) == 4
