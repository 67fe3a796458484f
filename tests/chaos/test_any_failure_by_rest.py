"""No order of failures, edits and restarts lets the service do harm, or keeps it from healing: the list by rest.

In three parts, each with sequences of its own, so that none takes long.
"""

from __future__ import annotations

from tests.chaos.machine import AnyFailure
from tests.chaos.sequences import SEQUENCES


class AnyFailureByRest(AnyFailure):
    api = "rest"


class First(AnyFailureByRest):
    pass


class Second(AnyFailureByRest):
    pass


class Third(AnyFailureByRest):
    pass


TestFirst, TestSecond, TestThird = First.TestCase, Second.TestCase, Third.TestCase
TestFirst.settings = TestSecond.settings = TestThird.settings = SEQUENCES
