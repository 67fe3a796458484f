"""No order of failures, edits and restarts lets the service do harm, or keeps it from healing: the list by graph.

In three parts, each with sequences of its own, so that none takes long.
"""

from __future__ import annotations

from tests.chaos.machine import AnyFailure
from tests.chaos.sequences import SEQUENCES


class AnyFailureByGraph(AnyFailure):
    api = "graph"


class First(AnyFailureByGraph):
    pass


class Second(AnyFailureByGraph):
    pass


class Third(AnyFailureByGraph):
    pass


TestFirst, TestSecond, TestThird = First.TestCase, Second.TestCase, Third.TestCase
TestFirst.settings = TestSecond.settings = TestThird.settings = SEQUENCES
