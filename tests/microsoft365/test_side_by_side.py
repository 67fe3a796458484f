"""Chunks of work side by side: never more than allowed, in order where order is promised, and nothing left running."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable

import pytest

from sync_agent.microsoft365.errors import Garbled, ServiceError, SignInFailed, Throttled, Unreachable
from sync_agent.microsoft365.list_answers import Outcome, Written
from sync_agent.microsoft365.side_by_side import Trouble, chunks, each, side_by_side
from tests.virtual_time import Clock, hurry


class Work:
    """A chunk is how many seconds it takes; a negative one fails then. Ended: those that came to an end, in order."""

    def __init__(self) -> None:
        self.begun: list[float] = []
        self.ended: list[float] = []
        self.cancelled: list[float] = []
        self.running = self.most = 0

    async def __call__(self, seconds: float) -> list[Outcome]:
        self.begun.append(seconds)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(abs(seconds))
        except asyncio.CancelledError:
            await asyncio.sleep(1)  # it takes its time to end
            self.cancelled.append(seconds)
            raise
        finally:
            self.running -= 1
        self.ended.append(seconds)
        if seconds < 0:
            raise Unreachable("away")
        return [Written(int(seconds)), Written(int(seconds) + 100)]

    async def result(self, seconds: float) -> float:
        await self(seconds)
        return seconds


def rows(outcomes: list[Outcome]) -> list[int]:
    return [outcome.row_id for outcome in outcomes]


def alone(work: Callable[[], Awaitable[None]]) -> list[str]:
    """Do this; what the loop had to complain about."""
    complaints: list[str] = []

    async def main(clock: Clock) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context["message"]))
        await work()
        gc.collect()  # whoever failed and was not asked why, complains now
        left = asyncio.all_tasks() - {asyncio.current_task()}
        complaints.extend(f"left running: {task}" for task in left)

    hurry(main)
    return complaints


def test_outcomes_come_as_chunks_are_done_and_all_of_them() -> None:
    work = Work()

    async def main(clock: Clock) -> list[Outcome]:
        return [outcome async for outcome in side_by_side(work, [5.0, 1.0, 3.0, 2.0], 2)]

    assert rows(hurry(main)) == [1, 101, 3, 103, 5, 105, 2, 102]
    assert work.begun == [5, 1, 3, 2]


@pytest.mark.parametrize("most", [1, 3, 50])
def test_no_more_are_under_way_than_allowed(most: int) -> None:
    work = Work()

    async def main(clock: Clock) -> int:
        return len([outcome async for outcome in side_by_side(work, [1.0] * 20, most)])

    assert hurry(main) == 40
    assert work.most == min(most, 20)


def test_nothing_to_do_is_done() -> None:
    async def main(clock: Clock) -> tuple[list[Outcome], list[float]]:
        work = Work()
        return [outcome async for outcome in side_by_side(work, [], 3)], await each(work.result, [], 3)

    assert hurry(main) == ([], [])


def test_closing_early_ends_what_runs_and_begins_no_more() -> None:
    work = Work()

    async def main() -> None:
        outcomes = side_by_side(work, [1.0, 50.0, 60.0, 70.0], 2)
        assert await anext(outcomes) == Written(1)
        await outcomes.aclose()

    assert alone(main) == []
    assert work.cancelled == [50]
    assert work.begun == [1, 50]


def test_a_caller_who_is_cancelled_ends_what_runs() -> None:
    work = Work()

    async def main() -> None:
        task = asyncio.create_task(anext(side_by_side(work, [50.0, 60.0], 2)))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert alone(main) == []
    assert sorted(work.cancelled) == [50, 60]


def test_an_error_ends_the_others() -> None:
    """Two at once, even: only one can be told, and the other is no complaint of the loop's."""
    work = Work()

    async def main() -> None:
        with pytest.raises(Unreachable):
            async for _ in side_by_side(work, [-2.0, -2.0, 50.0, 60.0], 3):
                pass

    assert alone(main) == []
    assert 50 in work.cancelled


def test_each_gives_its_results_in_the_order_of_the_questions() -> None:
    work = Work()

    async def main(clock: Clock) -> list[float]:
        return await each(work.result, [5.0, 1.0, 3.0, 2.0, 4.0], 2)

    assert hurry(main) == [5, 1, 3, 2, 4]
    assert work.most == 2


def test_the_first_error_ends_each_of_the_rest() -> None:
    work = Work()

    async def main() -> None:
        with pytest.raises(Unreachable):
            await each(work.result, [-2.0, -2.0, 50.0, 60.0], 3)
        assert work.cancelled  # ended already, not only told to

    assert alone(main) == []
    assert work.running == 0
    assert 60 not in work.ended


def test_chunks_are_of_one_size_but_the_last() -> None:
    assert list(chunks(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(chunks([], 3)) == []


@pytest.mark.parametrize(
    ("heard", "useless"),
    [
        ([Throttled("slow")], True),
        ([SignInFailed("no")], True),
        ([Garbled("html")] * 9, False),
        ([Unreachable("away")] * 2, False),
        ([Unreachable("away")] * 3, True),
        ([Unreachable("away"), Unreachable("away"), None, Unreachable("away")], False),
        ([Unreachable("away"), Garbled("html")] * 5, False),
        ([Throttled("slow"), None], True),
    ],
)
def test_trouble_is_when_it_is_of_no_use_to_go_on(heard: list[ServiceError | None], useless: bool) -> None:
    trouble = Trouble()
    for error in heard:
        trouble.heard(error)
    if useless:
        with pytest.raises(ServiceError):
            trouble.check()
    else:
        trouble.check()
